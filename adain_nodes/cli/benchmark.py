"""Measures speed and memory, and those of plain networks in the same run."""

from __future__ import annotations

import gc
import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from ..host import devices
from ..host.options import Precision
from ..models.model import Model, load_model
from ..models.networks.vgg import MIN_SIDE, STRIDE, Architecture, Layer, grid_size
from ..pipeline import transfer
from ..pipeline.stylize import stylize
from .plain_networks import PlainModel

PLAIN = "plain"
STYLE_ENCODED = "style encoded"
STYLE_CACHED = "style cached"

PEAK_SIDE = 4096
"""Side of the matrices whose product shows the peak speed of a device."""

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Setting:
    """What is measured."""

    model: str
    """Name or path of a model, see `load_model`."""

    device: str
    """Device to compute on, such as cpu or cuda:0."""

    precision: Precision
    """Precision to compute in; plain networks always have fp32."""

    method: str
    """`PLAIN` networks, or this package with the style encoded each time, `STYLE_ENCODED`, or
    beforehand, `STYLE_CACHED`."""

    size: int
    """Side of content and style in px."""


@dataclass(frozen=True)
class Timing:
    """How long a setting took."""

    setting: Setting
    """What was measured."""

    flops: int
    """Nominal floating point operations of a call, see `convolution_flops`."""

    folded_flops: int
    """Operations that are left where upsampling is folded; plain networks do not fold it."""

    first: float
    """Seconds that the first call took."""

    seconds: list[float] = field(default_factory=list)
    """Seconds that each later call took."""

    @property
    def median(self) -> float:
        """Median of `seconds`."""
        return statistics.median(self.seconds)


def settings(model: str, device: str, size: int) -> list[Setting]:
    """What to compare at a size: plain networks, and ours at automatic precision and in fp32."""
    base = Setting(model, device, "fp32", PLAIN, size)
    chosen = devices.compute_dtype("auto", torch.device(device))
    precisions: list[Precision] = ["fp32"] if chosen == torch.float32 else ["auto", "fp32"]
    ours = [
        replace(base, precision=precision, method=method)
        for precision in precisions
        for method in (STYLE_ENCODED, STYLE_CACHED)
    ]
    return [base, *ours]


def measure(chosen: Sequence[Setting], rounds: int) -> list[Timing]:
    """Times each setting once in every round, so that all meet the machine's changing load."""
    calls = [prepare(setting) for setting in chosen]
    timings = []
    for setting, call in zip(chosen, calls, strict=True):
        architecture = _load(setting).encoder.load().architecture
        pictures = 1 if setting.method == STYLE_CACHED else 2
        nominal, folded = (
            convolution_flops(
                architecture, (setting.size, setting.size), encoded=pictures, folded=folded
            )
            for folded in (False, setting.method != PLAIN)
        )
        timings.append(Timing(setting, nominal, folded, seconds_of(call, setting.device)))
    for _ in range(rounds):
        for timing, call in zip(timings, calls, strict=True):
            timing.seconds.append(seconds_of(call, timing.setting.device))
    return timings


def prepare(setting: Setting) -> Callable[[], Tensor]:
    """A function that stylises a picture of random values, [1,S,S,3], as a setting says."""
    model = _load(setting)
    generator = torch.Generator().manual_seed(0)
    shape = (1, setting.size, setting.size, 3)
    content, art = (torch.rand(shape, generator=generator) for _ in range(2))
    if setting.method == PLAIN:
        plain = PlainModel(model)
        return lambda: plain(content, art)
    style = transfer.style_of(model, art) if setting.method == STYLE_CACHED else art
    return lambda: stylize(content, style, model=model, style_size=0)


def convolution_flops(
    architecture: Architecture, size: tuple[int, int], *, encoded: int, folded: bool
) -> int:
    """Floating point operations of the convolutions, a multiplication and an addition for each tap,
    in which `encoded` pictures of this height and width in px are encoded and one is decoded.
    `folded` counts 4 of 9 taps where upsampling is folded into the convolution after it, see
    `networks.upsampling`."""
    high, wide = (max(side, MIN_SIDE) for side in size)

    def operations(layer: Layer, height: int, width: int) -> int:
        taps = 4 if folded and layer.upsamples else 9
        positions = -(-height // layer.stride) * -(-width // layer.stride)
        return 2 * taps * layer.inputs * layer.outputs * positions

    encoding = sum(operations(layer, high, wide) for layer in architecture.encoder_layers())
    high, wide = (STRIDE * cells for cells in grid_size(size))
    decoding = sum(operations(layer, high, wide) for layer in architecture.decoder_layers())
    return encoded * encoding + decoding


def peak_flops(device: str, dtype: torch.dtype, rounds: int = 3, side: int = PEAK_SIDE) -> float:
    """Floating point operations a second in a product of square matrices, best of several."""
    a = torch.rand(side, side, device=device).to(dtype)
    seconds = [seconds_of(lambda: a @ a, device) for _ in range(rounds + 1)]
    return 2 * side**3 / min(seconds)


def memory_in_a_fresh_process(setting: Setting) -> int | None:
    """Bytes that a call needs at its peak, pictures included, on top of a process that has loaded
    the model and stylised a small picture; on GPUs, in the device's memory. None if the system does
    not tell."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak_memory, setting, torch.get_num_threads()).result()


def _peak_memory(setting: Setting, threads: int) -> int | None:
    torch.set_num_threads(threads)
    prepare(replace(setting, size=64))()

    def call() -> None:  # pictures included
        prepare(setting)()

    return peak_memory(call, setting.device)


def peak_memory(call: Callable[[], object], device: str) -> int | None:
    """Bytes that a call needs at its peak, on top of what the process, or its GPU, holds before;
    None if the system does not tell."""
    gc.collect()
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return torch.cuda.max_memory_allocated(device) - before
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    resident = process_memory("VmRSS")
    call()
    peak = process_memory("VmHWM")
    return None if resident is None or peak is None else peak - resident


def process_memory(name: str) -> int | None:
    """What Linux says of this process's memory, such as VmRSS, in bytes; None on other systems."""
    with suppress(OSError):
        found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
        return None if found is None else int(found[1]) << 10
    return None


def _load(setting: Setting) -> Model:
    return load_model(setting.model, precision=setting.precision, device=setting.device)


def seconds_of(call: Callable[[], object], device: str) -> float:
    """How long a call takes on a device, in seconds."""
    _synchronize(device)
    started = time.perf_counter()
    call()
    _synchronize(device)
    return time.perf_counter() - started


def _synchronize(device: str) -> None:
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()

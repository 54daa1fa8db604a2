"""What the surroundings give: device, free memory, progress, cancel, model folders.

Inside a running ComfyUI these are ComfyUI's; elsewhere, those of a plain process. This is the only
module that touches ComfyUI, and it never starts it: it looks whether it is there already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import torch
from torch import nn

from .errors import InputError
from .memory import free_memory

Precision = Literal["auto", "fp32", "bf16", "fp16"]

Progress = Callable[[int, int], None]
"""Told how much is done, of how much in all; raises to cancel."""

MODEL_FOLDER = "adain"
"""Name of our folder among the host's model folders."""

STYLE_FOLDER = "adain_styles"
"""Likewise, of the folder that styles are kept in."""

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

N = TypeVar("N", bound=nn.Module)


class Resident(Generic[N]):
    """A network where a plain process keeps it: on its device, for good.

    Args:
        network: moved to the device.
        device: where it computes.
    """

    def __init__(self, network: N, device: torch.device) -> None:
        self.device = device
        self._network = network.to(device)

    def load(self) -> N:
        """The network, on its device and ready to compute."""
        return self._network


class Host:
    """A plain process."""

    def device(self) -> torch.device:
        """Where networks compute: a GPU where there is one."""
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")

    def output_device(self) -> torch.device:
        """Where results are kept."""
        return torch.device("cpu")

    def free_memory(self, device: torch.device) -> int | None:
        """Bytes that can still be allocated on a device; None if nobody knows."""
        return free_memory(device)

    def favors_fp16(self, device: torch.device) -> bool:
        """Whether a device computes fast and right in fp16."""
        if device.type == "cuda":
            # Before Volta fp16 is slow, and convolutions of the GTX 16 series give NaN.
            name = torch.cuda.get_device_name(device)
            return torch.cuda.get_device_capability(device) >= (7, 0) and "GTX 16" not in name
        return device.type == "mps"

    def model_folders(self) -> list[Path]:
        """Where users put weights, in the order to search them."""
        return []

    def style_folders(self) -> list[Path]:
        """Where styles are kept, in the order to search them; new ones go into the first."""
        return []

    def resident(self, network: N, device: torch.device) -> Resident[N]:
        """Takes a network into care; it must be loaded anew for each use."""
        return Resident(network, device)

    def progress(self) -> Progress | None:
        """Shows the progress of one piece of work; None if nobody looks."""
        return None


class _ComfyResident(Resident[N]):
    """A network that ComfyUI moves to its device for each use, and may evict after it."""

    def __init__(self, network: N, device: torch.device) -> None:
        from comfy import model_management, model_patcher  # noqa: PLC0415

        self.device = device
        # ComfyUI itself holds no strong reference to the patcher: this one keeps it alive.
        self._patcher = model_patcher.ModelPatcher(
            network, load_device=device, offload_device=model_management.unet_offload_device()
        )

    def load(self) -> N:
        from comfy import model_management  # noqa: PLC0415

        model_management.load_models_gpu([self._patcher])
        network: N = self._patcher.model
        # With --novram ComfyUI leaves weights where they are and expects layers to fetch their own;
        # our networks of 12 MB are no burden.
        return network.to(self.device)


class ComfyHost(Host):
    """A running ComfyUI."""

    def __init__(self) -> None:
        import folder_paths  # noqa: PLC0415

        for name in (MODEL_FOLDER, STYLE_FOLDER):
            folder = Path(folder_paths.models_dir) / name
            with suppress(OSError):  # Nobody needs to put files there: a read-only disk will do.
                folder.mkdir(parents=True, exist_ok=True)
            folder_paths.add_model_folder_path(name, str(folder))

    def device(self) -> torch.device:
        from comfy import model_management  # noqa: PLC0415

        device: torch.device = model_management.get_torch_device()
        return device

    def output_device(self) -> torch.device:
        from comfy import model_management  # noqa: PLC0415

        device: torch.device = model_management.intermediate_device()
        return device

    def free_memory(self, device: torch.device) -> int | None:
        from comfy import model_management  # noqa: PLC0415

        free: int = model_management.get_free_memory(device)
        return free

    def favors_fp16(self, device: torch.device) -> bool:
        from comfy import model_management  # noqa: PLC0415

        favors: bool = model_management.should_use_fp16(device)
        return favors

    def model_folders(self) -> list[Path]:
        import folder_paths  # noqa: PLC0415

        return [Path(folder) for folder in folder_paths.get_folder_paths(MODEL_FOLDER)]

    def style_folders(self) -> list[Path]:
        import folder_paths  # noqa: PLC0415

        own = Path(folder_paths.models_dir) / STYLE_FOLDER
        others = (Path(folder) for folder in folder_paths.get_folder_paths(STYLE_FOLDER))
        return [own, *(folder for folder in others if folder != own)]

    def resident(self, network: N, device: torch.device) -> Resident[N]:
        return _ComfyResident(network, device)

    def progress(self) -> Progress | None:
        """Draws on the running node. Each report is also where a user's cancel takes effect."""
        from comfy import utils  # noqa: PLC0415

        bar: Any = None

        def report(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = utils.ProgressBar(total)
            bar.update_absolute(done, total)

        return report


@cache
def current() -> Host:
    """The host that this process runs in.

    ComfyUI imports its own modules before any pack, so that they are there tells it apart.
    """
    return ComfyHost() if "comfy.model_management" in sys.modules else Host()


def compute_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The floating type that networks compute in.

    Args:
        precision: `auto` is what is fastest without visible loss: fp16 on GPUs that are good at it,
            see `Host.favors_fp16`, bf16 on CPUs with AMX or AVX512-BF16, otherwise fp32.
        device: where they compute.

    Raises:
        InputError: the precision is unknown.
    """
    if precision in _DTYPES:
        return _DTYPES[precision]
    if precision != "auto":
        raise InputError(f"precision must be auto, {', '.join(_DTYPES)}, got {precision!r}")
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    return torch.float16 if current().favors_fp16(device) else torch.float32


@cache
def _cpu_has_bf16() -> bool:
    # Older releases of torch have no such function; fp32 is right everywhere.
    get_capabilities = getattr(torch.cpu, "get_capabilities", dict)
    capabilities: dict[str, object] = get_capabilities()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "amx_tile", "avx512_bf16"))

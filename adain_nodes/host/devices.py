"""Devices and floating types to compute in."""

from __future__ import annotations

import re
from functools import cache

import torch

from . import surroundings
from .errors import InputError
from .options import PRECISIONS, Precision, check_choice

_DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def chosen_device(device: str | torch.device | None) -> torch.device:
    """The device that networks compute on.

    Args:
        device: "auto" or None for the host's choice, "cpu", "cuda", "cuda:N" or "mps". A
            `torch.device` is taken as it is.

    Raises:
        InputError: there is no such device on this machine; the message lists those there are.
    """
    if isinstance(device, torch.device):
        return device
    if device is None or device == "auto":
        return surroundings.current().device()
    available = ["cpu"]
    if torch.cuda.is_available():
        available += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        available.append("mps")
    if device not in available:
        known = re.fullmatch(r"cuda(:\d+)?|mps", device)
        problem = "is not available here" if known else "is unknown"
        raise InputError(f"device {device} {problem}; there are auto, {', '.join(available)}")
    return torch.device(device)


def compute_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The floating type that networks compute in.

    Args:
        precision: `auto` is what is fastest without visible loss: fp16 on GPUs that are good at it,
            see `Host.favors_fp16`, bf16 on CPUs with AMX or AVX512-BF16, otherwise fp32.
        device: where they compute.

    Raises:
        InputError: the precision is unknown.
    """
    check_choice("precision", precision, PRECISIONS)
    if precision in _DTYPES:
        return _DTYPES[precision]
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    return torch.float16 if surroundings.current().favors_fp16(device) else torch.float32


def name_of(dtype: torch.dtype) -> Precision:
    """What a floating type is called among the options."""
    return next(name for name, known in _DTYPES.items() if known == dtype)


@cache
def _cpu_has_bf16() -> bool:
    # Older releases of torch have no such function; fp32 is right everywhere.
    get_capabilities = getattr(torch.cpu, "get_capabilities", dict)
    capabilities: dict[str, object] = get_capabilities()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "amx_tile", "avx512_bf16"))

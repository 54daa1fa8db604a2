"""The option --device."""

from __future__ import annotations

import re

import torch

from ..host import surroundings
from ..host.errors import InputError


def chosen_device(text: str) -> torch.device:
    """Where to compute.

    Args:
        text: auto, cpu, cuda, cuda:N or mps; auto is the host's choice.

    Raises:
        InputError: there is no such device on this machine; the message names those there are.
    """
    if text == "auto":
        return surroundings.current().device()
    available = ["cpu"]
    if torch.cuda.is_available():
        available += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        available.append("mps")
    if text not in available:
        known = re.fullmatch(r"(cpu|mps|cuda(:\d+)?)", text)
        problem = "is not available here" if known else "is unknown"
        raise InputError(f"--device {text} {problem}; there are auto, {', '.join(available)}")
    return torch.device(text)

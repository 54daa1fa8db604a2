"""Films whose motion is known."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def texture(height: int, width: int, *, coarse: int = 4) -> Tensor:
    """A random picture [H,W,3] in 0..1 with details of so many px, which flow can follow."""
    small = torch.rand(1, 3, height // coarse + 4, width // coarse + 4)
    large = F.interpolate(small, scale_factor=coarse, mode="bicubic")[0].clamp(0, 1)
    return large[:, :height, :width].movedim(0, -1).contiguous()


def panned(picture: Tensor, frames: int, step: float, width: int) -> Tensor:
    """A window [T,H,width,3] that wanders to the left over a picture [H,W,3] by `step` px a frame,
    so that what it shows moves to the right; shifted by Fourier transform, which blurs nothing."""
    spectrum = torch.fft.rfft(picture, dim=1)
    steps = torch.arange(spectrum.shape[1])[None, :, None]
    shown = []
    for index in range(frames):
        turn = torch.exp(-2j * math.pi * steps * step * index / picture.shape[1])
        moved = torch.fft.irfft(spectrum * turn, n=picture.shape[1], dim=1)
        shown.append(moved[:, -width:].clamp(0, 1))
    return torch.stack(shown)

"""Frames of high dynamic range (HDR) or wide gamut as standard ones (SDR, BT.709)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

PQ = 16
"""FFmpeg's number of the curve of SMPTE ST 2084."""

HLG = 18
"""FFmpeg's number of the curve of ARIB STD-B67."""

BT2020 = 9
"""FFmpeg's number of the primaries and of the matrix of BT.2020."""

BT709 = 1
"""FFmpeg's number of the primaries, the curve and the matrix of BT.709."""

_PEAK = 1000.0  # cd/m2 that become white; what is brighter is cut off
_WHITE = 203.0  # cd/m2 of a white page, BT.2408; SDR's white

_GAMMA = 2.4  # of an SDR display, BT.1886
_HLG_GAMMA = 1.2  # of the system, at a peak of 1000 cd/m2, BT.2100
_LUMINANCE = (0.2627, 0.6780, 0.0593)  # of BT.2020
_TO_BT709 = torch.tensor(  # BT.2087, of light
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)

Values = np.ndarray[Any, np.dtype[Any]]


def needs_conversion(primaries: int, transfer: int) -> bool:
    """Whether frames with these tags look wrong when they are taken for SDR BT.709."""
    return transfer in (PQ, HLG) or primaries == BT2020


def to_sdr(pixels: Values, transfer: int) -> Tensor:
    """Brings a frame in BT.2020 to SDR BT.709.

    Light is found by the curves of BT.2100: for PQ its EOTF, for HLG its inverse OETF and the OOTF
    for a display of 1000 cd/m2. It is converted to the primaries of BT.709, and what they cannot
    show is cut off. The largest of red, green and blue is brought from 0..1000 cd/m2 into
    0..203 cd/m2 by the curve of BT.2390, section 5.4.1, which leaves alone what is darker than
    93 cd/m2; the other two keep their ratio to it. The result is encoded for the display of
    BT.1886. Frames of standard range are converted to the primaries alone.

    Args:
        pixels: [H,W,3] of 16 bits, RGB of full range.
        transfer: FFmpeg's number of the curve.

    Returns:
        [H,W,3], fp32 in 0..1.
    """
    light = torch.from_numpy(_curve(transfer)[pixels])
    if transfer == HLG:
        scene = light @ torch.tensor(_LUMINANCE)
        light = light * (scene[..., None] ** (_HLG_GAMMA - 1) * (_PEAK / _WHITE))
    light = (light @ _TO_BT709.T).clamp(min=0)
    if transfer in (PQ, HLG):
        largest = light.amax(dim=2, keepdim=True)
        light = light * (_compressed(largest) / largest.clamp(min=1e-9))
    return light.clamp(max=1) ** (1 / _GAMMA)


def _compressed(light: Tensor) -> Tensor:
    """Light, 1 for white, brought from a peak of 1000 cd/m2 to one of 203 (BT.2390, 5.4.1)."""
    peak = _pq_signal(torch.tensor(_PEAK))
    white = _pq_signal(torch.tensor(_WHITE)) / peak
    knee = 1.5 * white - 0.5
    signal = (_pq_signal(light * _WHITE) / peak).clamp(max=1)
    t = (signal - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * white
    )
    return torch.where(signal < knee, light, _pq_light(spline * peak) / _WHITE)


_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 107 / 128, 2413 / 128, 2392 / 128


def _pq_light(signal: Tensor) -> Tensor:
    """cd/m2 of a PQ signal in 0..1 (BT.2100, table 4)."""
    power = signal.clamp(min=0) ** (1 / _M2)
    return 10000 * ((power - _C1).clamp(min=0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _pq_signal(light: Tensor) -> Tensor:
    """The inverse of `_pq_light`."""
    power = (light / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


@cache
def _curve(transfer: int) -> Values:
    """Light of each value of 16 bits: of the scene in 0..1 for HLG, otherwise 1 for white."""
    signal = torch.arange(65536, dtype=torch.float64) / 65535
    if transfer == PQ:
        light = _pq_light(signal) / _WHITE
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = torch.where(signal <= 0.5, signal**2 / 3, (((signal - c) / a).exp() + b) / 12)
    else:
        light = signal**_GAMMA
    return light.float().numpy()

"""Colour profiles (ICC.1) to embed into test files, and colours as such files store them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
DISPLAY_P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
ADOBE_RGB = np.array(
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
PROPHOTO = np.array([[0.79767, 0.13519, 0.03134], [0.28804, 0.71188, 0.00009], [0.0, 0.0, 0.82491]])
"""XYZ of red, green and blue at full strength, in columns, adapted to D50."""


def rgb_profile(primaries: Array, gamma: float) -> bytes:
    colors = {
        name: _xyz(c) for name, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries.T, strict=True)
    }
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma))
    return _profile(b"mntr", b"RGB ", b"XYZ ", {**colors, **curves})


def grey_profile(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    """Inks that subtract from a paper that is less than white by L* 10."""
    corners = b""
    for index in range(16):
        cyan, magenta, yellow, black = ((index >> bit) & 1 for bit in (3, 2, 1, 0))
        lightness = 90 - 30 * cyan - 40 * magenta - 10 * yellow
        a = 0 if black else -40 * cyan + 60 * magenta
        b = 0 if black else -40 * cyan + 80 * yellow
        corners += bytes([5 * 255 // 100 if black else lightness * 255 // 100, a + 128, b + 128])
    same = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table = b"mft1" + bytes([0, 0, 0, 0, 4, 3, 2, 0]) + matrix + same * 4 + corners + same * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def stored(colors: Array, primaries: Array, gamma: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Colours [...,3] of sRGB in 0..1, as 8 bits in the colours of a profile."""
    light = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    light = light @ SRGB.T @ np.linalg.inv(primaries).T
    return np.asarray((light.clip(0, 1) ** (1 / gamma) * 255).round(), np.uint8)


def _profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"test\0"
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": _xyz(np.array([0.9642, 1.0, 0.8249])),
        **tags,
    }
    table, data = struct.pack(">I", len(tags)), b""
    begin = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", begin + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    head = struct.pack(">I4x4s", begin + len(data), b"\x02\x40\0\0") + kind + space + pcs
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + _xyz(np.array([0.9642, 1.0, 0.8249]))[8:]
    return head.ljust(128, b"\0") + table + data


def _xyz(color: Array) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(float(value) * 65536) for value in color))


def _curve(gamma: float) -> bytes:
    return b"curv" + struct.pack(">4xIH2x", 1, round(gamma * 256))

"""Colour profiles: pictures are read in sRGB, and results say that they are in it.

Profiles are the ICC's (ICC.1). LittleCMS converts, by way of Pillow, with relative colorimetric
intent and black point compensation, as image editors do.
"""

from __future__ import annotations

import logging
import struct
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from ..host.errors import one_line

logger = logging.getLogger(__name__)

_NEAR = 1
"""Steps of 255 by which colours of a profile may differ from sRGB for it to count as sRGB."""

_BLACK_POINT, _FINE_TABLES, _EXACT = 0x2000, 0x0400, 0x0100
"""Flags of LittleCMS: black point compensation; two ways to trade time for accuracy. Older versions
of Pillow have no names for them."""

_LEVELS = np.arange(256, dtype=np.uint8)

_ADAPTED_WHITE = (0.9642, 1.0, 0.8249)  # D50, to which profiles adapt all colours
_ADAPTED_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
"""Those of sRGB (IEC 61966-2-1)."""


def in_srgb(image: Image.Image, name: str) -> Image.Image:
    """An image in sRGB, by the profile that its file embeds; without one it counts as sRGB.

    Args:
        image: of mode L, LA, RGB, RGBA or CMYK, or F with values in 0..1.
        name: of its file. A profile that is damaged or does not fit brings a warning of one line.

    Returns:
        Of the same mode, alpha as it was; CMYK becomes RGB.
    """
    profile = image.info.get("icc_profile", b"")
    if profile != b"":
        try:
            return _converted(image, profile)
        # Pillow raises all kinds of exceptions on damaged profiles, and without LittleCMS.
        except Exception as error:
            _warn(name, one_line(error))
    return image.convert("RGB") if image.mode == "CMYK" else image


@lru_cache(maxsize=4096)
def _warn(name: str, reason: str) -> None:
    """Once for each file: films and training come back to one again and again."""
    logger.warning("%s counts as sRGB, since its colour profile cannot be used: %s", name, reason)


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        raise ValueError("it is damaged")
    if image.mode in ("L", "LA", "F"):
        curve = _grey_curve(profile)
        if curve is None:
            return image
        if image.mode == "F":
            values = np.interp(np.asarray(image), np.linspace(0, 1, len(curve)), curve)
            return Image.fromarray(values.astype(np.float32))
        levels = np.interp(_LEVELS / 255, np.linspace(0, 1, len(curve)), curve) * 255
        table = [*levels.round().astype(int).tolist(), *range(256)]
        return image.point(table[: 256 * len(image.getbands())])
    transform = _transform(profile, image.mode)
    return image if transform is None else transform.apply(image)


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What brings images of mode RGB, RGBA or CMYK from a profile to sRGB; None if they are in it
    already, whatever the profile is called."""
    target = "RGBA" if mode == "RGBA" else "RGB"
    transform = _built(profile, mode, target, _FINE_TABLES)
    if mode == "CMYK":
        return transform
    colors = np.indices((16, 16, 16), dtype=np.uint8).reshape(3, 64, 64).transpose(1, 2, 0) * 17
    before = Image.fromarray(colors).convert(mode)
    after = np.asarray(transform.apply(before)).astype(int)
    return None if np.abs(after - np.asarray(before)).max() <= _NEAR else transform


@lru_cache(maxsize=16)
def _grey_curve(profile: bytes) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """What evenly spaced greys in 0..1 are in sRGB, in 0..1; None if they are in it already.

    Greys with a profile of RGB count as its neutral colours.
    """
    if _space(profile) == "RGB":
        ramp = Image.fromarray(_LEVELS[None]).convert("RGB")
        curve = np.asarray(_built(profile, "RGB", "RGB", _EXACT).apply(ramp))[0, :, 1] / 255
    else:
        deep = Image.fromarray(np.arange(65536, dtype=np.uint16)[None])
        curve = np.asarray(_built(profile, "I;16", "I;16", _EXACT).apply(deep))[0] / 65535
        if curve[-1] <= curve[len(curve) // 2]:  # an old Pillow, which takes this mode for another
            ramp = Image.fromarray(_LEVELS[None])
            curve = np.asarray(_built(profile, "L", "L", _EXACT).apply(ramp))[0] / 255
    change = np.abs(curve - np.linspace(0, 1, len(curve))).max()
    return None if change * 255 <= _NEAR else curve


def _built(profile: bytes, mode: str, target: str, flag: int) -> ImageCms.ImageCmsTransform:
    """A transform of images of one mode from a profile to another mode in sRGB.

    Raises:
        ValueError: the profile is one of other colours.
    """
    expected = "GRAY" if mode in ("L", "I;16") else mode.removesuffix("A")
    if _space(profile) != expected:
        raise ValueError(f"it is one of {_space(profile)}, the picture is {expected}")
    srgb = srgb_profile("L" if expected == "GRAY" else "RGB")
    source, destination = (ImageCms.ImageCmsProfile(BytesIO(data)) for data in (profile, srgb))
    return ImageCms.buildTransform(
        source, destination, mode, target,
        ImageCms.Intent.RELATIVE_COLORIMETRIC, _BLACK_POINT | flag,  # type: ignore[arg-type]
    )  # fmt: skip


def _space(profile: bytes) -> str:
    """The colours of a profile by their name in it: RGB, GRAY, CMYK."""
    return str(ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space).strip()


@lru_cache
def srgb_profile(mode: str) -> bytes:
    """A small profile of sRGB, or for mode L of its greys, in version 2, which all programs read.

    Its curve has 256 points, exact for values of 8 bits.
    """
    values = np.linspace(0, 1, 256)
    curve = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    points = (curve * 65535).round().astype(">u2").tobytes()
    response = b"curv" + struct.pack(">4xI", len(curve)) + points
    text = b"sRGB\0"
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"CC0\0",
        b"wtpt": _xyz(_ADAPTED_WHITE),
    }
    if mode == "L":
        tags[b"kTRC"] = response
    else:
        tags |= {name: _xyz(color) for name, color in _ADAPTED_PRIMARIES.items()}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), response)
    table, data = struct.pack(">I", len(tags)), b""
    places: dict[bytes, int] = {}
    begin = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        if value not in places:  # the three curves are one
            places[value] = begin + len(data)
            data += value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", places[value], len(value))
    head = struct.pack(
        ">I4x4s4s4s4s6H4s28x3i",
        begin + len(data), b"\x02\x40\0\0", b"mntr", b"GRAY" if mode == "L" else b"RGB ", b"XYZ ",
        2026, 1, 1, 0, 0, 0, b"acsp", *_fixed(_ADAPTED_WHITE),
    )  # fmt: skip
    return head.ljust(128, b"\0") + table + data


def _xyz(color: tuple[float, float, float]) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *_fixed(color))


def _fixed(values: tuple[float, float, float]) -> list[int]:
    return [round(value * 65536) for value in values]

"""What results keep of their content besides its pixels."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from .exif import exif_of, kept_exif
from .formats import opened


@dataclass(frozen=True)
class Metadata:
    """Metadata of a picture, for `write_picture`."""

    exif: bytes = b""
    """EXIF data as a file embeds it: copyright, artist, dates, camera, exposure and descriptions,
    without orientation, place, thumbnail, maker's notes and serial numbers. Empty: none."""

    dpi: tuple[float, float] | None = None
    """Pixels per inch, horizontal and vertical; None: unknown."""


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Reads what a result is to keep of its content. What is damaged is left out.

    Args:
        path: of a picture file.

    Raises:
        InputError: the file is missing or is not a picture.
    """
    with opened(path) as image:
        dpi = _sane(image.info.get("dpi"))
        if image.format != "TIFF":
            return Metadata(kept_exif(exif_of(image), dpi), dpi)
    # The file itself is laid out as EXIF data is; most of it are pixels, which need not be read.
    with Path(path).open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        return Metadata(kept_exif(data, dpi), dpi)


def _sane(dpi: object) -> tuple[float, float] | None:
    """A resolution that means something: files without one often say 1, or EXIF's default of 72."""
    try:
        x, y = (float(value) for value in dpi)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    known = all(math.isfinite(value) and 1 < value < 65536 for value in (x, y))
    return (x, y) if known and (round(x), round(y)) != (72, 72) else None

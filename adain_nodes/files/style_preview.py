"""Style pictures, small enough to travel in the metadata of a style file."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from .sheets import GAP, arranged

SIDE = 128
"""Largest side of a preview in px."""

_MOST = 16
_QUALITY = 75


def preview_jpeg(pictures: Sequence[Tensor]) -> bytes:
    """Pictures as one JPEG file of a few kilobytes.

    Args:
        pictures: at least one, each [H,W,C] in 0..1: grey, RGB or RGBA, whose transparency is
            ignored. Cropped to squares; the first 16 are shown in a square grid.
    """
    tiles: list[Tensor | None] = [picture.detach().cpu().float()[None] for picture in pictures]
    tiles = tiles[:_MOST]
    columns = math.ceil(math.sqrt(len(tiles)))
    tiles += [None] * (-len(tiles) % columns)
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    sheet = arranged(rows, (SIDE + GAP) // columns - GAP)
    stream = io.BytesIO()
    pixels = (sheet.clamp(0, 1) * 255).round().byte().numpy()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()

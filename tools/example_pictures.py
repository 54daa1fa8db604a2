"""The example pictures, as the other scripts use them."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from adain_nodes.files.pictures import read_picture

IMAGES = Path(__file__).parents[1] / "examples" / "images"


def content(name: str) -> Tensor:
    """A photograph [1,H,W,3]."""
    return read_picture(IMAGES / f"content-{name}.jpg")


def style(name: str) -> Tensor:
    """A style picture [1,H,W,3]."""
    return read_picture(IMAGES / f"style-{name}.jpg")


def square(picture: Tensor, side: int) -> Tensor:
    """The middle of a picture [1,H,W,3], scaled to [side,side,3]."""
    height, width = picture.shape[1:3]
    length = min(height, width)
    top, left = (height - length) // 2, (width - length) // 2
    picture = picture[:, top : top + length, left : left + length].movedim(-1, 1)
    scaled = F.interpolate(picture, (side, side), mode="bicubic", antialias=True)
    return scaled[0].movedim(0, -1).clamp(0, 1)

"""Sheets of pictures in rows and columns, for looking at many results at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

GAP = 6
"""White px between the pictures."""


def arranged(rows: Sequence[Sequence[Tensor | None]], cell: int) -> Tensor:
    """Pictures as one, in rows of squares with white gaps.

    Args:
        rows: pictures [1,H,W,C] in 0..1, of any size; None leaves a place white.
        cell: side of a square in px. Pictures are cropped to their middle and scaled.

    Returns:
        [H,W,3].
    """
    pitch = cell + GAP
    sheet = torch.ones(len(rows) * pitch - GAP, len(rows[0]) * pitch - GAP, 3)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            if picture is not None:
                top, left = row * pitch, column * pitch
                sheet[top : top + cell, left : left + cell] = square(picture, cell)
    return sheet


def square(picture: Tensor, side: int) -> Tensor:
    """The middle of a picture.

    Args:
        picture: [1,H,W,C] in 0..1; grey is repeated, transparency dropped.
        side: of the square in px, to which its shorter side is scaled.

    Returns:
        [side,side,3].
    """
    height, width = picture.shape[1:3]
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    middle = picture[:, top : top + shorter, left : left + shorter, :3].float().movedim(-1, 1)
    scaled = F.interpolate(middle, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
    return scaled[0].movedim(0, -1).expand(-1, -1, 3)

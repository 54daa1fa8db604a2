"""Mask files, as drawing programs and segmentation tools write them."""

from __future__ import annotations

import logging
import os

from torch import Tensor

from ..host.errors import InputError
from ..ops.color import luminance
from .pictures import read_picture

logger = logging.getLogger(__name__)

WHITE_ENOUGH = 0.5
"""What the brightest value of a mask must reach to count as white."""

LABEL_WHITE_ENOUGH = 0.9
"""The same of a mask in the colours of labels, which may be bright and mean no share of a style."""

MOST_LABELS = 64
"""A picture in more colours is not one of labels."""


def read_mask(path: str | os.PathLike[str]) -> Tensor:
    """Reads a picture file as a mask: white selects, black does not.

    What counts is luminance, and transparency as black; in a picture of one colour, its alpha
    channel alone. Where the brightest value is far from white, a mask of two values, such as the
    0 and 1 of segmentation tools, is taken for black and white, with a warning.

    Args:
        path: as in `read_picture`.

    Returns:
        [1,H,W], fp32 in 0..1.

    Raises:
        InputError: as `read_picture`; or a mask of several values is far from white, so that it
            would hardly do anything.
    """
    picture = read_picture(path)
    mask = picture[..., 0] if picture.shape[3] == 1 else luminance(picture[..., :3])[..., 0]
    if picture.shape[3] == 4:
        alpha = picture[..., 3]
        one_color = bool((picture[..., :3] == picture[:, :1, :1, :3]).all())
        mask = alpha if one_color and alpha.min() < alpha.max() else mask * alpha
    brightest = mask.max().item()
    if not 0 < brightest < LABEL_WHITE_ENOUGH:
        return mask
    if brightest >= WHITE_ENOUGH and not _has_labels(picture, mask):
        return mask
    number = f"{255 * brightest:.3g} of 255"
    if not ((mask == 0) | (mask == brightest)).all():
        raise InputError(
            f"the mask {path} is not white enough: its brightest value is {number}. White "
            "selects: brighten it, or if its values are labels, save the wanted one as white; a "
            "low alpha weakens the style"
        )
    logger.warning("%s has the values 0 and %s: they count as black and white", path, number)
    return (mask > 0).to(mask)


def _has_labels(picture: Tensor, mask: Tensor) -> bool:
    """Whether a picture [1,H,W,C], whose luminance is the mask, has colours, and few of them."""
    colors = picture[..., :3]
    return (
        bool((colors != colors[..., :1]).any()) and len(set(mask.flatten().tolist())) <= MOST_LABELS
    )

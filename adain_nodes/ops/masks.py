"""Masks on the feature grid, and pictures made of regions (paper, section 7.3, spatial control).

A mask is 1 where something applies, 0 where it does not, and soft between. On the feature grid the
value of a cell is the mean of the mask over the pixels that the cell covers, so that masks line up
with features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..host.options import MaskResize

MASK_STRIDE = 8
"""Pixels of the encoded picture for each cell of the grid, per side."""


def grid_mask(
    mask: Tensor,
    size: tuple[int, int],
    grid: tuple[int, int],
    resize: MaskResize = "area",
    stride: int = MASK_STRIDE,
) -> Tensor:
    """Brings a mask onto the feature grid, or onto the map of another layer.

    Args:
        mask: [B,H,W] in 0..1, of any size.
        size: height and width in px of the encoded picture; `area` brings the mask there first,
            bilinearly where it grows, averaging where it shrinks.
        grid: height and width of the features in cells.
        resize: `area` averages the pixels of each cell; `nearest` samples the mask at
            floor(i H / h), as the authors' code does.
        stride: px of the encoded picture for each cell, per side.

    Returns:
        [B,1,h,w], fp32, in 0..1.
    """
    values = mask.float()[:, None]
    if resize == "nearest":
        return F.interpolate(values, grid, mode="nearest")
    values = _resize(values, size)
    # Pictures below one cell a side were extended by repeating their edge.
    missing = [
        max(0, (cells - 1) * stride + 1 - side) for cells, side in zip(grid, size, strict=True)
    ]
    values = F.pad(values, (0, missing[1], 0, missing[0]), mode="replicate")
    return F.avg_pool2d(values, stride, ceil_mode=True)


def _resize(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Each axis on its own: bilinear where it grows, area where it shrinks."""
    width = values.shape[3]
    for target in ((size[0], width), size):
        grows = target[0] * target[1] > values.shape[2] * values.shape[3]
        if grows:
            values = F.interpolate(values, target, mode="bilinear", align_corners=False)
        elif target != tuple(values.shape[2:]):
            values = F.interpolate(values, target, mode="area")
    return values


def remainder(masks: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """What masks leave of a picture: 1 minus their sum, at least 0.

    Args:
        masks: [B,H,W] in 0..1, of any sizes; at least one.
        size: height and width in px of the picture.

    Returns:
        [B,H,W] at `size`, fp32, in 0..1.
    """
    covered = sum((_resize(mask.float()[:, None], size) for mask in masks), torch.zeros(()))
    return (1 - covered).clamp(min=0)[:, 0]


def is_empty(mask: Tensor) -> Tensor:
    """Which masks of a batch, [B,...], are 0 everywhere; [B], bool."""
    return ~(mask > 0).flatten(1).any(dim=1)


def compose_regions(regions: Sequence[Tensor], masks: Sequence[Tensor], outside: Tensor) -> Tensor:
    """One feature map out of several, each where its mask is.

        w_i = m_i / max(M, 1), M = sum m_i        sum w_i x_i + max(0, 1 - M) outside

    Overlaps are shared, gaps show `outside`, and soft seams that add up to 1 show nothing of it.

    Args:
        regions: features x_i, each [B,C,h,w].
        masks: m_i on their grid, each [B,1,h,w] in 0..1.
        outside: features, [B,C,h,w].

    Returns:
        [B,C,h,w] in the precision of `outside`; sums are taken in fp32.
    """
    total = torch.stack(list(masks)).sum(0)
    result = (1 - total).clamp(min=0) * outside
    for features, mask in zip(regions, masks, strict=True):
        result = result + mask / total.clamp(min=1) * features
    return result.to(outside.dtype)

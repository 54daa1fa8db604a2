"""Features that are computed a few rows at a time. What only goes on to the decoder is so never all
in memory, and what is in fp32 on the way stays in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..models.networks.bands import bands
from ..ops.adain import adain, blend
from ..ops.masks import compose_regions
from ..ops.statistics import BLOCK_ELEMENTS, Statistics
from .types import Features, Style

Rows = Callable[[slice], Tensor]
"""From rows of the feature grid to the features there, [B,C,n,w]."""


def rows_of(features: Features) -> Rows:
    """The rows of features that are there."""
    return lambda rows: features.values[:, :, rows]


def computed(like: Features, rows: Rows) -> Features:
    """All rows as features.

    Args:
        like: features with the same size, alpha channel, encoder, shape and precision.
        rows: to compute.
    """
    values = torch.empty_like(like.values, memory_format=torch.channels_last)
    height = values.shape[2]
    for part in bands(height, max(1, BLOCK_ELEMENTS * height // values.numel())):
        values[:, :, part] = rows(part)
    return replace(like, values=values)


def blended(content: Features, style: Style, alpha: float, own: Statistics) -> Rows:
    """AdaIN and alpha (paper, equations 8 and 14), row by row.

    Args:
        content: features x.
        style: mu(y) and sigma(y).
        alpha: 0 gives x itself.
        own: mu(x) and sigma(x).
    """

    def rows(part: slice) -> Tensor:
        x = content.values[:, :, part]
        return blend(x, adain(x, style.statistics, own), alpha) if alpha else x

    return rows


def composed(regions: Sequence[tuple[Rows, Tensor]], outside: Features) -> Rows:
    """Regions with their masks on the grid, each [B,1,h,w], as one picture, row by row; see
    `ops.masks.compose_regions`."""

    def rows(part: slice) -> Tensor:
        parts = [region(part) for region, _ in regions]
        shares = [grid[:, :, part] for _, grid in regions]
        return compose_regions(parts, shares, outside.values[:, :, part])

    return rows

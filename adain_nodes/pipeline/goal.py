"""What the statistics of a refined picture are to be, region by region.

Where a style is applied in part, by alpha or by a soft mask, features are a mixture of content and
style, and so are their mean and deviation: affine maps, such as AdaIN, act on both as on features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..ops.statistics import Moments, Statistics
from .objective import Region
from .types import LayerMasks

Layers = Sequence[Statistics]
"""Of relu1_1, relu2_1, relu3_1 and relu4_1, each [1,C]."""


def regions_of(
    content: Sequence[Sequence[Moments]],
    masks: Sequence[LayerMasks | None],
    styles: Sequence[Layers],
    own: Sequence[Layers],
    strengths: Sequence[Tensor],
) -> list[Region]:
    """The regions of one picture, those without any area left out.

    Args:
        content: the content's moments in each region, at each layer.
        masks: of each region; None is the whole picture.
        styles: the style that AdaIN gives to each region.
        own: the mean and deviation by which AdaIN normalises the content there.
        strengths: how much of each style there is at each place, broadcastable to [1,1,h,w] on the
            feature grid, in 0..1.
    """
    regions = []
    for moments, mask in zip(content, masks, strict=True):
        weights = torch.ones(()) if mask is None else mask[-1]
        if not weights.any():
            continue
        shares = [
            ((weights * each).sum() / weights.expand_as(weights * each).sum()).item()
            for each in strengths
        ]
        wanted = [
            _mixed(layer.statistics(), shares, [s[index] for s in styles], [o[index] for o in own])
            for index, layer in enumerate(moments)
        ]
        regions.append(Region(mask, tuple(wanted), weights.mean().item()))
    return regions


def _mixed(
    content: Statistics,
    shares: Sequence[float],
    styles: Sequence[Statistics],
    own: Sequence[Statistics],
) -> Statistics:
    """Of content statistics and what AdaIN makes of them in each style, at one layer."""
    rest = 1 - sum(shares)
    mean, std = rest * content.mean, rest * content.std
    for share, style, norm in zip(shares, styles, own, strict=True):
        scale = style.std / norm.std
        mean = mean + share * (style.mean + scale * (content.mean - norm.mean))
        std = std + share * scale * content.std
    return Statistics(mean, std)

"""The arithmetic of regions written down once more, for the tests of masks in the pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from adain_nodes.models.model import Model
from adain_nodes.pipeline.transfer import encode, style_statistics
from adain_nodes.pipeline.types import Features, Style

EPSILON = 1e-5


def encoded(model: Model, batch: int = 1, height: int = 40, width: int = 56) -> Features:
    return encode(model, torch.rand(batch, height, width, 3))


def style_of(model: Model, batch: int = 1) -> Style:
    return style_statistics(encoded(model, batch))


def normalised_by_region(
    values: Tensor, masks: Sequence[Tensor], styles: Sequence[Style], alpha: float
) -> Tensor:
    """Gathers the columns of each region in float64, normalises them and scatters them back.

    The masks are binary and of the grid's size.
    """
    x = values[0].double()
    result = x.clone()
    for mask, style in zip(masks, styles, strict=True):
        inside = mask.bool()
        columns = x[:, inside]
        mean = columns.sum(1, keepdim=True) / columns.shape[1]
        squares = ((columns - mean) ** 2).sum(1, keepdim=True) / columns.shape[1]
        unit = (columns - mean) / (squares + EPSILON).sqrt()
        statistics = style.statistics
        styled = unit * statistics.std[0].double()[:, None] + statistics.mean[0].double()[:, None]
        result[:, inside] = (1 - alpha) * columns + alpha * styled
    return result[None]


def assert_equals(result: Features, expected: Tensor) -> None:
    torch.testing.assert_close(
        result.values, expected.to(result.values.dtype), rtol=1e-4, atol=1e-4
    )

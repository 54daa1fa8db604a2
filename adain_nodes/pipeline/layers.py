"""What refine wants to know of pictures beyond relu4_1: their statistics at all four layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from ..ops.statistics import Moments, Statistics
from .engine import Report, measure_one
from .types import LayerMasks, Source


def layer_moments(
    source: Source,
    shorter_side: int,
    regions: Sequence[LayerMasks | None],
    report: Report = lambda _: None,
) -> list[list[Moments]]:
    """The moments of relu1_1, relu2_1, relu3_1 and relu4_1 in each region of one picture.

    Args:
        source: the picture, a batch of one.
        shorter_side: px to scale its shorter side to; 0 keeps the size.
        regions: masks at its scaled size, one mask each; None is the whole picture.
        report: told of every band.
    """
    model = source.model
    _, moments = measure_one(
        model.encoder, model.dtype, source.pictures, shorter_side, report,
        regions=regions, tile_size=model.tile_size,
    )  # fmt: skip
    return moments


def lower_statistics(
    source: Source, shorter_side: int, masks: Callable[[], LayerMasks] | None = None
) -> Callable[[], tuple[Statistics, ...]]:
    """What `Style.lower` is to be for pictures of style.

    Args:
        source: the pictures.
        shorter_side: px to scale their shorter side to; 0 keeps the size.
        masks: gives where to measure them, one for all pictures or one for each, or several for
            one picture; everywhere if absent.
    """

    def measured() -> tuple[Statistics, ...]:
        parts = []
        pictures, found = source.pictures, masks() if masks else None
        for index in range(max(len(pictures), len(found[0]) if found else 1)):
            region = None if found is None else tuple(m[index % len(m)][None] for m in found)
            single = Source(source.model, pictures[index % len(pictures)][None])
            [layers] = layer_moments(single, shorter_side, [region])
            parts.append([moments.statistics() for moments in layers[:-1]])
        return tuple(map(Statistics.stacked, zip(*parts, strict=True)))

    return cache(measured)

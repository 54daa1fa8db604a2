"""One look on its way through a film: what becomes of each frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..ops.masks import remainder
from ..ops.statistics import Moments, Statistics
from .checks import warn_of_stretching
from .engine import Report
from .film_options import FilmOptions
from .film_statistics import Shared, Smoothed
from .goal import regions_of
from .layers import layer_moments
from .look import Look
from .objective import Region
from .refine import movable
from .rows import Rows, blended, composed
from .scaling import scaled
from .types import LAYER_STRIDES, Features, LayerMasks


class Target:
    """One look on its way through a film: which features each frame is to be decoded from, and what
    it is to be refined to.

    Args:
        look: the styles and where they go.
        options: how.
        report: told of every band that is measured for refining, in cells, see `engine`.
    """

    def __init__(self, look: Look, options: FilmOptions, report: Report) -> None:
        self._look = look
        self._options = options
        self._report = report
        # Not smoothed at all, they are those of each frame.
        smoothing = options.smoothing if options.frame_statistics == "smoothed" else 0.0
        layers = len(LAYER_STRIDES) if options.refine else 1
        self._smoothed = [[Smoothed(smoothing) for _ in range(layers)] for _ in look.styles]
        self._totals = [[Shared() for _ in range(layers)] for _ in look.styles]
        self._shared: list[list[Statistics]] | None = None
        self._masks: list[LayerMasks | None] = [None]
        self._places: tuple[int, ...] = ()
        self._shares: tuple[tuple[int, ...], Tensor] | None = None

    def count(self, index: int, features: Features) -> None:
        """Counts a frame into the statistics that all frames share."""
        _, own = self._moments(index, features)
        for totals, layers in zip(self._totals, own, strict=True):
            for total, moments in zip(totals, layers, strict=True):
                total.add(moments)

    def goal(self, index: int, features: Features) -> tuple[Rows, list[Region]]:
        """What to decode of a frame, given the features of its content; and, if it is to be
        refined, the statistics to refine it to."""
        content, moments = self._moments(index, features)
        own = self._own(moments)
        styles = self._look.styles_at(index)
        alpha = self._options.alpha_at(index)
        parts = [
            blended(features, style, alpha, layers[-1])
            for style, layers in zip(styles, own, strict=True)
        ]
        masks = self._masks_of(index, features)
        grids = [mask[-1] for mask in masks if mask is not None]
        rows = composed(list(zip(parts, grids, strict=True)), features) if grids else parts[0]
        if not self._options.refine:
            return rows, []
        places = grids or [torch.ones(1, 1, 1, 1)]
        total = torch.stack(places).sum(0).clamp(min=1)
        strengths = [alpha * place / total for place in places]
        layers = [style.layers() for style in styles]
        return rows, regions_of(content, masks, layers, own, strengths)

    def with_outside(self, index: int, frame: Tensor, result: Tensor) -> Tensor:
        """A result, [H,W,3 or 4], with the frame's own pixels where no mask is."""
        height, width = result.shape[:2]
        shares = self.shares(index, (height, width))
        if shares is None:
            return result
        original, _ = scaled(frame[None].to(result.device), (height, width))
        result[..., :3] = torch.lerp(original[0], result[..., :3], shares.to(result.device))
        return result

    def shares(self, index: int, size: tuple[int, int]) -> Tensor | None:
        """How much of a result of this height and width in px shows over the frame's own pixels,
        [H,W,1] in 0..1; None if it is all that shows."""
        masks = self._look.masks
        if self._options.outside == "decoded" or len(masks) < len(self._look.styles) or not masks:
            return None
        places = self._places_at(index)
        known = self._shares  # another thread may replace it
        if known is None or known[0] != places:
            parts = [mask[place][None] for mask, place in zip(masks, places, strict=True)]
            known = self._shares = places, movable(remainder(parts, size)[0, ..., None])
        return known[1]

    def _places_at(self, index: int) -> tuple[int, ...]:
        """Which mask of each batch belongs to a frame."""
        return tuple(index % len(mask) for mask in self._look.masks)

    def _own(self, moments: Sequence[Sequence[Moments]]) -> list[list[Statistics]]:
        """By what to normalise the content in each region, at each layer."""
        if self._options.frame_statistics == "shared":
            self._shared = self._shared or [
                [total.statistics() for total in totals] for totals in self._totals
            ]
            return self._shared
        return [
            [smoothed.follow(frame) for smoothed, frame in zip(*layers, strict=True)]
            for layers in zip(self._smoothed, moments, strict=True)
        ]

    def _moments(
        self, index: int, features: Features
    ) -> tuple[list[list[Moments]], list[list[Moments]]]:
        """The content's in each region, and those by which to normalise it there; at relu4_1, or,
        to refine, at all four layers."""
        masks = self._masks_of(index, features)
        whole = self._options.mask_statistics == "image"
        if not self._options.refine:
            places = [None if whole or mask is None else mask[-1] for mask in masks]
            own = [[Moments.of(features.values, place)] for place in places]
            return own, own
        assert features.source is not None
        everywhere = [None] if whole else []
        measured = layer_moments(
            features.source, min(features.size), [*masks, *everywhere], self._report
        )
        return measured[: len(masks)], [measured[-1]] * len(masks) if whole else measured

    def _masks_of(self, index: int, features: Features) -> list[LayerMasks | None]:
        """Each region's mask on the feature grid, to refine on the maps of the layers below, too;
        None for the whole frame. Masks that stay the same are brought there once."""
        masks = self._look.masks
        places = self._places_at(index)
        if places != self._places:
            for mask in () if self._places else masks:
                warn_of_stretching(mask, features.size)
            parts = [mask[place][None] for mask, place in zip(masks, places, strict=True)]
            if len(parts) < len(self._look.styles):
                parts.append(remainder(parts, features.size))
            resize = self._options.mask_resize
            self._masks = [
                features.on_layers(part, resize)
                if self._options.refine
                else (features.on_grid(part, resize),)
                for part in parts
            ]
            self._places = places
        return self._masks

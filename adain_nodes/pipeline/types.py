"""What goes between the steps: encoded pictures and styles, each with the encoder it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from torch import Tensor

from ..host.errors import InputError
from ..host.options import MASK_RESIZES, MaskResize, MaskStatistics, check_choice
from ..models.model import Model
from ..models.networks.vgg import MIN_SIDE
from ..models.weights.tensors import EncoderIdentity
from ..ops.masks import grid_mask
from ..ops.statistics import Statistics
from .checks import as_batch

LAYER_STRIDES = (1, 2, 4, 8)
"""Px of the picture for each position of relu1_1, relu2_1, relu3_1 and relu4_1, per side."""

LayerMasks = tuple[Tensor, ...]
"""A mask on the map of each of those layers, [B,1,h,w] in 0..1."""


@dataclass(frozen=True)
class Source:
    """What was encoded, for those who want to know more of it than its features."""

    model: Model
    """Whose encoder it was."""

    pictures: Tensor
    """[B,H,W,C] in 0..1, as they were given, of any size; not a copy."""


@dataclass(frozen=True)
class Features:
    """Encoded pictures. `len` is their number, an index gives one of them."""

    values: Tensor
    """[B,C,h,w], relu4_1 in the model's floating type; h = ceil(H/8) and w = ceil(W/8), at least
    2."""

    size: tuple[int, int]
    """Height H and width W in px of the pictures that were encoded."""

    alpha: Tensor | None
    """Their fourth channel, [B,H,W,1] in 0..1; None if they had none."""

    encoder: EncoderIdentity
    """What encoded them."""

    source: Source | None = None
    """The pictures, one for all or one for each; None if nobody knows."""

    strength: Tensor | None = None
    """How much of a style they have, [B,1,h,w] in 0..1 or broadcastable to it: alpha where AdaIN
    was applied; None if nowhere."""

    normalized_over: MaskStatistics = "image"
    """Where AdaIN took mu(x) and sigma(x), if it was applied."""

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Features:
        alpha = None if self.alpha is None else self.alpha[index][None]
        strength = self.strength
        if strength is not None:
            strength = strength[index % len(strength)][None]
        source = self.source
        if source is not None:
            source = replace(source, pictures=source.pictures[index % len(source.pictures)][None])
        values = self.values[index][None]
        return replace(self, values=values, alpha=alpha, strength=strength, source=source)

    def expanded(self, batch: int) -> Features:
        """The same, one picture standing for a batch of any size."""
        alpha = None if self.alpha is None else self.alpha.expand(batch, -1, -1, -1)
        return replace(self, values=self.values.expand(batch, -1, -1, -1), alpha=alpha)

    def on_grid(self, mask: Tensor, resize: MaskResize) -> Tensor:
        """A mask [B,H',W'] or [H',W'] on the grid of these features, see `ops.masks.grid_mask`.

        Raises:
            InputError: it has another shape, or holds NaN, or the way to resize is unknown.
        """
        check_choice("mask_resize", resize, MASK_RESIZES)
        mask = as_batch(mask).to(self.values.device)
        height, width = self.values.shape[2:]
        return grid_mask(mask, self.size, (height, width), resize)

    def on_layers(self, mask: Tensor, resize: MaskResize) -> LayerMasks:
        """The same on the maps of relu1_1, relu2_1, relu3_1 and relu4_1."""
        mask = as_batch(mask).to(self.values.device)
        high, wide = (max(side, MIN_SIDE) for side in self.size)
        return tuple(
            grid_mask(mask, self.size, (-(-high // stride), -(-wide // stride)), resize, stride)
            for stride in LAYER_STRIDES
        )


@dataclass(frozen=True)
class Style:
    """What AdaIN takes from style pictures. A batch of styles is a bank: `len` is their number,
    an index gives one of them."""

    statistics: Statistics
    """Mean and standard deviation of relu4_1, each [B,C]."""

    encoder: EncoderIdentity
    """What encoded the pictures."""

    lower: Callable[[], tuple[Statistics, ...]] | None = None
    """Measures, when it is first asked, the same of relu1_1, relu2_1 and relu3_1, which refine
    needs; None if nobody can."""

    def __len__(self) -> int:
        return len(self.statistics.mean)

    def __getitem__(self, index: int) -> Style:
        return combined([self], lambda parts: parts[0][index])

    def __iter__(self) -> Iterator[Style]:
        return (self[index] for index in range(len(self)))

    def layers(self) -> tuple[Statistics, ...]:
        """Mean and standard deviation of relu1_1, relu2_1, relu3_1 and relu4_1, each [B,C].

        Raises:
            InputError: only those of relu4_1 are known.
        """
        if self.lower is None:
            raise InputError(
                "to refine, a style must be known at four layers, and this one is known at relu4_1 "
                "alone: take its picture, or save the style file anew from it"
            )
        return *self.lower(), self.statistics


def combined(
    styles: Sequence[Style], function: Callable[[Sequence[Statistics]], Statistics]
) -> Style:
    """A style made of others, at every layer in the same way.

    Args:
        styles: at least one, of one encoder.
        function: from the statistics of each at a layer to those of the result.
    """

    def lower() -> tuple[Statistics, ...]:
        layers = zip(*(style.layers()[:-1] for style in styles), strict=True)
        return tuple(map(function, layers))

    known = all(style.lower is not None for style in styles)
    statistics = function([style.statistics for style in styles])
    return Style(statistics, styles[0].encoder, cache(lower) if known else None)

"""The losses of a picture and their gradient by its pixels, for pictures of any size.

    L = L_c + lambda sum_r a_r L_s,r        (paper, equations 11 to 13)

L_s,r is the style loss of region r, a_r the share of the picture that it covers: so every pixel
weighs content against style in the same way. The style loss depends on the picture only by means
and deviations. A first pass over the tiles measures them, a second propagates the gradient, which
is that of the whole picture; of the networks' maps there is never more than a tile.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..host import surroundings
from ..models.model import Model
from ..models.networks.gradients import HALO, Tile, activations, pulled_back, tiles
from ..models.networks.inference import MIDDLE, Step, prepared, taps
from ..models.networks.vgg import STRIDE
from ..ops.losses import style_loss
from ..ops.statistics import Moments, Statistics
from .engine import Report, until_it_fits
from .types import LAYER_STRIDES, LayerMasks

STEP_WORK = 3
"""Work of an evaluation, in encodings of the picture."""

VALUES_PER_PIXEL = 500
"""Values in memory at a time for each pixel of a tile: about 280 of all layers, and what the
gradient is made of."""

CPU_MEMORY = 1 << 30
"""Bytes of a tile on CPUs, which are no faster with larger ones."""


@dataclass(frozen=True)
class Region:
    """A part of a picture and the style that it is to have."""

    masks: LayerMasks | None
    """Where it is, of one picture; None for all of it."""

    style: tuple[Statistics, ...]
    """What relu1_1, relu2_1, relu3_1 and relu4_1 are to have there, each [1,C]."""

    share: float
    """Of the picture's area, above 0 to 1."""

    def weights(self, layer: int, place: tuple[slice, slice]) -> Tensor | None:
        """Its mask at a place on the map of a layer, [1,1,h,w]; None if it has no mask."""
        return None if self.masks is None else self.masks[layer][..., place[0], place[1]]


@dataclass(frozen=True)
class Evaluation:
    """What an objective says of a picture."""

    loss: float
    """What is minimised, at least 0."""

    content: float
    """L_c."""

    style: float
    """L_s, summed over the regions."""

    gradient: Tensor
    """Of the loss by the pixels, of the shape of the picture, fp32."""


class Objective:
    """What a refined picture is to come close to.

    Args:
        model: whose encoder to use, in its precision; sums are fp32.
        target: t, [1,C,h,w], what relu4_1 is to be.
        regions: the style of each part; none where there is no style.
        style_weight: lambda, at least 0.
        report: told of the work done, in cells, see `engine`: for each evaluation `STEP_WORK` times
            the cells of the picture.
    """

    def __init__(
        self,
        model: Model,
        target: Tensor,
        regions: Sequence[Region],
        style_weight: float,
        report: Report,
    ) -> None:
        self.device = model.encoder.device
        self._model = model
        self._target = target.to(self.device)
        self._regions = [_on(self.device, region) for region in regions]
        self._style_weight = style_weight
        self._report = report
        self._side = 0  # of the tiles; 0 is yet to be chosen

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> Evaluation:
        """Evaluates a picture [1,H,W,3] in 0..1 on the encoder's device, both sides at least
        `vgg.MIN_SIDE`."""
        self._side = self._side or self._chosen_side(picture.shape[1:3])
        found, self._side = until_it_fits(
            partial(self._evaluated, picture), self._side, "tiles of %d px", self._report
        )
        return found

    def _evaluated(self, picture: Tensor, side: int, report: Report) -> Evaluation:
        """The same in tiles of so many px a side."""
        encoder = prepared(self._model.encoder.load())
        parts = tiles((picture.shape[1], picture.shape[2]), side)
        found: list[list[list[Moments]]] = [[[] for _ in LAYER_STRIDES] for _ in self._regions]
        squares = 0.0
        maps: list[Tensor] = []
        for tile in parts:
            maps.clear()  # before those of the next tile are made
            maps += self._maps(encoder, picture, tile)
            squares += self._measured(encoder, maps, tile, found)
            report(_cells(tile))
        merged = [[Moments.merged(layer) for layer in moments] for moments in found]
        content = squares / self._target.numel()
        style = sum(map(_style_loss, self._regions, merged))
        slopes = [
            [
                _slope(own, wanted, self._style_weight * region.share)
                for own, wanted in zip(moments, region.style, strict=True)
            ]
            for region, moments in zip(self._regions, merged, strict=True)
        ]
        gradient = torch.empty_like(picture)
        for tile in parts:
            if len(parts) > 1:  # a single one's maps are still there
                maps.clear()
                maps += self._maps(encoder, picture, tile)
            inner = _cut(self._pulled(encoder, maps, tile, slopes), tile.within(1))
            gradient[:, tile.rows, tile.columns] = inner.movedim(1, -1)
            report((STEP_WORK - 1) * _cells(tile))
        return Evaluation(content + self._style_weight * style, content, style, gradient)

    def _maps(self, encoder: Sequence[Step], picture: Tensor, tile: Tile) -> list[Tensor]:
        """The outputs of every step for a tile with its halo."""
        colors = _cut(picture.movedim(-1, 1), tile.outer(1)) - MIDDLE
        return activations(encoder, colors.to(self._model.dtype))

    def _measured(
        self,
        encoder: Sequence[Step],
        maps: Sequence[Tensor],
        tile: Tile,
        found: Sequence[Sequence[list[Moments]]],
    ) -> float:
        """Adds the moments of a tile to those found, by region and layer; gives the sum of the
        squared differences between relu4_1 and t."""
        for layer, index in enumerate(taps(encoder)):
            own = tile.inner(LAYER_STRIDES[layer])
            values = _cut(maps[index], tile.within(LAYER_STRIDES[layer]))
            for region, moments in zip(self._regions, found, strict=True):
                moments[layer].append(Moments.of(values, region.weights(layer, own)))
        return (values - _cut(self._target, own)).float().square().sum().item()

    def _pulled(
        self,
        encoder: Sequence[Step],
        maps: Sequence[Tensor],
        tile: Tile,
        slopes: Sequence[Sequence[Slope]],
    ) -> Tensor:
        """The gradient by the pixels of a tile with its halo, [1,3,h,w], fp32."""
        # In 16 bits it would vanish: it is scaled so that the largest values come out at about 1.
        largest = max(
            [2 / self._target.numel(), *(slope.size for layers in slopes for slope in layers)]
        )
        scale = 2.0 ** -math.floor(math.log2(largest))
        seeds = []
        for layer, index in enumerate(taps(encoder)):
            values, place = maps[index], tile.outer(LAYER_STRIDES[layer])
            seed = torch.zeros_like(values)
            for region, layers in zip(self._regions, slopes, strict=True):
                part = layers[layer].at(values, scale)
                weights = region.weights(layer, place)
                seed += part if weights is None else part * weights.to(part.dtype)
            seeds.append(seed)
        factor = 2 * scale / self._target.numel()
        seeds[-1] += (factor * (values - _cut(self._target, place)).float()).to(values.dtype)
        return pulled_back(encoder, maps, seeds).float() / scale

    def _chosen_side(self, size: Sequence[int]) -> int:
        """Side of the tiles in px: that of the picture where one is enough."""
        whole = -(-max(size) // STRIDE) * STRIDE
        if self._model.tile_size:
            return min(whole, -(-self._model.tile_size // STRIDE) * STRIDE)
        free = surroundings.current().free_memory(self.device)
        memory = sys.maxsize if free is None else free // 2
        if self.device.type == "cpu":
            memory = min(memory, CPU_MEMORY)
        pixels = memory // (VALUES_PER_PIXEL * self._model.dtype.itemsize)
        if math.prod(size) <= pixels:
            return whole
        return max(STRIDE, (math.isqrt(pixels) - 2 * HALO) // STRIDE * STRIDE)


@dataclass(frozen=True)
class Slope:
    """The gradient of a region's style loss by the map y of a layer, `factor` y + `offset`.

    With mu and sigma taken over weights that sum to W, d mu / d y = 1 / W and
    d sigma / d y = (y - mu) / (W sigma).
    """

    factor: Tensor
    """[1,C]."""

    offset: Tensor
    """[1,C]."""

    size: float
    """How large it is where y is one sigma from mu, in the channel where it is largest."""

    def at(self, values: Tensor, scale: float) -> Tensor:
        """`scale` times it, in the precision of the map, [1,C,h,w]."""
        factor, offset = (
            (scale * part)[..., None, None].to(values.dtype) for part in (self.factor, self.offset)
        )
        return torch.addcmul(offset, values, factor)


def _slope(moments: Moments, wanted: Statistics, weight: float) -> Slope:
    own = moments.statistics()
    by_mean, by_std = (
        2 * weight / difference.shape[1] * difference / moments.weight[:, None]
        for difference in (own.mean - wanted.mean, own.std - wanted.std)
    )
    factor = by_std / own.std
    size = (by_mean.abs() + by_std.abs()).max().item()
    return Slope(factor, by_mean - factor * own.mean, size)


def _style_loss(region: Region, moments: Sequence[Moments]) -> float:
    own = [each.statistics() for each in moments]
    return region.share * style_loss(own, region.style, "pytorch").item()


def _on(device: torch.device, region: Region) -> Region:
    masks = None if region.masks is None else tuple(mask.to(device) for mask in region.masks)
    style = tuple(Statistics(each.mean.to(device), each.std.to(device)) for each in region.style)
    return Region(masks, style, region.share)


def _cells(tile: Tile) -> int:
    rows, columns = tile.inner(STRIDE)
    return len(range(rows.stop)[rows]) * len(range(columns.stop)[columns])


def _cut(values: Tensor, place: tuple[slice, slice]) -> Tensor:
    """A part of a map, [B,C,h,w]."""
    return values[:, :, place[0], place[1]]

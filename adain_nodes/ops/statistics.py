"""Per-channel mean and standard deviation, the style of AdaIN (paper, equations 5 and 6).

The variance is biased and 1e-5 is added under the root, as in the authors' code. Sums are taken in
fp32 over small blocks, each centred on its own mean, and merged pairwise: that keeps sigma exact
where the mean is many times larger, and lets the bands of a picture be summarised one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-5
"""Added to the variance under the root."""

BLOCK_ELEMENTS = 1 << 18
"""Elements converted and reduced at a time: 1 MiB in fp32, which stays in a core's cache."""


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of every channel."""

    mean: Tensor
    """[B,C], fp32, in units of the features; 0 is neutral."""

    std: Tensor
    """[B,C], fp32, above 0 thanks to `EPSILON`; 1 is neutral."""

    def __getitem__(self, index: int) -> Statistics:
        """Those of one of a batch."""
        return Statistics(self.mean[index][None], self.std[index][None])

    @classmethod
    def stacked(cls, parts: Sequence[Statistics]) -> Statistics:
        """Those of several batches as one."""
        return cls(torch.cat([p.mean for p in parts]), torch.cat([p.std for p in parts]))


@dataclass(frozen=True)
class Moments:
    """What statistics are made of; unlike them, the moments of two parts can be merged."""

    weight: Tensor
    """[B], fp32: sum of the weights of all positions; 0 if there are none."""

    mean: Tensor
    """[B,C], fp32: weighted mean; 0 if the weight is 0."""

    squares: Tensor
    """[B,C], fp32: weighted sum of squared deviations from that mean."""

    @classmethod
    def of(cls, features: Tensor, weights: Tensor | None = None) -> Moments:
        """Moments over the spatial positions of features.

        Args:
            features: [B,C,h,w], any floating precision and memory format.
            weights: [B,1,h,w], at least 0; every position counts 1 without them.
        """
        batch, channels, height, width = features.shape
        values = features.movedim(1, -1).flatten(1, 2)
        mask = None
        if weights is not None:
            mask = weights.float().expand(batch, 1, height, width).flatten(2)
        length = max(1, BLOCK_ELEMENTS // (batch * channels))
        parts = [
            cls._of_block(
                values[:, start : start + length],
                None if mask is None else mask[..., start : start + length],
            )
            for start in range(0, height * width, length)
        ]
        return cls.merged(parts)

    @classmethod
    def _of_block(cls, values: Tensor, mask: Tensor | None) -> Moments:
        x = values.float()
        weight = x.new_full((len(x),), x.shape[1]) if mask is None else mask.sum((1, 2))
        mean = _sum(x, mask) / _positive(weight)
        squares = _sum((x - mean[:, None]).square_(), mask)
        return cls(weight, mean, squares)

    @classmethod
    def merged(cls, parts: Sequence[Moments]) -> Moments:
        """Moments of disjoint parts taken together, merged pairwise (Chan, Golub and LeVeque).

        Args:
            parts: at least one, all of the same shape.
        """
        while len(parts) > 1:
            pairs = [a._merged_with(b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + list(parts[2 * len(pairs) :])
        return parts[0]

    def _merged_with(self, other: Moments) -> Moments:
        weight = self.weight + other.weight
        share = (other.weight / _positive(weight).squeeze(1))[:, None]
        difference = other.mean - self.mean
        return Moments(
            weight,
            self.mean + share * difference,
            self.squares + other.squares + difference.square() * share * self.weight[:, None],
        )

    def statistics(self) -> Statistics:
        """Mean and standard deviation; 0 and sqrt(`EPSILON`) where the weight is 0."""
        variance = self.squares / _positive(self.weight)
        return Statistics(self.mean, (variance + EPSILON).sqrt())


def channel_statistics(features: Tensor, weights: Tensor | None = None) -> Statistics:
    """Mean and standard deviation of every channel over space (paper, equations 5 and 6).

        mu = sum(w x) / sum(w)        sigma = sqrt(sum(w (x - mu)^2) / sum(w) + 1e-5)

    Differentiable in the features.

    Args:
        features: [B,C,h,w], any floating precision.
        weights: [B,1,h,w], at least 0; every position counts 1 without them.
    """
    mean, std = _ChannelStatistics.apply(features, weights)  # type: ignore[no-untyped-call]
    return Statistics(mean, std)


class _ChannelStatistics(torch.autograd.Function):
    """The gradient in closed form: autograd's way through the blocks would keep them all."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        moments = Moments.of(features, weights)
        statistics = moments.statistics()
        ctx.save_for_backward(features, weights, moments.weight, statistics.mean, statistics.std)
        return statistics.mean, statistics.std

    @staticmethod
    def backward(ctx: Any, grad_mean: Tensor, grad_std: Tensor) -> tuple[Tensor, None]:
        features, weights, weight, mean, std = ctx.saved_tensors
        slope = grad_std / (std * _positive(weight))
        offset = grad_mean / _positive(weight) - mean * slope
        grad = torch.addcmul(
            offset[..., None, None].to(features.dtype),
            features,
            slope[..., None, None].to(features.dtype),
        )
        return (grad if weights is None else grad * weights.to(grad.dtype)), None


def _positive(weight: Tensor) -> Tensor:
    """[B,1] to divide by: an empty part has sums of 0, and 0/1 is 0."""
    return torch.where(weight > 0, weight, 1)[:, None]


def _sum(values: Tensor, mask: Tensor | None) -> Tensor:
    """[B,C]: sum over the positions of [B,n,C], weighted by a mask [B,1,n]."""
    return values.sum(1) if mask is None else (mask @ values).squeeze(1)

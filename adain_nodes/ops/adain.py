"""AdaIN and the normalisations it descends from (paper, sections 3 and 5).

All take features [B,C,h,w], share one biased estimate of mu and sigma with epsilon under the root,
and differ in where mu and sigma come from and in who sets the scale gamma and the shift beta.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..host.errors import InputError
from ..host.options import check_weights
from .statistics import EPSILON, Statistics, channel_statistics


def adain(
    content: Tensor, style: Statistics, content_statistics: Statistics | None = None
) -> Tensor:
    """Adaptive instance normalisation (paper, equation 8).

        AdaIN(x, y) = sigma(y) (x - mu(x)) / sigma(x) + mu(y)

    Args:
        content: features x, [B,C,h,w].
        style: mu(y) and sigma(y), [B,C], or [1,C] for all of the batch.
        content_statistics: mu(x) and sigma(x); those of the whole of x if absent.

    Returns:
        [B,C,h,w] in the precision of x.
    """
    own = channel_statistics(content) if content_statistics is None else content_statistics
    scale = style.std / own.std
    return affine(content, scale, style.mean - scale * own.mean)


def affine(features: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """scale x + shift for every channel, computed in fp32 or above.

    Args:
        features: x, [B,C,h,w].
        scale: [B,C] or [1,C].
        shift: likewise.

    Returns:
        [B,C,h,w] in the precision of x.
    """
    result = torch.addcmul(shift[..., None, None], features, scale[..., None, None])
    if features.dtype == torch.float16:
        # Far from a region without contrast its statistics give values beyond fp16, and the
        # infinity would turn to NaN where a mask multiplies it by 0.
        limit = torch.finfo(torch.float16).max
        result = result.clamp(-limit, limit)
    return result.to(features.dtype)


def blend(content: Tensor, stylized: Tensor, alpha: float | Tensor) -> Tensor:
    """Content-style trade-off (paper, equation 14): (1 - alpha) x + alpha AdaIN(x, y).

    Args:
        content: x, [B,C,h,w].
        stylized: AdaIN(x, y), likewise.
        alpha: 0 gives x itself, 1 the stylised features; or a map, broadcast to them.
    """
    if isinstance(alpha, float | int):
        if alpha == 0:
            return content
        if alpha == 1:
            return stylized
    return torch.lerp(content, stylized, torch.as_tensor(alpha).to(content))


def interpolate_statistics(styles: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
    """Weighted mean of styles (paper, equation 15).

    AdaIN is affine in (mu, sigma), so AdaIN with this mean equals the weighted mean of the AdaIN
    outputs, at no cost per pixel.

    Args:
        styles: statistics of equal shape, or [1,C] to be broadcast.
        weights: one for each, at least 0; divided by their sum.

    Raises:
        InputError: a weight is negative or not finite, they sum to 0, or their number differs.
    """
    if len(styles) != len(weights):
        raise InputError(f"{len(styles)} styles need as many weights, got {len(weights)}")
    check_weights(weights)
    total = sum(weights)
    shares = [weight / total for weight in weights]
    return Statistics(
        mean=sum(
            (s * style.mean for s, style in zip(shares, styles, strict=True)), torch.zeros(())
        ),
        std=sum((s * style.std for s, style in zip(shares, styles, strict=True)), torch.zeros(())),
    )


def instance_norm(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Instance normalisation (paper, equations 4 to 6).

        IN(x) = gamma (x - mu(x)) / sigma(x) + beta

    mu and sigma are taken over space, for each channel of each sample.

    Args:
        x: features, [B,C,h,w].
        gamma: scale, [C].
        beta: shift, [C].
    """
    return adain(x, Statistics(mean=beta[None], std=gamma[None]))


def conditional_instance_norm(x: Tensor, gamma: Tensor, beta: Tensor, style: Tensor) -> Tensor:
    """Conditional instance normalisation (paper, equation 7).

        CIN(x; s) = gamma^s (x - mu(x)) / sigma(x) + beta^s

    Args:
        x: features, [B,C,h,w].
        gamma: scale of every style, [S,C]; a bank of AdaIN styles' standard deviations fits.
        beta: shift of every style, [S,C]; their means.
        style: index s of each sample, [B], integers in 0..S-1.
    """
    return adain(x, Statistics(mean=beta[style], std=gamma[style]))


def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, population: Statistics | None = None
) -> Tensor:
    """Batch normalisation (paper, equations 1 to 3).

        BN(x) = gamma (x - mu(x)) / sigma(x) + beta

    mu and sigma are taken over the batch and space, for each channel.

    Args:
        x: features, [B,C,h,w].
        gamma: scale, [C].
        beta: shift, [C].
        population: mu and sigma to use instead, [1,C], as at test time.
    """
    if population is None:
        parts = channel_statistics(x)
        variance = parts.std.square() - EPSILON + (parts.mean - parts.mean.mean(0)).square()
        population = Statistics(
            mean=parts.mean.mean(0, keepdim=True),
            std=(variance.mean(0, keepdim=True) + EPSILON).sqrt(),
        )
    return adain(x, Statistics(mean=beta[None], std=gamma[None]), population)

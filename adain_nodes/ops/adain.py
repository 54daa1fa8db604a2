"""AdaIN, the content-style trade-off and the interpolation of styles (paper, section 5 and 7).

With a bank of styles, AdaIN is conditional instance normalisation (equation 7): row s of its
standard deviations is the scale gamma of style s, row s of its means the shift beta.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..host.errors import InputError
from ..host.options import check_weights
from .statistics import Statistics, channel_statistics


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
    """scale x + shift for every channel, computed in fp32 or wider.

    Args:
        features: x, [B,C,h,w].
        scale: [B,C] or [1,C].
        shift: [B,C] or [1,C].

    Returns:
        [B,C,h,w] in the precision of x.
    """
    result = torch.addcmul(shift[..., None, None], features, scale[..., None, None])
    if features.dtype == torch.float16:
        # The statistics of a region without contrast give values beyond fp16 outside of it, and
        # infinity would turn into NaN where a mask multiplies it by 0.
        limit = torch.finfo(torch.float16).max
        result = result.clamp(-limit, limit)
    return result.to(features.dtype)


def blend(content: Tensor, stylized: Tensor, alpha: float | Tensor) -> Tensor:
    """Content-style trade-off (paper, equation 14): (1 - alpha) x + alpha AdaIN(x, y).

    Args:
        content: x, [B,C,h,w].
        stylized: AdaIN(x, y), [B,C,h,w].
        alpha: 0 gives x itself, 1 the stylised features; or a map of such values that broadcasts to
            [B,C,h,w].
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
        styles: statistics of the same shape, or [1,C] to be broadcast.
        weights: one for each style, at least 0; they are divided by their sum.

    Raises:
        InputError: a weight is negative or not finite, the weights sum to 0, or there are not as
            many weights as styles.
    """
    if len(styles) != len(weights):
        raise InputError(f"{len(styles)} styles need as many weights, got {len(weights)}")
    check_weights(weights)
    total = sum(weights)
    shares = [weight / total for weight in weights]
    pairs = list(zip(shares, styles, strict=True))
    return Statistics(
        mean=sum((share * style.mean for share, style in pairs), torch.zeros(())),
        std=sum((share * style.std for share, style in pairs), torch.zeros(())),
    )

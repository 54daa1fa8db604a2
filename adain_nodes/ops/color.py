"""Matching the colours of one picture to those of another.

Three methods change the mean and covariance of RGB values by an affine map, T (x - mean) + mean',
and differ in T; one matches the histogram of each channel; one exchanges luminance. The maps are
computed in float64, for which the tensors must be on the CPU.

Where the source hardly varies, along a principal axis or in a channel, its deviation is mostly
noise, and stretching it to the reference's would show just that. Below `NOISE` the resulting
deviation is therefore the reference's times (deviation / NOISE)^2: exact above, 0 for a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NOISE = 2 / 255
"""Deviation of RGB values up to which they count as noise: two steps of 8 bits."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Shares of R, G and B in the luminance (ITU-R BT.601, the Y of YIQ)."""

_BLOCK_PIXELS = 1 << 18
"""Pixels converted to float64 at a time."""


@dataclass(frozen=True)
class ColorStatistics:
    """Mean and covariance of colours."""

    mean: Tensor
    """[3], float64: of R, G and B."""

    covariance: Tensor
    """[3,3], float64, biased (divided by the number of pixels)."""

    @classmethod
    def of(cls, pixels: Tensor) -> ColorStatistics:
        """Statistics of RGB values, [N,3], at least one."""
        starts = range(0, len(pixels), _BLOCK_PIXELS)
        blocks = [pixels[start : start + _BLOCK_PIXELS] for start in starts]
        total = torch.zeros(3, dtype=torch.float64)
        squares = torch.zeros(3, 3, dtype=torch.float64)
        for block in blocks:
            total += block.double().sum(0)
        mean = total / len(pixels)
        for block in blocks:
            centred = block.double() - mean
            squares += centred.T @ centred
        return cls(mean, squares / len(pixels))

    @property
    def std(self) -> Tensor:
        """[3], float64: deviation of R, G and B."""
        return self.covariance.diagonal().sqrt()


def linear_map(source: ColorStatistics, reference: ColorStatistics) -> Tensor:
    """The Monge-Kantorovich map (Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear
    colour mapping for example-based colour transfer").

        T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2

    A and B are the covariances of source and reference. Of all linear maps that turn A into B, this
    one changes the colours least.

    Returns:
        T, [3,3], float64, symmetric.
    """
    root = _sqrt(source.covariance)
    inverse = _inverse_sqrt(source.covariance, torch.full((3,), NOISE**2, dtype=torch.float64))
    return inverse @ _sqrt(root @ reference.covariance @ root) @ inverse


def mean_std_map(source: ColorStatistics, reference: ColorStatistics) -> Tensor:
    """Matches mean and deviation of R, G and B separately.

    Reinhard et al. 2001 ("Color transfer between images") do this in a decorrelated space instead.

    Returns:
        T, [3,3], float64, diagonal: the ratios of the deviations.
    """
    return torch.diag(reference.std * source.std / source.std.square().clamp(min=NOISE**2))


def coral_map(source: ColorStatistics, reference: ColorStatistics) -> Tensor:
    """Correlation alignment, as in -preserveColor of the paper's code (`coral` in its utils.lua).

        T = D_b R_b^1/2 R_a^-1/2 D_a^-1

    D are the deviations of source (a) and reference (b) on a diagonal, R their correlations. Like
    `linear_map` this matches the covariances, by another map. The paper's code sums over pixels
    where R has means, so for pictures of different sizes its contrast is off by their ratio; here
    it is not.

    Returns:
        T, [3,3], float64.
    """
    scale = source.std.clamp(min=NOISE)
    correlation = source.covariance / torch.outer(scale, scale)
    inverse = _inverse_sqrt(correlation, (NOISE / scale).square())
    whitening = _sqrt(correlation) @ inverse @ inverse / scale
    # A constant channel has a deviation of 0 and no correlation.
    spread = torch.where(reference.std > 0, reference.std, 1)
    target = _sqrt(reference.covariance / torch.outer(spread, spread))
    return spread[:, None] * target @ whitening


LINEAR_MAPS: dict[str, Callable[[ColorStatistics, ColorStatistics], Tensor]] = {
    "linear": linear_map,
    "mean_std": mean_std_map,
    "coral": coral_map,
}
"""Methods that are affine maps of colours."""


def match_statistics(
    pixels: Tensor, source: ColorStatistics, reference: ColorStatistics, transform: Tensor
) -> Tensor:
    """T (x - mean) + mean' for every pixel, [N,3], in the precision of x and not clamped.

    Args:
        pixels: x, [N,3].
        source: statistics of x, or of the part of it that counts.
        reference: statistics that the result is to have.
        transform: T, from one of `LINEAR_MAPS`.
    """
    offset = reference.mean - transform @ source.mean
    return torch.addmm(offset.to(pixels), pixels, transform.T.to(pixels))


def match_histograms(pixels: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Gives every channel the reference's distribution of values.

    A value takes up a range of ranks, as wide as it is frequent, and becomes the mean of the values
    that have these ranks in the reference (one-dimensional optimal transport). Equal values stay
    equal, so flat areas stay flat. The mean of the channel becomes the reference's, and so does its
    distribution where no value is frequent.

    Args:
        pixels: values to map, [N,3], fp32.
        source: values whose ranks count, [n,3]: `pixels` or some of them.
        reference: values with the wanted distribution, [M,3], fp32.

    Returns:
        [N,3], fp32.
    """
    result = torch.empty_like(pixels)
    for channel in range(pixels.shape[1]):
        levels, values = _histogram_map(source[:, channel], reference[:, channel])
        # Only values that do not count can lie between the levels.
        index = torch.searchsorted(levels, pixels[:, channel].contiguous())
        result[:, channel] = values.to(pixels)[index.clamp_(max=len(levels) - 1)]
    return result


def _histogram_map(source: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """The values of a channel, [L], ascending, and what each becomes, [L], float64."""
    levels, counts = torch.unique(  # type: ignore[no-untyped-call, unused-ignore]
        source, return_counts=True
    )
    quantiles = reference.sort().values.double()
    integral = F.pad(quantiles.cumsum(0), (1, 0))
    last_rank = counts.cumsum(0).double() * len(reference) / len(source)
    below = last_rank.long().clamp_(max=len(reference) - 1)
    integral = integral[below] + (last_rank - below) * quantiles[below]
    width = counts.double() * len(reference) / len(source)
    values = integral.diff(prepend=integral.new_zeros(1)) / width
    mean = quantiles.mean()
    variance = torch.var(source.double(), correction=0)
    return levels, mean + (variance / NOISE**2).clamp(max=1) * (values - mean)


def luminance(color: Tensor) -> Tensor:
    """Y of RGB values: [...,3] to [...,1]."""
    return color @ color.new_tensor(LUMINANCE)[:, None]


def match_chroma(color: Tensor, reference: Tensor) -> Tensor:
    """Keeps each pixel's luminance and takes the chroma of the pixel at the same place (Gatys et
    al. 2016, "Preserving color in neural artistic style transfer", luminance-only transfer).

        reference + Y(color) - Y(reference)

    This exchanges Y in YIQ. Where the result would leave 0..1, chroma is reduced at the same hue
    until it fits: clamping each channel would change luminance and hue.

    Args:
        color: RGB in 0..1, [...,3].
        reference: RGB in 0..1, of the same shape.

    Returns:
        RGB in 0..1, up to rounding.
    """
    target = luminance(color)
    chroma = reference - luminance(reference)
    room = torch.where(chroma > 0, 1 - target, target) / chroma.abs().clamp(min=1e-6)
    return target + chroma * room.amin(-1, keepdim=True).clamp(max=1)


def _sqrt(matrix: Tensor) -> Tensor:
    """The symmetric root of a positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def _inverse_sqrt(matrix: Tensor, noise: Tensor) -> Tensor:
    """The symmetric inverse root of a positive semi-definite matrix.

    Args:
        matrix: a covariance, [3,3].
        noise: variance of noise in each channel, [3], above 0; eigenvalues count as at least the
            noise along their eigenvector.
    """
    values, vectors = torch.linalg.eigh(matrix)
    floor = noise @ vectors.square()
    inverse: Tensor = (vectors / torch.maximum(values, floor).sqrt()) @ vectors.T
    return inverse

"""How alike two pictures are, pixel by pixel and window by window."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..host.errors import InputError
from .color import luminance

WINDOW = 11
"""Side in px of the Gaussian window of `ssim`."""

SIGMA = 1.5
"""Standard deviation in px of that window."""

K1, K2 = 0.01, 0.03
"""Constants that keep `ssim` stable where a window is dark or flat, for values in 0..1."""


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio, 10 log10(1 / mean squared difference), over all channels.

    Args:
        a: pictures, [B,H,W,C] in 0..1.
        b: pictures of the same shape.

    Returns:
        [B], in dB; infinity where the two are equal.

    Raises:
        InputError: their shapes differ.
    """
    _check_same_shape(a, b)
    return -10 * (a.float() - b.float()).square().mean((1, 2, 3)).log10()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004, equation 13).

        SSIM(x, y) = (2 mu_x mu_y + C1) (2 sigma_xy + C2)
                     / ((mu_x^2 + mu_y^2 + C1) (sigma_x^2 + sigma_y^2 + C2))

    Means, variances and the covariance are weighted by a Gaussian of 11x11 px and sigma 1.5 px
    around each pixel whose window lies within the picture; C1 = K1^2, C2 = K2^2. As in the
    authors' code it is taken on luminance, here that of BT.601, and averaged over the picture.

    Args:
        a: pictures, [B,H,W,C] in 0..1, grey or RGB; both sides at least 11 px.
        b: pictures of the same shape.

    Returns:
        [B], at most 1; 1 means equal.

    Raises:
        InputError: their shapes differ, or a side is too small.
    """
    _check_same_shape(a, b)
    if min(a.shape[1:3]) < WINDOW:
        raise InputError(
            f"SSIM needs pictures of at least {WINDOW} px a side, got {a.shape[2]}x{a.shape[1]} px"
        )
    x, y = (
        luminance(picture.float()[..., :3].expand(-1, -1, -1, 3)).movedim(-1, 1)
        for picture in (a, b)
    )
    mu_x, mu_y = _windowed(x), _windowed(y)
    # Variances do not change with the origin, but lose fewer digits where values are small.
    x, y, near_x, near_y = x - 0.5, y - 0.5, mu_x - 0.5, mu_y - 0.5
    variances = _windowed(x * x + y * y) - near_x * near_x - near_y * near_y
    covariance = _windowed(x * y) - near_x * near_y
    c1, c2 = K1**2, K2**2
    similarity = ((2 * mu_x * mu_y + c1) * (2 * covariance + c2)) / (
        (mu_x * mu_x + mu_y * mu_y + c1) * (variances + c2)
    )
    return similarity.mean((1, 2, 3))


def _check_same_shape(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise InputError(
            f"pictures to compare must have equal shapes, got {tuple(a.shape)} and {tuple(b.shape)}"
        )


def _windowed(values: Tensor) -> Tensor:
    """The Gaussian mean of every window that lies within [B,1,H,W]."""
    offsets = torch.arange(WINDOW, dtype=torch.float32, device=values.device) - WINDOW // 2
    gaussian = (-(offsets**2) / (2 * SIGMA**2)).exp()
    gaussian /= gaussian.sum()
    return F.conv2d(F.conv2d(values, gaussian.view(1, 1, -1, 1)), gaussian.view(1, 1, 1, -1))

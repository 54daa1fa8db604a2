"""SSIM against loops in float64, PSNR in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.ops.similarity import psnr, ssim


def ssim_by_loop(a: Tensor, b: Tensor) -> float:
    """Window by window, every weight of the 11x11 Gaussian on its own, centred moments."""
    weights = np.array(
        [
            [math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5**2)) for j in range(11)]
            for i in range(11)
        ]
    )
    weights /= weights.sum()
    x, y = (
        picture.double().numpy() @ np.array([0.299, 0.587, 0.114])
        if picture.shape[-1] == 3
        else picture.double().numpy()[..., 0]
        for picture in (a, b)
    )
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            p, q = (z[top : top + 11, left : left + 11] for z in (x, y))
            mu_p, mu_q = (weights * p).sum(), (weights * q).sum()
            var_p = (weights * (p - mu_p) ** 2).sum()
            var_q = (weights * (q - mu_q) ** 2).sum()
            covariance = (weights * (p - mu_p) * (q - mu_q)).sum()
            c1, c2 = 0.01**2, 0.03**2
            values.append(
                (2 * mu_p * mu_q + c1)
                * (2 * covariance + c2)
                / ((mu_p**2 + mu_q**2 + c1) * (var_p + var_q + c2))
            )
    return float(np.mean(values))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("noise", [0.02, 0.5])
def test_ssim_equals_the_loop(channels: int, noise: float) -> None:
    a = torch.rand(2, 17, 23, channels)
    b = (a + noise * torch.randn_like(a)).clamp(0, 1)
    expected = [ssim_by_loop(*pair) for pair in zip(a, b, strict=True)]
    assert ssim(a, b).tolist() == pytest.approx(expected, abs=1e-6)


def test_ssim_is_exact_where_pictures_are_nearly_flat() -> None:
    a = 0.9 + 0.01 * torch.rand(1, 20, 20, 3)
    b = 0.9 + 0.01 * torch.rand(1, 20, 20, 3)
    assert ssim(a, b).item() == pytest.approx(ssim_by_loop(a[0], b[0]), abs=1e-4)


def test_ssim_equals_that_of_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    a, b = torch.rand(2, 1, 40, 30, 1)
    _, field = metrics.structural_similarity(
        a[0, ..., 0].numpy(), b[0, ..., 0].numpy(), data_range=1, gaussian_weights=True,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert ssim(a, b).item() == pytest.approx(field[5:-5, 5:-5].mean(), abs=1e-5)


def test_equal_pictures_are_alike() -> None:
    picture = torch.rand(2, 16, 16, 3)
    assert ssim(picture, picture).tolist() == pytest.approx([1, 1])
    assert psnr(picture, picture).tolist() == [math.inf, math.inf]


def test_psnr_of_a_constant_difference() -> None:
    a = torch.full((2, 4, 5, 3), 0.25)
    b = a + torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    assert psnr(a, b).tolist() == pytest.approx([20, 40], rel=1e-5)


def test_pictures_of_different_size_are_refused() -> None:
    for measure in (ssim, psnr):
        with pytest.raises(InputError, match="equal shapes"):
            measure(torch.rand(1, 12, 12, 3), torch.rand(1, 12, 13, 3))


def test_ssim_refuses_what_is_smaller_than_its_window() -> None:
    with pytest.raises(InputError, match="11 px a side, got 10x12 px"):
        ssim(torch.rand(1, 12, 10, 3), torch.rand(1, 12, 10, 3))

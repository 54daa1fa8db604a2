from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.ops.adain import (
    adain,
    blend,
    interpolate_statistics,
)
from adain_nodes.ops.statistics import Statistics, channel_statistics

EPSILON = 1e-5


def features_of(*shape: int) -> Tensor:
    """With a mean and a deviation of its own in every channel of every sample."""
    return torch.randn(shape) * (torch.rand(*shape[:2], 1, 1) + 0.5) + torch.randn(*shape[:2], 1, 1)


def style_of(batch: int, channels: int) -> Statistics:
    return Statistics(torch.randn(batch, channels), torch.rand(batch, channels) + 0.5)


def normalised(values: Tensor) -> Tensor:
    """(x - mu) / sigma in float64 over all values of one tensor."""
    x = values.double()
    mean = x.sum() / x.numel()
    return (x - mean) / (((x - mean) ** 2).sum() / x.numel() + EPSILON).sqrt()


def scaled_by_loop(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """gamma (x - mu) / sigma + beta in float64 for every channel of every sample.

    gamma and beta are [B,C].
    """
    result = torch.empty(x.shape, dtype=torch.float64)
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            unit = normalised(x[b, c])
            for row in range(x.shape[2]):
                for column in range(x.shape[3]):
                    result[b, c, row, column] = (
                        gamma[b, c].double() * unit[row, column] + beta[b, c].double()
                    )
    return result


def assert_equals(result: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(result, expected.to(result.dtype), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("styles", [1, 3])
def test_adain_follows_its_formula(styles: int) -> None:
    x, style = features_of(3, 4, 5, 6), style_of(styles, 4)
    gamma, beta = style.std.expand(3, -1), style.mean.expand(3, -1)
    assert_equals(adain(x, style), scaled_by_loop(x, gamma, beta))


def test_adain_gives_the_statistics_of_the_style() -> None:
    style = channel_statistics(features_of(2, 4, 9, 8))
    result = channel_statistics(adain(features_of(2, 4, 12, 11), style))
    torch.testing.assert_close(result.mean, style.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result.std, style.std, rtol=1e-4, atol=1e-5)


def test_adain_takes_given_content_statistics() -> None:
    x, style, own = features_of(2, 3, 4, 4), style_of(2, 3), style_of(2, 3)
    gamma, beta, mean, std = (
        part.double()[..., None, None] for part in (style.std, style.mean, own.mean, own.std)
    )
    assert_equals(adain(x, style, own), gamma * (x.double() - mean) / std + beta)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_adain_rounds_only_its_result(dtype: torch.dtype) -> None:
    x = (features_of(2, 3, 8, 8) + 30).to(dtype)
    style = style_of(2, 3)
    result = adain(x, style)
    assert result.dtype == dtype
    expected = scaled_by_loop(x, style.std, style.mean)
    torch.testing.assert_close(result.double(), expected, rtol=torch.finfo(dtype).eps, atol=1e-4)


@pytest.mark.parametrize("factor", [1, 1e-3, 250])
def test_mixed_styles_equal_mixed_results(factor: float) -> None:
    x = features_of(2, 4, 6, 6)
    styles = [style_of(2, 4), style_of(1, 4), style_of(2, 4)]
    weights = [0.5, 0.2, 0.3]
    mixture = interpolate_statistics(styles, [factor * weight for weight in weights])
    expected = sum(
        (w * adain(x, style).double() for w, style in zip(weights, styles, strict=True)),
        torch.zeros(()),
    )
    assert_equals(adain(x, mixture), expected)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "2 styles .* got 1"),
        ([1.0, -0.5], r"got \[1.0, -0.5\]"),
        ([1.0, float("nan")], "finite"),
        ([1.0, float("inf")], "finite"),
        ([0.0, 0.0], r"not all 0, got \[0.0, 0.0\]"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        interpolate_statistics([style_of(1, 2), style_of(1, 2)], weights)


@pytest.mark.parametrize("alpha", [0, 0.0])
def test_alpha_0_is_the_content_itself(alpha: float) -> None:
    x = features_of(1, 2, 3, 3)
    assert blend(x, torch.full_like(x, float("nan")), alpha) is x


@pytest.mark.parametrize("alpha", [1, 1.0])
def test_alpha_1_is_the_stylised_features(alpha: float) -> None:
    x, stylised = features_of(1, 2, 3, 3), features_of(1, 2, 3, 3)
    assert torch.equal(blend(x, stylised, alpha), stylised)


@pytest.mark.parametrize("alpha", [0.25, torch.rand(2, 1, 4, 5), torch.rand(4, 5)])
def test_alpha_blends_linearly(alpha: float | Tensor) -> None:
    x, stylised = features_of(2, 3, 4, 5), features_of(2, 3, 4, 5)
    share = torch.as_tensor(alpha).double()
    assert_equals(blend(x, stylised, alpha), (1 - share) * x.double() + share * stylised.double())


def test_adain_with_a_bank_is_conditional_instance_normalisation() -> None:
    """Row s of the bank is style s: gamma its deviations, beta its means (paper, equation 7)."""
    x, bank = features_of(3, 4, 5, 5), style_of(6, 4)
    rows = [5, 0, 2]
    expected = scaled_by_loop(
        x, torch.stack([bank.std[s] for s in rows]), torch.stack([bank.mean[s] for s in rows])
    )
    assert_equals(adain(x, Statistics(bank.mean[rows], bank.std[rows])), expected)


def test_adain_equals_instance_normalisation_of_torch() -> None:
    x, gamma, beta = features_of(3, 4, 6, 5), torch.rand(4) + 0.5, torch.randn(4)
    expected = F.instance_norm(x, weight=gamma, bias=beta, eps=EPSILON)
    assert_equals(adain(x, Statistics(beta[None], gamma[None])), expected)

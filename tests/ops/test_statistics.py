from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from adain_nodes.ops.statistics import BLOCK_ELEMENTS, Moments, channel_statistics

FORMATS = [torch.contiguous_format, torch.channels_last]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def features_of(
    *shape: int, mean: float = 0.0, memory_format: torch.memory_format = torch.contiguous_format
) -> Tensor:
    """Every channel with a deviation of its own around 1, and a mean in units of it."""
    deviations = torch.linspace(0.5, 2, shape[1])[:, None, None]
    x = (torch.randn(shape) + mean) * deviations
    return x.contiguous(memory_format=memory_format)


def soft_weights(batch: int, height: int, width: int) -> Tensor:
    """A third of the positions 0, the rest in 0..1."""
    return (torch.rand(batch, 1, height, width) * 1.5 - 0.5).clamp(min=0)


def by_loop(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """mu and sigma in float64, channel by channel, straight from their definition."""
    x = features.detach().double()
    batch, channels, height, width = x.shape
    w = torch.ones(batch, 1, height, width) if weights is None else weights
    w = w.double()
    mean = x.new_empty(batch, channels)
    std = x.new_empty(batch, channels)
    for b in range(batch):
        total = w[b, 0].sum()
        for c in range(channels):
            mean[b, c] = (w[b, 0] * x[b, c]).sum() / total
            deviations = x[b, c] - mean[b, c]
            std[b, c] = ((w[b, 0] * deviations * deviations).sum() / total + 1e-5).sqrt()
    return mean, std


def relative_error(value: Tensor, expected: Tensor) -> float:
    return ((value.double() - expected) / expected).abs().max().item()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("memory_format", FORMATS)
def test_statistics_follow_their_definition(
    weighted: bool, dtype: torch.dtype, memory_format: torch.memory_format
) -> None:
    x = features_of(2, 5, 7, 9, mean=2, memory_format=memory_format).to(dtype)
    weights = soft_weights(2, 7, 9) if weighted else None
    result = channel_statistics(x, weights)
    mean, std = by_loop(x, weights)
    assert relative_error(result.mean, mean) < 1e-5
    assert relative_error(result.std, std) < 1e-5


# Sums of squares without centring lose sigma at a ratio of 300.
@pytest.mark.parametrize("ratio", [30, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("weighted", [False, True])
def test_sigma_stays_exact_on_large_maps_with_a_large_mean(
    ratio: int, dtype: torch.dtype, memory_format: torch.memory_format, weighted: bool
) -> None:
    x = features_of(1, 8, 260, 400, mean=ratio, memory_format=memory_format).to(dtype)
    assert x.numel() > 3 * BLOCK_ELEMENTS
    weights = soft_weights(1, 260, 400) if weighted else None
    result = channel_statistics(x, weights)
    mean, std = by_loop(x, weights)
    assert relative_error(result.std, std) < 1e-4
    assert relative_error(result.mean, mean) < 1e-5


def _extents(lengths: Sequence[int]) -> list[slice]:
    ends = list(itertools.accumulate(lengths))
    return [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [((9,), (4, 7)), ((1, 3, 5), (11,)), ((2, 7), (1, 10)), ((4, 4, 1), (5, 1, 5))],
)
def test_tiles_of_any_split_merge_to_the_whole(
    rows: tuple[int, ...], columns: tuple[int, ...], weighted: bool
) -> None:
    x = features_of(2, 4, 9, 11, mean=30)
    weights = torch.ones(2, 1, 9, 11)
    if weighted:
        weights = soft_weights(2, 9, 11)
        weights[:, :, : rows[0], : columns[0]] = 0
        weights[:, :, -1, -1] = 1
    corners = itertools.product(_extents(rows), _extents(columns))
    tiles = [Moments.of(x[:, :, r, c], weights[:, :, r, c]) for r, c in corners]
    merged = Moments.merged(tiles)
    mean, std = by_loop(x, weights)
    assert relative_error(merged.weight, weights.double().sum((1, 2, 3))) < 1e-5
    assert relative_error(merged.statistics().mean, mean) < 1e-5
    assert relative_error(merged.statistics().std, std) < 1e-5


def test_one_position_has_no_spread() -> None:
    x = torch.randn(3, 4, 1, 1)
    result = channel_statistics(x)
    assert torch.equal(result.mean, x[..., 0, 0])
    torch.testing.assert_close(result.std, torch.full((3, 4), math.sqrt(1e-5)))


def test_no_weight_at_all_gives_finite_statistics_and_a_weight_of_zero() -> None:
    x = features_of(2, 3, 6, 6, mean=5)
    weights = torch.ones(2, 1, 6, 6)
    weights[1] = 0
    moments = Moments.of(x, weights)
    assert moments.weight.tolist() == [36, 0]
    twice = Moments.merged([moments, moments])
    assert twice.weight.tolist() == [72, 0]
    for part in (moments, twice):
        result = part.statistics()
        assert torch.equal(result.mean[1], torch.zeros(3))
        torch.testing.assert_close(result.std[1], torch.full((3,), math.sqrt(1e-5)))
        assert relative_error(result.mean[:1], by_loop(x[:1], None)[0]) < 1e-5


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("memory_format", FORMATS)
def test_gradient_is_that_of_the_formula(
    weighted: bool, memory_format: torch.memory_format
) -> None:
    x = features_of(2, 3, 6, 5, mean=2, memory_format=memory_format).requires_grad_()
    weights = soft_weights(2, 6, 5) if weighted else None
    to_mean, to_std = torch.randn(2, 3), torch.randn(2, 3)
    result = channel_statistics(x, weights)
    (gradient,) = torch.autograd.grad((result.mean * to_mean + result.std * to_std).sum(), x)

    exact = x.detach().double().requires_grad_()
    w = torch.ones(2, 1, 6, 5).double() if weights is None else weights.double()
    total = w.sum((2, 3))
    mean = (w * exact).sum((2, 3)) / total
    squares = (w * (exact - mean[..., None, None]) ** 2).sum((2, 3))
    loss = mean * to_mean + (squares / total + 1e-5).sqrt() * to_std
    (expected,) = torch.autograd.grad(loss.sum(), exact)
    torch.testing.assert_close(gradient.double(), expected, rtol=1e-4, atol=1e-6)


def test_gradient_is_zero_and_finite_without_any_weight() -> None:
    x = torch.randn(1, 2, 3, 3, requires_grad=True)
    result = channel_statistics(x, torch.zeros(1, 1, 3, 3))
    (gradient,) = torch.autograd.grad((result.mean + result.std).sum(), x)
    assert torch.equal(gradient, torch.zeros_like(x))


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
def test_statistics_are_fp32_whatever_the_features_are(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 4, 4).to(dtype).requires_grad_()
    result = channel_statistics(x)
    assert result.mean.dtype == result.std.dtype == torch.float32
    (gradient,) = torch.autograd.grad(result.std.sum(), x)
    assert gradient.dtype == dtype

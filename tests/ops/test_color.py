from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from adain_nodes.ops.color import (
    LINEAR_MAPS,
    NOISE,
    ColorStatistics,
    coral_map,
    linear_map,
    match_chroma,
    match_histograms,
    match_statistics,
    mean_std_map,
)

FULL = ["linear", "coral"]


def colors(seed: int, count: int = 700) -> Tensor:
    """Correlated RGB values about 0.5."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.rand(3, 3, generator=generator) - 0.3
    return 0.5 + 0.1 * torch.randn(count, 3, generator=generator) @ mixing


def covariance(pixels: Tensor) -> np.ndarray:
    return np.cov(pixels.double().numpy().T, bias=True)


def mapped(method: str, pixels: Tensor, reference: Tensor) -> Tensor:
    own, wanted = ColorStatistics.of(pixels), ColorStatistics.of(reference)
    return match_statistics(pixels, own, wanted, LINEAR_MAPS[method](own, wanted))


def root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric root by the iteration of Denman and Beavers."""
    y, z = matrix, np.eye(len(matrix))
    for _ in range(60):
        y, z = (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
    return y


def test_statistics_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adain_nodes.ops.color._BLOCK_PIXELS", 64)
    pixels = colors(1)
    statistics = ColorStatistics.of(pixels)
    np.testing.assert_allclose(statistics.mean, pixels.double().numpy().mean(0), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance, covariance(pixels), rtol=1e-10)
    np.testing.assert_allclose(statistics.std, pixels.double().numpy().std(0), rtol=1e-10)


@pytest.mark.parametrize("method", FULL)
def test_mean_and_covariance_become_those_of_the_reference(method: str) -> None:
    pixels, reference = colors(1).double(), colors(2, 300).double()
    result = mapped(method, pixels, reference)
    np.testing.assert_allclose(result.mean(0), reference.mean(0), rtol=1e-10)
    np.testing.assert_allclose(covariance(result), covariance(reference), rtol=1e-9)


def test_mean_std_matches_each_channel_alone() -> None:
    pixels, reference = colors(1).double(), colors(2, 300).double()
    result = mapped("mean_std", pixels, reference)
    own, wanted = pixels.numpy(), reference.numpy()
    expected = (own - own.mean(0)) / own.std(0) * wanted.std(0) + wanted.mean(0)
    np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_linear_is_the_symmetric_map_of_optimal_transport() -> None:
    pixels, reference = colors(1), colors(2, 300)
    a, b = covariance(pixels), covariance(reference)
    half = root(a)
    inverse = np.linalg.inv(half)
    expected = inverse @ root(half @ b @ half) @ inverse
    result = linear_map(ColorStatistics.of(pixels), ColorStatistics.of(reference))
    np.testing.assert_allclose(result, expected, rtol=1e-7)


def test_coral_is_the_arithmetic_of_the_authors_code() -> None:
    """For pictures with many pixels, of equal number: the code adds the unit matrix to sums over
    the pixels, so that its results depend on their number."""
    pixels, reference = colors(1, 20000).double(), colors(2, 20000).double()
    x, y = pixels.numpy().T, reference.numpy().T

    def parts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mean, std = values.mean(1, keepdims=True), values.std(1, ddof=1, keepdims=True)
        return (values - mean) / std, mean, std

    x_norm, _, _ = parts(x)
    y_norm, y_mean, y_std = parts(y)
    x_root = root(x_norm @ x_norm.T + np.eye(3))
    y_root = root(y_norm @ y_norm.T + np.eye(3))
    expected = (y_root @ np.linalg.inv(x_root) @ x_norm * y_std + y_mean).T
    np.testing.assert_allclose(mapped("coral", pixels, reference), expected, atol=1e-4)


def test_coral_and_linear_differ() -> None:
    own, wanted = ColorStatistics.of(colors(1)), ColorStatistics.of(colors(2))
    assert not torch.allclose(coral_map(own, wanted), linear_map(own, wanted), atol=0.05)


@pytest.mark.parametrize("method", LINEAR_MAPS)
def test_a_picture_in_its_own_colours_stays_as_it_is(method: str) -> None:
    pixels = colors(1)
    torch.testing.assert_close(mapped(method, pixels, pixels), pixels)


@pytest.mark.parametrize("method", LINEAR_MAPS)
def test_a_constant_becomes_the_mean(method: str) -> None:
    pixels, reference = torch.full((50, 3), 0.3), colors(2)
    expected = reference.double().mean(0).float().expand(50, 3)
    torch.testing.assert_close(mapped(method, pixels, reference), expected)


@pytest.mark.parametrize("method", LINEAR_MAPS)
def test_a_constant_reference_leaves_no_contrast(method: str) -> None:
    reference = torch.tensor([0.2, 0.5, 0.9]).expand(40, 3)
    expected = reference[:1].expand(700, 3)
    torch.testing.assert_close(mapped(method, colors(1), reference), expected)


@pytest.mark.parametrize("method", LINEAR_MAPS)
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_constant_channel_leaves_the_others_as_they_are_to_be(method: str, channel: int) -> None:
    pixels = colors(1).double()
    pixels[:, channel] = 0.25
    reference = colors(2).double()
    reference[:, channel] = 0.75
    result = mapped(method, pixels, reference)
    np.testing.assert_allclose(result[:, channel], 0.75, rtol=1e-12)
    np.testing.assert_allclose(result.mean(0), reference.mean(0), rtol=1e-10)
    np.testing.assert_allclose(result.std(0), reference.std(0), rtol=1e-3, atol=1e-12)


def test_a_grey_picture_gets_brightness_contrast_and_tint_but_no_colours() -> None:
    grey = torch.rand(500, 1).double().expand(500, 3)
    reference = colors(2).double()
    result = mapped("linear", grey, reference).numpy()
    np.testing.assert_allclose(result.mean(0), reference.mean(0), rtol=1e-10)
    axes = np.sort(np.linalg.eigvalsh(np.cov(result.T, bias=True)))
    np.testing.assert_allclose(axes[:2], 0, atol=1e-12)
    b = covariance(reference)
    np.testing.assert_allclose(axes[2], b.sum() / 3, rtol=1e-10)  # along (1,1,1)/sqrt(3)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("method", [*LINEAR_MAPS, "histogram"])
def test_noise_is_amplified_the_less_the_weaker_it_is(method: str, share: float) -> None:
    noise = torch.randn(4000, 3).double()
    noise = (noise - noise.mean(0)) @ torch.linalg.inv(
        torch.linalg.cholesky(torch.from_numpy(covariance(noise))).T
    )
    pixels = 0.5 + share * NOISE * noise
    reference = 0.5 + 0.1 * torch.randn(3000, 3).double()
    if method == "histogram":
        result = match_histograms(pixels, pixels, reference)
    else:
        result = mapped(method, pixels, reference)
    expected = reference.std(0, correction=0) * min(1, share**2)
    np.testing.assert_allclose(result.std(0, correction=0), expected, rtol=0.01, atol=1e-12)
    np.testing.assert_allclose(result.mean(0), reference.mean(0), rtol=1e-6)


@pytest.mark.parametrize("method", [*LINEAR_MAPS, "histogram"])
def test_one_pixel(method: str) -> None:
    pixels, reference = torch.rand(1, 3), torch.rand(1, 3)
    if method == "histogram":
        result = match_histograms(pixels, pixels, reference)
    else:
        result = mapped(method, pixels, reference)
    torch.testing.assert_close(result, reference)


def by_ranks(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean of the reference over the ranks of each value, as exact sums over the shares that
    single ranks have in one another."""
    ordered = sorted(values.tolist())
    wanted = sorted(reference.tolist())
    result = np.empty(len(values))
    for i, value in enumerate(values.tolist()):
        low = sum(v < value for v in ordered) / len(ordered)
        high = sum(v <= value for v in ordered) / len(ordered)
        total = 0.0
        for j, quantile in enumerate(wanted):
            overlap = min(high, (j + 1) / len(wanted)) - max(low, j / len(wanted))
            total += max(0.0, overlap) * quantile
        result[i] = total / (high - low)
    return result


@pytest.mark.parametrize("counts", [(60, 60), (60, 35), (35, 60), (60, 1), (7, 60)])
@pytest.mark.parametrize("levels", [None, 5])
def test_histograms_follow_their_ranks(counts: tuple[int, int], levels: int | None) -> None:
    pixels, reference = torch.rand(counts[0], 3), torch.rand(counts[1], 3)
    if levels is not None:
        pixels = (pixels * levels).round() / levels
    result = match_histograms(pixels, pixels, reference)
    for channel in range(3):
        expected = by_ranks(pixels[:, channel].numpy(), reference[:, channel].numpy())
        np.testing.assert_allclose(result[:, channel], expected, rtol=1e-5)


def test_as_many_distinct_values_take_over_the_reference_exactly() -> None:
    pixels, reference = torch.rand(400, 3), torch.rand(400, 3)
    result = match_histograms(pixels, pixels, reference)
    torch.testing.assert_close(result.sort(0).values, reference.sort(0).values)
    assert torch.equal(result.argsort(0), pixels.argsort(0))


def test_a_frequent_value_stays_one_value() -> None:
    pixels = torch.rand(300, 3)
    pixels[:200] = 0.5
    result = match_histograms(pixels, pixels, torch.rand(500, 3))
    assert torch.equal(result[:200], result[:1].expand(200, 3))


def test_a_picture_with_its_own_histogram_stays_as_it_is() -> None:
    pixels = (torch.rand(300, 3) * 20).round() / 20
    torch.testing.assert_close(match_histograms(pixels, pixels, pixels), pixels)


def test_values_that_do_not_count_are_mapped_with_the_others() -> None:
    counting, reference = torch.rand(50, 3), torch.rand(80, 3)
    pixels = torch.cat([counting, torch.tensor([[-1.0, 0.5, 2.0]])])
    result = match_histograms(pixels, counting, reference)
    torch.testing.assert_close(result[:50], match_histograms(counting, counting, reference))
    assert torch.equal(result[50, 0], result[:50, 0].min())
    assert torch.equal(result[50, 2], result[:50, 2].max())
    assert result[:50, 1].min() < result[50, 1] < result[:50, 1].max()


def through_yiq(color: Tensor, reference: Tensor) -> np.ndarray:
    """Y of one and I and Q of the other, pixel by pixel, with the matrix of NTSC."""
    to_yiq = np.array(
        [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
    )
    result = np.empty((len(color), 3))
    for i in range(len(color)):
        own, other = to_yiq @ color[i].double().numpy(), to_yiq @ reference[i].double().numpy()
        result[i] = np.linalg.solve(to_yiq, np.array([own[0], other[1], other[2]]))
    return result


def test_luminance_is_exchanged_in_yiq() -> None:
    color, reference = torch.rand(400, 3), torch.rand(400, 3)
    expected = through_yiq(color, reference)
    inside = ((expected >= 0) & (expected <= 1)).all(1)
    assert 50 < inside.sum() < 350
    result = match_chroma(color, reference).numpy()
    np.testing.assert_allclose(result[inside], expected[inside], atol=1e-5)


def test_out_of_range_the_chroma_is_reduced_and_luminance_and_hue_stay() -> None:
    color, reference = torch.rand(2, 400, 3).double()
    weights = np.array([0.299, 0.587, 0.114])
    result = match_chroma(color, reference).numpy()
    assert result.min() > -1e-9 and result.max() < 1 + 1e-9
    luma = result @ weights
    np.testing.assert_allclose(luma, color.numpy() @ weights, atol=1e-9)
    wanted = reference.numpy() - (reference.numpy() @ weights)[:, None]
    chroma = result - luma[:, None]
    for i in range(400):
        share = (chroma[i] @ wanted[i]) / (wanted[i] @ wanted[i])
        assert 0 <= share <= 1 + 1e-9
        np.testing.assert_allclose(chroma[i], share * wanted[i], atol=1e-9)
        if share < 1 - 1e-6:
            touches = min(result[i].min(), 1 - result[i].max())
            assert math.isclose(touches, 0, abs_tol=1e-9), "reduced more than needed"


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_grey_reference_gives_grey(value: float) -> None:
    color = torch.rand(50, 3)
    result = match_chroma(color, torch.full((50, 3), value))
    luma = color @ torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(result, luma[:, None].expand(50, 3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_stay_black_and_white(value: float) -> None:
    color = torch.full((50, 3), value)
    torch.testing.assert_close(match_chroma(color, torch.rand(50, 3)), color, atol=1e-6, rtol=0)


def test_mean_std_of_a_grey_picture_is_the_references() -> None:
    grey, reference = torch.rand(500, 1).expand(500, 3), colors(2)
    own, wanted = ColorStatistics.of(grey), ColorStatistics.of(reference)
    result = match_statistics(grey, own, wanted, mean_std_map(own, wanted))
    torch.testing.assert_close(result.std(0, correction=0), reference.std(0, correction=0))

from __future__ import annotations

import pytest
import torch

from adain_nodes.ops.statistics import Moments, Statistics, channel_statistics
from adain_nodes.pipeline.film_statistics import Shared, Smoothed


def assert_same(result: Statistics, expected: Statistics) -> None:
    torch.testing.assert_close(result.mean, expected.mean)
    torch.testing.assert_close(result.std, expected.std)


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 8])
def test_shared_statistics_are_those_of_the_frames_side_by_side(frames: int) -> None:
    features = torch.randn(frames, 5, 4, 6) * torch.rand(frames, 1, 1, 1) + torch.randn(5, 1, 1)
    weights = torch.rand(frames, 1, 4, 6)
    shared = Shared()
    for index in range(frames):
        shared.add(Moments.of(features[index][None], weights[index][None]))
    strip = torch.cat(list(features), dim=2)[None]
    assert_same(
        shared.statistics(), channel_statistics(strip, torch.cat(list(weights), dim=2)[None])
    )


def test_frames_without_weight_are_not_shared() -> None:
    features = torch.randn(3, 5, 4, 6)
    shared = Shared()
    for index in range(3):
        weight = torch.full((1, 1, 4, 6), float(index == 1))
        shared.add(Moments.of(features[index][None], weight))
    assert_same(shared.statistics(), channel_statistics(features[1][None]))


def test_shared_statistics_keep_the_logarithm_of_what_they_have_seen() -> None:
    shared = Shared()
    for _ in range(100):
        shared.add(Moments.of(torch.randn(1, 2, 3, 3)))
    assert len(vars(shared)["_levels"]) == 7


def test_shared_statistics_stay_exact_over_many_frames() -> None:
    """More positions than fp32 can count one frame at a time."""
    shared = Shared()
    frame = Moments(torch.tensor([14411.0]), torch.tensor([[3.0]]), torch.tensor([[14411.0]]))
    for _ in range(4096):
        shared.add(frame)
    torch.testing.assert_close(shared.statistics().std, torch.tensor([[(1 + 1e-5) ** 0.5]]))
    assert shared.statistics().mean.item() == 3


def test_smoothed_statistics_follow_exponentially() -> None:
    features = torch.randn(6, 5, 4, 6, dtype=torch.float64) + 3
    smoothed = Smoothed(0.7)
    mean = std = None
    for frame in features:
        own_mean = frame.mean((1, 2))
        own_std = (frame.var((1, 2), correction=0) + 1e-5).sqrt()
        mean = own_mean if mean is None else 0.7 * mean + 0.3 * own_mean
        std = own_std if std is None else 0.7 * std + 0.3 * own_std
        result = smoothed.follow(Moments.of(frame[None]))
        assert_same(result, Statistics(mean[None].float(), std[None].float()))


@pytest.mark.parametrize(("smoothing", "which"), [(0.0, 1), (1.0, 0)])
def test_its_ends_are_the_frame_itself_and_the_first(smoothing: float, which: int) -> None:
    frames = [Moments.of(torch.randn(1, 5, 4, 6)) for _ in range(2)]
    smoothed = Smoothed(smoothing)
    results = [smoothed.follow(frame) for frame in frames]
    assert_same(results[1], frames[which].statistics())


def test_empty_frames_leave_smoothed_statistics_alone() -> None:
    empty = Moments.of(torch.randn(1, 5, 4, 6), torch.zeros(1, 1, 4, 6))
    frames = [Moments.of(torch.randn(1, 5, 4, 6)) for _ in range(2)]
    with_gaps, without = Smoothed(0.6), Smoothed(0.6)
    with_gaps.follow(empty)
    assert_same(with_gaps.follow(frames[0]), without.follow(frames[0]))
    assert_same(with_gaps.follow(empty), frames[0].statistics())
    assert_same(with_gaps.follow(frames[1]), without.follow(frames[1]))

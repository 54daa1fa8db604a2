from __future__ import annotations

import pytest
import torch

from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Features, Style

ONE = EncoderIdentity("1" * 64, "one")
OTHER = EncoderIdentity("2" * 64, "other")


def features_of(batch: int, *, alpha: bool = False) -> Features:
    return Features(
        torch.randn(batch, 4, 2, 3),
        (16, 24),
        torch.rand(batch, 16, 24, 1) if alpha else None,
        ONE,
    )


def test_one_picture_stands_for_a_batch() -> None:
    features = features_of(1, alpha=True)
    batch = features.expanded(3)
    assert batch.alpha is not None
    assert features.alpha is not None
    for index in range(3):
        assert torch.equal(batch.values[index], features.values[0])
        assert torch.equal(batch.alpha[index], features.alpha[0])


def test_a_bank_of_styles_gives_each_of_them() -> None:
    bank = Style(Statistics(torch.randn(3, 4), torch.rand(3, 4)), ONE)
    assert len(bank) == 3
    for index in range(3):
        style = bank[index]
        assert len(style) == 1
        assert torch.equal(style.statistics.mean[0], bank.statistics.mean[index])
        assert torch.equal(style.statistics.std[0], bank.statistics.std[index])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16])
def test_masks_of_any_type_reach_the_grid(dtype: torch.dtype) -> None:
    mask = torch.zeros(16, 24)
    mask[:8, :8] = 1
    grid = features_of(1).on_grid(mask.to(dtype), "area")
    assert grid.dtype == torch.float32
    assert grid[0, 0].tolist() == [[1, 0, 0], [0, 0, 0]]

from __future__ import annotations

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import (
    DeferredFeatures,
    Features,
    Style,
    as_batch,
    check_same_encoder,
    check_same_size,
    stacked,
    stacked_styles,
)

ONE = EncoderIdentity("1" * 64, "one")
OTHER = EncoderIdentity("2" * 64, "other")


def features_of(batch: int, *, alpha: bool = False) -> Features:
    return Features(
        torch.randn(batch, 4, 2, 3),
        (16, 24),
        torch.rand(batch, 16, 24, 1) if alpha else None,
        ONE,
    )


@pytest.mark.parametrize("alpha", [False, True])
def test_features_split_and_stack_to_themselves(alpha: bool) -> None:
    features = features_of(3, alpha=alpha)
    assert len(features) == 3
    parts = [features[i] for i in range(3)]
    assert [len(part) for part in parts] == [1, 1, 1]
    again = stacked(iter(parts), 3)
    assert torch.equal(again.values, features.values)
    assert (again.size, again.encoder) == (features.size, features.encoder)
    if features.alpha is None:
        assert again.alpha is None
    else:
        assert again.alpha is not None
        assert torch.equal(again.alpha, features.alpha)


def test_one_picture_stands_for_a_batch() -> None:
    features = features_of(1, alpha=True)
    batch = features.expanded(3)
    assert batch.alpha is not None
    assert features.alpha is not None
    for index in range(3):
        assert torch.equal(batch.values[index], features.values[0])
        assert torch.equal(batch.alpha[index], features.alpha[0])


def test_deferred_features_are_computed_a_few_rows_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = Features(torch.randn(2, 4, 5, 3), (40, 24), None, ONE)
    monkeypatch.setattr("adain_nodes.pipeline.types.BLOCK_ELEMENTS", 2 * 4 * 3 * 2)
    heights = []

    def doubled(rows: slice) -> torch.Tensor:
        result = 2 * features.values[:, :, rows]
        heights.append(result.shape[2])
        return result

    deferred = DeferredFeatures(features, doubled)
    assert torch.equal(deferred.rows(slice(1, 4)), 2 * features.values[:, :, 1:4])
    heights.clear()
    computed = deferred.computed()
    assert torch.equal(computed.values, 2 * features.values)
    assert computed.values.is_contiguous(memory_format=torch.channels_last)
    assert (computed.size, computed.encoder) == (features.size, features.encoder)
    assert heights == [2, 2, 1]


def test_features_that_are_there_are_not_copied() -> None:
    features = features_of(2)
    deferred = DeferredFeatures(features)
    assert deferred.computed() is features
    assert torch.equal(deferred.rows(slice(0, 1)), features.values[:, :, :1])


def test_a_bank_of_styles_gives_each_of_them() -> None:
    bank = Style(Statistics(torch.randn(3, 4), torch.rand(3, 4)), ONE)
    assert len(bank) == 3
    for index in range(3):
        style = bank[index]
        assert len(style) == 1
        assert torch.equal(style.statistics.mean[0], bank.statistics.mean[index])
        assert torch.equal(style.statistics.std[0], bank.statistics.std[index])


def bank_of(count: int, encoder: EncoderIdentity = ONE) -> Style:
    return Style(Statistics(torch.randn(count, 4), torch.rand(count, 4)), encoder)


def test_styles_and_banks_stack_in_their_order() -> None:
    parts = [bank_of(1), bank_of(3), bank_of(2)]
    bank = stacked_styles(parts)
    assert bank.encoder == ONE
    singles = [part[index] for part in parts for index in range(len(part))]
    assert len(bank) == len(singles) == 6
    for index, single in enumerate(singles):
        assert torch.equal(bank[index].statistics.mean, single.statistics.mean)
        assert torch.equal(bank[index].statistics.std, single.statistics.std)


def test_styles_of_different_encoders_do_not_stack() -> None:
    with pytest.raises(InputError, match=r"style_1 .* one .* style_3 from other"):
        stacked_styles([bank_of(1), bank_of(1), bank_of(1, OTHER)])


def test_a_bank_needs_a_style() -> None:
    with pytest.raises(InputError, match="at least one"):
        stacked_styles([])


def test_a_mask_of_one_picture_becomes_a_batch_of_one() -> None:
    mask = torch.rand(5, 6)
    assert torch.equal(as_batch(mask), mask[None])
    assert torch.equal(as_batch(mask[None]), mask[None])


def test_mask_values_are_clamped() -> None:
    mask = torch.tensor([[-2.0, 0.5, 7.0, float("inf")]])
    assert as_batch(mask).tolist() == [[[0, 0.5, 1, 1]]]


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16])
def test_masks_of_any_type_reach_the_grid(dtype: torch.dtype) -> None:
    mask = torch.zeros(16, 24)
    mask[:8, :8] = 1
    grid = features_of(1).on_grid(mask.to(dtype), "area")
    assert grid.dtype == torch.float32
    assert grid[0, 0].tolist() == [[1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("shape", [(5,), (1, 1, 5, 5), (0, 5, 5), (0, 5), (2, 5, 0)])
def test_masks_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as error:
        as_batch(torch.zeros(shape))
    assert str(shape) in str(error.value)


def test_a_mask_with_nan_is_refused() -> None:
    mask = torch.zeros(5, 5)
    mask[2, 2] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        as_batch(mask)


def test_equal_hashes_are_one_encoder_whatever_its_name() -> None:
    check_same_encoder(content=ONE, style=EncoderIdentity("1" * 64, "alias"))


def test_different_encoders_are_refused_by_both_names() -> None:
    with pytest.raises(InputError) as error:
        check_same_encoder(content=ONE, style=ONE, outside=OTHER)
    for part in ("content", "one (111111111111)", "outside", "other (222222222222)"):
        assert part in str(error.value)


def test_different_sizes_are_refused_by_both_names() -> None:
    check_same_size(content=(5, 7), outside=(5, 7))
    with pytest.raises(InputError) as error:
        check_same_size(content=(5, 7), outside=(5, 8))
    for part in ("content", "7x5", "outside", "8x5"):
        assert part in str(error.value)

"""What is refused or warned of, and in which words."""

from __future__ import annotations

import logging

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.masks import grid_mask
from adain_nodes.pipeline.checks import (
    as_batch,
    check_picture,
    check_same_encoder,
    check_same_size,
    common_batch,
    refuse_empty_style_mask,
    warn_of_empty,
    warn_of_stretching,
)

SIZE, GRID = (64, 64), (8, 8)

BETWEEN = torch.zeros(2, 64, 64)
"""Full, and within a single cell, off the point that `nearest` samples."""
BETWEEN[0] = 1
BETWEEN[1, 1:7, 1:7] = 1

NOTHING = torch.zeros(1, 64, 64)

ONE = EncoderIdentity("1" * 64, "one")
OTHER = EncoderIdentity("2" * 64, "other")


def test_what_is_0_everywhere_is_told_of_load_image(caplog: pytest.LogCaptureFixture) -> None:
    grid = grid_mask(NOTHING, SIZE, GRID)
    with caplog.at_level(logging.WARNING):
        warn_of_empty(NOTHING, grid)
    assert "(0 everywhere) in batch elements [0]" in caplog.text
    assert "LoadImage" in caplog.text
    with pytest.raises(InputError, match=r"\(0 everywhere\) in batch element 0: .* LoadImage"):
        refuse_empty_style_mask(NOTHING, grid)


def test_what_nearest_misses_is_told_of_area(caplog: pytest.LogCaptureFixture) -> None:
    grid = grid_mask(BETWEEN, SIZE, GRID, "nearest")
    with caplog.at_level(logging.WARNING):
        warn_of_empty(BETWEEN, grid)
    assert "samples no point of it) in batch elements [1]" in caplog.text
    assert "Take 'area'" in caplog.text and "LoadImage" not in caplog.text
    with pytest.raises(InputError, match=r"no point of it\) in batch element 1: .*'area'"):
        refuse_empty_style_mask(BETWEEN, grid)


def test_masks_that_select_something_pass(caplog: pytest.LogCaptureFixture) -> None:
    grid = grid_mask(BETWEEN, SIZE, GRID)
    with caplog.at_level(logging.WARNING):
        warn_of_empty(BETWEEN, grid)
    refuse_empty_style_mask(BETWEEN, grid)
    assert not caplog.records


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_rgb_and_rgba_are_pictures(channels: int) -> None:
    check_picture(torch.rand(2, 5, 4, channels), "content")


@pytest.mark.parametrize(
    "shape", [(5, 4, 3), (1, 5, 4, 2), (1, 3, 5, 7), (0, 5, 4, 3), (1, 0, 4, 3), (1, 5, 0, 3)]
)
def test_other_shapes_are_refused_by_name_and_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as error:
        check_picture(torch.zeros(shape), "style_image")
    assert "style_image" in str(error.value)
    assert str(shape) in str(error.value)


def test_integers_are_refused() -> None:
    with pytest.raises(InputError, match=r"torch\.uint8"):
        check_picture(torch.zeros(1, 2, 2, 3, dtype=torch.uint8), "content")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_located(value: float) -> None:
    picture = torch.rand(3, 5, 7, 4)
    picture[2, 3, 6, 1] = value
    picture[2, 4, 0, 0] = value
    message = rf"holds {value} in picture 2 at row 3, column 6, channel 1"
    with pytest.raises(InputError, match=message):
        check_picture(picture, "content")


def test_a_mask_of_one_picture_becomes_a_batch_of_one() -> None:
    mask = torch.rand(5, 6)
    assert torch.equal(as_batch(mask), mask[None])
    assert torch.equal(as_batch(mask[None]), mask[None])


def test_mask_values_are_clamped() -> None:
    mask = torch.tensor([[-2.0, 0.5, 7.0, float("inf")]])
    assert as_batch(mask).tolist() == [[[0, 0.5, 1, 1]]]


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


@pytest.mark.parametrize(
    ("sizes", "expected"), [((1, 1), 1), ((1, 4), 4), ((4, 1), 4), ((3, 3), 3), ((1, 3, 1, 3), 3)]
)
def test_one_goes_with_any_and_equals_pair(sizes: tuple[int, ...], expected: int) -> None:
    assert common_batch(**{f"part_{i}": size for i, size in enumerate(sizes)}) == expected


@pytest.mark.parametrize("sizes", [(2, 3), (3, 2), (1, 2, 3), (3, 1, 2)])
def test_other_batches_are_refused_by_both_names_and_sizes(sizes: tuple[int, ...]) -> None:
    names = {f"part_{i}": size for i, size in enumerate(sizes)}
    with pytest.raises(InputError) as error:
        common_batch(**names)
    for name, size in names.items():
        if size > 1:
            assert f"{name} has {size}" in str(error.value)


@pytest.mark.parametrize(
    ("mask", "size", "warns"),
    [
        ((60, 40), (40, 60), True),
        ((40, 60), (80, 120), False),
        ((33, 50), (667, 1000), False),
        ((64, 64), (64, 80), True),
    ],
)
def test_a_mask_of_another_aspect_is_told_of_both_sizes(
    caplog: pytest.LogCaptureFixture, mask: tuple[int, int], size: tuple[int, int], warns: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_stretching(torch.ones(1, *mask), size)
        warn_of_stretching(torch.zeros(1, 64, 64), (10, 90))
    assert len(caplog.records) == warns
    if warns:
        assert f"{mask[1]}x{mask[0]} px" in caplog.text and f"{size[1]}x{size[0]} px" in caplog.text

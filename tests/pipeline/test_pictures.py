from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.pipeline.pictures import (
    check_picture,
    collected,
    common_batch,
    scaled,
    scaled_size,
    to_network,
)


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


def test_values_are_clamped() -> None:
    picture = torch.tensor([-1.0, 0.25, 3.0]).expand(1, 9, 9, 3)
    color, _ = to_network(picture, (9, 9))
    assert color[0, :, 4, 4].tolist() == [0, 0.25, 1]
    color, _ = scaled(picture, (9, 9))
    assert color[0, 4, 4].tolist() == [0, 0.25, 1]


def test_scaling_does_not_overshoot() -> None:
    edge = torch.zeros(1, 10, 10, 4)
    edge[:, :, 5:] = 1
    color, alpha = to_network(edge, (32, 32))
    assert alpha is not None
    for values in (color, alpha):
        assert values.min() == 0
        assert values.max() == 1


def test_rgb_stays_in_order_and_precise() -> None:
    picture = torch.rand(2, 11, 13, 3)
    color, alpha = to_network(picture, (11, 13))
    assert alpha is None
    assert torch.equal(color, picture.permute(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_pictures_of_any_precision_become_fp32(dtype: torch.dtype) -> None:
    color, alpha = to_network(torch.rand(1, 9, 9, 4).to(dtype), (9, 9))
    assert alpha is not None
    assert color.dtype == alpha.dtype == torch.float32


def test_grey_is_repeated() -> None:
    picture = torch.rand(1, 9, 12, 1)
    color, alpha = to_network(picture, (9, 12))
    assert alpha is None
    for channel in range(3):
        assert torch.equal(color[:, channel], picture[..., 0])


def test_the_fourth_channel_travels_untouched() -> None:
    picture = torch.rand(2, 5, 12, 4)
    color, alpha = to_network(picture, (5, 12))
    assert alpha is not None
    assert torch.equal(alpha, picture[..., 3:])
    assert torch.equal(color[:, :, :5], picture[..., :3].movedim(-1, 1))


def test_the_fourth_channel_is_scaled_with_the_picture() -> None:
    picture = torch.full((1, 20, 40, 4), 0.5)
    color, alpha = to_network(picture, (10, 20))
    assert alpha is not None
    assert tuple(color.shape) == (1, 3, 10, 20)
    assert tuple(alpha.shape) == (1, 10, 20, 1)
    torch.testing.assert_close(alpha, torch.full_like(alpha, 0.5))


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 20), (20, 3), (9, 9)])
def test_small_sides_are_extended_by_their_edge(size: tuple[int, int]) -> None:
    picture = torch.rand(1, *size, 3)
    color, _ = to_network(picture, size)
    height, width = (max(9, side) for side in size)
    assert tuple(color.shape) == (1, 3, height, width)
    for row in range(height):
        for column in range(width):
            pixel = picture[0, min(row, size[0] - 1), min(column, size[1] - 1)]
            assert torch.equal(color[0, :, row, column], pixel)


def test_pictures_come_together_without_being_kept() -> None:
    made: list[weakref.ref[Tensor]] = []
    alive: list[int] = []

    def pictures() -> Iterator[Tensor]:
        for value in range(9):
            picture = torch.full((2, 3, 4), float(value))
            made.append(weakref.ref(picture))
            alive.append(sum(reference() is not None for reference in made))
            yield picture

    batch = collected(pictures(), 9)
    assert batch[:, 0, 0, 0].tolist() == list(range(9))
    # The first, the one before and the one that is being made.
    assert max(alive) <= 3


def test_a_single_picture_is_not_copied() -> None:
    picture = torch.rand(2, 3, 4)
    assert collected(iter([picture]), 1).data_ptr() == picture.data_ptr()


@pytest.mark.parametrize(
    ("size", "shorter_side", "expected"),
    [
        ((300, 400), 0, (300, 400)),
        ((300, 400), 150, (150, 200)),
        ((400, 300), 600, (800, 600)),
        ((100, 333), 50, (50, 166)),
        ((1, 1000), 7, (7, 7000)),
        ((7, 7), 7, (7, 7)),
    ],
)
def test_the_shorter_side_is_scaled_at_the_same_aspect(
    size: tuple[int, int], shorter_side: int, expected: tuple[int, int]
) -> None:
    assert scaled_size(size, shorter_side) == expected


def test_a_negative_side_is_refused() -> None:
    with pytest.raises(InputError, match="-1"):
        scaled_size((8, 8), -1)


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

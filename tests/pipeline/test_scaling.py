from __future__ import annotations

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.pipeline.scaling import scaled, scaled_size, to_network


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

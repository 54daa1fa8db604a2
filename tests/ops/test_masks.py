from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.host.options import MaskResize
from adain_nodes.models.networks.vgg import grid_size
from adain_nodes.ops.masks import compose_regions, grid_mask, is_empty, remainder

SIZES = [(16, 24), (17, 24), (23, 9), (9, 31), (8, 8), (7, 20), (1, 1), (3, 40)]


def on_grid(mask: Tensor, size: tuple[int, int], resize: MaskResize = "area") -> Tensor:
    return grid_mask(mask, size, grid_size(size), resize)


def extended(mask: Tensor) -> Tensor:
    """Sides below 9 px brought there by repeating the last row and column, as pictures are."""
    rows = [min(i, mask.shape[1] - 1) for i in range(max(9, mask.shape[1]))]
    columns = [min(i, mask.shape[2] - 1) for i in range(max(9, mask.shape[2]))]
    return mask[:, rows][:, :, columns]


def cell_means(mask: Tensor) -> Tensor:
    """Mean over the pixels that each cell of 8x8 has, in float64, cell by cell."""
    batch, height, width = mask.shape
    cells = torch.empty(batch, 1, math.ceil(height / 8), math.ceil(width / 8)).double()
    for b in range(batch):
        for row in range(cells.shape[2]):
            for column in range(cells.shape[3]):
                pixels = mask[b, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].double()
                cells[b, 0, row, column] = pixels.sum() / pixels.numel()
    return cells


def assert_equals(result: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(result, expected.to(result.dtype), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_a_cell_is_the_mean_of_the_pixels_it_covers(size: tuple[int, int]) -> None:
    mask = torch.rand(2, *size)
    assert_equals(on_grid(mask, size), cell_means(extended(mask)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resize", get_args(MaskResize))
@pytest.mark.parametrize("mask_size", [(1, 1), (5, 60), (64, 3), (50, 50)])
def test_a_full_mask_of_any_size_stays_full(
    size: tuple[int, int], resize: MaskResize, mask_size: tuple[int, int]
) -> None:
    result = on_grid(torch.ones(1, *mask_size), size, resize)
    assert torch.equal(result, torch.ones(1, 1, *grid_size(size)))


def test_a_mask_larger_than_the_picture_is_averaged() -> None:
    mask = torch.rand(1, 3 * 17, 2 * 26)
    small = torch.empty(1, 17, 26).double()
    for row in range(17):
        for column in range(26):
            patch = mask[0, 3 * row : 3 * row + 3, 2 * column : 2 * column + 2].double()
            small[0, row, column] = patch.sum() / 6
    assert_equals(on_grid(mask, (17, 26)), cell_means(small))


def linear(mask: Tensor, height: int) -> Tensor:
    """Columns stretched linearly between the centres of pixels, row by row in float64."""
    batch, rows, columns = mask.shape
    result = torch.empty(batch, height, columns).double()
    for i in range(height):
        centre = min(max((i + 0.5) * rows / height - 0.5, 0), rows - 1)
        below = math.floor(centre)
        share = centre - below
        above = min(below + 1, rows - 1)
        result[:, i] = (1 - share) * mask[:, below].double() + share * mask[:, above].double()
    return result


def test_a_mask_smaller_than_the_picture_is_stretched_linearly() -> None:
    mask = torch.rand(1, 7, 5)
    stretched = linear(linear(mask, 33).mT, 26).mT
    assert_equals(on_grid(mask, (33, 26)), cell_means(stretched))


def test_each_axis_is_resized_in_its_own_way() -> None:
    mask = torch.rand(1, 7, 2 * 26)
    narrow = mask.double().reshape(1, 7, 26, 2).sum(-1) / 2
    assert_equals(on_grid(mask, (33, 26)), cell_means(linear(narrow, 33)))
    assert_equals(on_grid(mask.mT, (26, 33)), cell_means(linear(narrow, 33).mT))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mask_size", [(16, 24), (11, 7), (1, 1), (50, 33)])
def test_nearest_samples_as_the_authors_code(
    size: tuple[int, int], mask_size: tuple[int, int]
) -> None:
    mask = torch.rand(2, *mask_size)
    height, width = grid_size(size)
    expected = torch.empty(2, 1, height, width)
    for i in range(height):
        for j in range(width):
            row, column = i * mask_size[0] // height, j * mask_size[1] // width
            expected[:, 0, i, j] = mask[:, row, column]
    assert torch.equal(on_grid(mask, size, "nearest"), expected)


def test_emptiness_is_judged_for_each_mask() -> None:
    masks = torch.zeros(3, 1, 4, 4)
    masks[1, 0, 2, 3] = 1e-6
    assert is_empty(masks).tolist() == [True, False, True]


def composed_by_loop(regions: list[Tensor], masks: list[Tensor], outside: Tensor) -> Tensor:
    result = torch.zeros(outside.shape, dtype=torch.float64)
    for b in range(outside.shape[0]):
        for row in range(outside.shape[2]):
            for column in range(outside.shape[3]):
                here = (b, slice(None), row, column)
                shares = [mask[b, 0, row, column].item() for mask in masks]
                total = sum(shares)
                for share, region in zip(shares, regions, strict=True):
                    result[here] += share / max(total, 1) * region[here].double()
                result[here] += max(0, 1 - total) * outside[here].double()
    return result


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_regions_follow_their_formula(count: int, dtype: torch.dtype) -> None:
    regions = [torch.randn(2, 3, 5, 4).to(dtype) for _ in range(count)]
    masks = [torch.rand(2, 1, 5, 4) for _ in range(count)]
    outside = torch.randn(2, 3, 5, 4).to(dtype)
    result = compose_regions(regions, masks, outside)
    assert result.dtype == dtype
    tolerance = max(1e-5, torch.finfo(dtype).eps)
    expected = composed_by_loop(regions, masks, outside)
    torch.testing.assert_close(result.double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("share", [0.5, 0.125])
def test_nothing_of_outside_leaks_into_a_seam(share: float) -> None:
    regions = [torch.full((1, 2, 3, 3), 2.0), torch.full((1, 2, 3, 3), 4.0)]
    masks = [torch.full((1, 1, 3, 3), share), torch.full((1, 1, 3, 3), 1 - share)]
    result = compose_regions(regions, masks, torch.full((1, 2, 3, 3), 1e3))
    assert torch.equal(result, torch.full_like(result, 2 * share + 4 * (1 - share)))


def test_overlaps_share() -> None:
    regions = [torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), 8.0)]
    masks = [torch.full((1, 1, 2, 2), 1.0), torch.full((1, 1, 2, 2), 0.5)]
    result = compose_regions(regions, masks, torch.full((1, 1, 2, 2), 1e3))
    torch.testing.assert_close(result, torch.full((1, 1, 2, 2), (2 + 4) / 1.5))


def test_a_gap_shows_outside_exactly() -> None:
    mask = F.pad(torch.ones(1, 1, 4, 2), (0, 3))
    region, outside = torch.randn(2, 1, 3, 4, 5).unbind()
    result = compose_regions([region], [mask], outside)
    assert torch.equal(result[..., 2:], outside[..., 2:])
    assert torch.equal(result[..., :2], region[..., :2])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_masks_give_numbers(value: float) -> None:
    masks = [torch.full((1, 1, 3, 3), value)] * 3
    regions = list(torch.randn(3, 1, 2, 3, 3).unbind())
    outside = torch.randn(1, 2, 3, 3)
    result = compose_regions(regions, masks, outside)
    expected = torch.stack(regions).mean(0) if value else outside
    assert_equals(result, expected)


def test_the_remainder_completes_masks_to_a_partition() -> None:
    left = (torch.arange(20) < 7).float().expand(1, 16, 20)
    soft = 0.5 * (1 - left)
    rest = remainder([left, soft], (16, 20))
    torch.testing.assert_close(left + soft + rest, torch.ones(1, 16, 20))


def test_the_remainder_of_overlapping_masks_of_any_size_is_never_negative() -> None:
    masks = [torch.rand(1, 5, 31), torch.rand(1, 40, 9)]
    rest = remainder(masks, (16, 20))
    assert rest.shape == (1, 16, 20)
    assert rest.min() >= 0 and rest.max() <= 1

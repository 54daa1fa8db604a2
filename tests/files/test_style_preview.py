from __future__ import annotations

import io

import pytest
import torch
from PIL import Image
from torch import Tensor

from adain_nodes.files.style_preview import SIDE, preview_jpeg

RED, GREEN, BLUE = (torch.eye(3)[i].expand(30, 50, 3) for i in range(3))


def shown(pictures: list[Tensor]) -> Image.Image:
    return Image.open(io.BytesIO(preview_jpeg(pictures))).convert("RGB")


def color_at(preview: Image.Image, column: float, row: float) -> list[bool]:
    """Which of red, green and blue are strong at a place, given in shares of the sides."""
    place = (int(column * preview.width), int(row * preview.height))
    pixel = preview.getpixel(place)
    assert isinstance(pixel, tuple)
    return [value > 128 for value in pixel]


def test_one_picture_fills_the_preview() -> None:
    preview = shown([RED])
    assert preview.size == (SIDE, SIDE)
    assert color_at(preview, 0.05, 0.05) == color_at(preview, 0.95, 0.95) == [True, False, False]


def test_several_pictures_stand_in_a_grid_row_by_row() -> None:
    preview = shown([RED, GREEN, BLUE])
    assert max(preview.size) <= SIDE
    assert color_at(preview, 0.25, 0.25) == [True, False, False]
    assert color_at(preview, 0.75, 0.25) == [False, True, False]
    assert color_at(preview, 0.25, 0.75) == [False, False, True]
    assert color_at(preview, 0.75, 0.75) == [True, True, True]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (300, 200)])
def test_any_picture_has_a_small_preview(channels: int, size: tuple[int, int]) -> None:
    encoded = preview_jpeg([torch.rand(*size, channels)])
    assert len(encoded) < 12_000  # 16 kB in base64
    with Image.open(io.BytesIO(encoded)) as preview:
        assert preview.size == (SIDE, SIDE)


def test_the_first_sixteen_of_many_are_shown() -> None:
    assert preview_jpeg([RED] * 16 + [BLUE] * 84) == preview_jpeg([RED] * 16)

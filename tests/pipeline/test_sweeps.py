"""Rows of pictures over the values of a control."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from adain_nodes.host.options import COLOR_METHODS
from adain_nodes.models.model import Model
from adain_nodes.pipeline.colors import match_color
from adain_nodes.pipeline.sweeps import SQUARE, Sweep
from adain_nodes.pipeline.transfer import decode, encode, style_statistics, transfer
from adain_nodes.pipeline.types import Style

SIZE = 16


@pytest.fixture
def contents() -> list[Tensor]:
    return [torch.rand(1, 20, 30, 3), torch.rand(1, 24, 18, 4)]


@pytest.fixture
def styles() -> list[Tensor]:
    """Four, of different colours and contrasts."""
    return [torch.rand(1, 18, 22, 3) ** (index + 1) for index in range(4)]


def style_in(model: Model, picture: Tensor, size: int = SIZE) -> Style:
    return style_statistics(encode(model, picture, shorter_side=size))


def stylized(model: Model, content: Tensor, style: Tensor, alpha: float = 1.0) -> Tensor:
    features = encode(model, content, shorter_side=SIZE)
    return decode(model, transfer(features, style_in(model, style), alpha=alpha))


def assert_shows(place: Tensor | None, expected: Tensor) -> None:
    assert place is not None
    torch.testing.assert_close(place, expected, rtol=0, atol=1e-5)


def test_styles_are_in_the_first_row_and_contents_in_the_first_column(
    model: Model, contents: list[Tensor], styles: list[Tensor]
) -> None:
    rows = Sweep(model, contents, styles, SIZE, 0.7).by_style()
    assert rows[0][0] is None
    assert [len(row) for row in rows] == [5, 5, 5]
    for column, style in enumerate(styles, 1):
        assert rows[0][column] is style
        for row, content in enumerate(contents, 1):
            assert rows[row][0] is content
            assert_shows(rows[row][column], stylized(model, content, style, 0.7))


def test_alpha_goes_from_the_content_to_the_style(
    model: Model, contents: list[Tensor], styles: list[Tensor]
) -> None:
    rows = Sweep(model, contents, styles[:3], SIZE).by_alpha()
    pairs = [(content, style) for content in contents for style in styles[:3]]
    assert len(rows) == len(pairs)
    for row, (content, style) in zip(rows, pairs, strict=True):
        assert row[0] is content and row[-1] is style
        for place, alpha in zip(row[1:-1], (0, 0.25, 0.5, 0.75, 1), strict=True):
            assert_shows(place, stylized(model, content, style, alpha))


def test_the_corners_of_the_square_are_single_styles_and_the_rest_is_bilinear(
    model: Model, contents: list[Tensor], styles: list[Tensor]
) -> None:
    content = contents[0]
    rows = Sweep(model, [content], styles, SIZE).by_mixture()
    last = SQUARE - 1
    corners = [(0, 0), (0, last), (last, 0), (last, last)]
    outside = [(0, 0), (0, -1), (last, 0), (last, -1)]
    for style, (row, column), (row_outside, column_outside) in zip(
        styles, corners, outside, strict=True
    ):
        assert_shows(rows[row][column + 1], stylized(model, content, style))
        assert rows[row_outside][column_outside] is style
    empty = [(r, c) for r, row in enumerate(rows) for c, place in enumerate(row) if place is None]
    assert empty == [(row, column) for row in range(1, last) for column in (0, last + 2)]

    # AdaIN is affine in the style: a mixture is the weighted sum of the features.
    features = encode(model, content, shorter_side=SIZE)
    outputs = [transfer(features, style_in(model, style)).values for style in styles]
    for row in range(SQUARE):
        for column in range(SQUARE):
            down, across = row / last, column / last
            weights = [
                (1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across,
            ]  # fmt: skip
            mixed = torch.stack([w * v for w, v in zip(weights, outputs, strict=True)]).sum(0)
            expected = decode(model, replace(features, values=mixed))
            place = rows[row][column + 1]
            assert place is not None
            torch.testing.assert_close(place, expected, rtol=0, atol=1e-4)


def test_colours_are_kept_by_every_method(
    model: Model, contents: list[Tensor], styles: list[Tensor]
) -> None:
    rows = Sweep(model, contents, styles[:2], SIZE, 0.9).by_color()
    pairs = [(content, style) for content in contents for style in styles[:2]]
    assert len(rows) == len(pairs)
    for row, (content, style) in zip(rows, pairs, strict=True):
        plain = stylized(model, content, style, 0.9)
        assert row[0] is content and row[1] is style
        assert_shows(row[2], plain)
        for place, method in zip(row[3:], COLOR_METHODS, strict=True):
            if method == "luminance":
                assert_shows(place, match_color(plain, content, "luminance"))
            else:
                recolored = match_color(style, content, method)
                assert_shows(place, stylized(model, content, recolored, 0.9))
                assert not torch.allclose(place if place is not None else plain, plain, atol=1e-3)


def test_the_first_style_is_within_the_mask_and_the_second_without(
    model: Model, contents: list[Tensor], styles: list[Tensor]
) -> None:
    for value, style in ((1.0, styles[0]), (0.0, styles[1])):
        mask = torch.full((1, 9, 9), value)
        rows = Sweep(model, contents, styles[:2], SIZE).by_mask(mask)
        for row, content in zip(rows, contents, strict=True):
            assert row[0] is content and row[2] is styles[0] and row[3] is styles[1]
            assert_shows(row[1], torch.full((1, *content.shape[1:3], 1), value))
            assert_shows(row[4], stylized(model, content, style))

    # A square of 4x4 cells, the left half masked: each half has the statistics of its style.
    content, mask = torch.rand(1, 32, 32, 3), torch.zeros(1, 32, 32)
    mask[:, :, :16] = 1
    (row,) = Sweep(model, [content], styles[:2], 32).by_mask(mask)
    features = encode(model, content, shorter_side=32)
    values = features.values.clone()
    for half, style in zip((slice(0, 2), slice(2, 4)), styles, strict=False):
        region, wanted = values[..., half], style_in(model, style, 32).statistics
        centred = region - region.mean((2, 3), keepdim=True)
        std = (centred.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()
        values[..., half] = (
            wanted.std[..., None, None] * centred / std + wanted.mean[..., None, None]
        )
    expected = decode(model, replace(features, values=values))
    place = row[4]
    assert place is not None
    torch.testing.assert_close(place, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_alpha_applies_to_every_region(
    model: Model, contents: list[Tensor], styles: list[Tensor], alpha: float
) -> None:
    mask = torch.ones(1, 9, 9)
    (row,) = Sweep(model, contents[:1], styles[:2], SIZE, alpha).by_mask(mask)
    assert_shows(row[4], stylized(model, contents[0], styles[0], alpha))

"""Masks as drawing programs and segmentation tools write them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import write_picture
from adain_nodes.host.errors import InputError

BINARY = np.array([[0, 0, 1], [0, 1, 1]], np.uint8)


def test_mask_is_luminance(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", torch.cat((torch.eye(3), torch.ones(1, 3)))[None])
    mask = read_mask(tmp_path / "a.png")
    torch.testing.assert_close(mask, torch.tensor([[[0.299, 0.587, 0.114, 1]]]))


def test_mask_of_a_grey_file_is_its_values(tmp_path: Path) -> None:
    picture = (torch.rand(5, 7, 1) * 255).round() / 255
    write_picture(tmp_path / "a.png", picture)
    torch.testing.assert_close(read_mask(tmp_path / "a.png"), picture[None, ..., 0])


def test_a_dim_picture_in_many_colors_is_a_mask_as_it_is(tmp_path: Path) -> None:
    picture = (torch.rand(16, 16, 3) * 150).round() / 255
    picture[0, 0] = torch.tensor([0.6, 0.6, 0.5])
    write_picture(tmp_path / "a.png", picture)
    assert 0.5 < read_mask(tmp_path / "a.png").max() < 0.9


def test_transparent_counts_as_black_in_masks(tmp_path: Path) -> None:
    picture = torch.ones(1, 2, 4)
    picture[0, 0, 3] = 0
    write_picture(tmp_path / "a.png", picture)
    torch.testing.assert_close(read_mask(tmp_path / "a.png"), torch.tensor([[[0.0, 1.0]]]))


def palette_of(labels: np.ndarray, *colors: int) -> Image.Image:
    """Labels as an indexed picture, whose palette starts with black."""
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, *colors])
    return image


@pytest.mark.parametrize(
    ("image", "number"),
    [
        (Image.fromarray(BINARY), "1 of 255"),
        (Image.fromarray(100 * BINARY), "100 of 255"),
        (Image.fromarray(BINARY.astype(np.uint16)), "0.00389 of 255"),
        (palette_of(BINARY, 128, 0, 0), "38.3 of 255"),
        (palette_of(BINARY, 192, 128, 128), "147 of 255"),
        (palette_of(BINARY, 0, 255, 0), "150 of 255"),
    ],
    ids=["bits", "grey", "bits in 16", "palette", "bright palette", "green"],
)
def test_two_values_are_black_and_white(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, image: Image.Image, number: str
) -> None:
    image.save(tmp_path / "a.png")
    with caplog.at_level(logging.WARNING):
        mask = read_mask(tmp_path / "a.png")
    assert torch.equal(mask, torch.from_numpy(BINARY[None]).float())
    assert f"a.png has the values 0 and {number}" in caplog.text


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(np.array([[0, 1, 2, 20]], np.uint8)),
        palette_of(np.array([[0, 1, 2]], np.uint8), 128, 0, 0, 0, 0, 128),
        palette_of(np.array([[0, 1, 2]], np.uint8), 192, 128, 128, 224, 224, 192),
    ],
    ids=["labels", "palette", "labels with a bright border"],
)
def test_several_dark_values_are_refused_with_the_number(
    tmp_path: Path, image: Image.Image
) -> None:
    image.save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png is not white enough: .* (20|38\.3|220) of 255"):
        read_mask(tmp_path / "a.png")


def test_grey_from_the_middle_on_and_black_stay_what_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for values in ([0, 128, 60], [0, 0, 0]):
        Image.fromarray(np.array([values], np.uint8)).save(tmp_path / "a.png")
        expected = torch.tensor([[values]]) / 255
        torch.testing.assert_close(read_mask(tmp_path / "a.png"), expected)
    assert not caplog.records


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
def test_the_alpha_channel_of_one_colour_is_the_mask(
    tmp_path: Path, color: tuple[int, int, int]
) -> None:
    pixels = np.empty((2, 3, 4), np.uint8)
    pixels[..., :3] = color
    pixels[..., 3] = 255 * BINARY
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert torch.equal(read_mask(tmp_path / "a.png"), torch.from_numpy(BINARY[None]).float())


def test_an_alpha_channel_that_says_nothing_is_no_mask(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert not read_mask(tmp_path / "a.png").any()

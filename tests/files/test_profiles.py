from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture
from adain_nodes.files.profiles import in_srgb, srgb_profile

from .color_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    Array,
    cmyk_profile,
    grey_profile,
    rgb_profile,
    stored,
)

SPACES = {
    "display-p3": (DISPLAY_P3, 2.2),
    "adobe-rgb": (ADOBE_RGB, 2.2),
    "prophoto": (PROPHOTO, 1.8),
}


@pytest.fixture(autouse=True)
def no_other_warning(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> Iterator[None]:
    """A profile that does fit brings no warning."""
    with caplog.at_level(logging.WARNING):
        yield
    if "warns" not in request.node.name:
        assert caplog.text == ""


def colors() -> Array:
    """[16,16,3], none of them saturated."""
    return np.random.default_rng(0).uniform(0.2, 0.8, (16, 16, 3))


def as_written(path: Path) -> torch.Tensor:
    """What a file stores, without its profile."""
    with Image.open(path) as image:
        return torch.from_numpy(np.asarray(image, np.float32) / np.float32(255))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_one_picture_is_the_same_in_all_colour_spaces(
    tmp_path: Path, space: str, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(stored(colors(), *SPACES[space]))
    # Only WebP has such an option.
    image.save(path, lossless=True, icc_profile=rgb_profile(*SPACES[space]))
    expected = torch.from_numpy(colors()).float()[None]
    torch.testing.assert_close(read_picture(path), expected, atol=3.5 / 255, rtol=0)
    assert (as_written(path) - expected[0]).abs().max() > 12 / 255


def test_alpha_is_kept_apart(tmp_path: Path) -> None:
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    pixels = np.concatenate([stored(colors(), *SPACES["display-p3"]), alpha], axis=2)
    profile = rgb_profile(*SPACES["display-p3"])
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profile)
    picture = read_picture(tmp_path / "a.png")[0]
    expected = torch.from_numpy(colors()).float()
    torch.testing.assert_close(picture[..., :3], expected, atol=3.5 / 255, rtol=0)
    assert picture[..., 3].mul(255).round().flatten().tolist() == list(range(256))


def test_a_palette_has_the_colours_of_its_profile(tmp_path: Path) -> None:
    pixels = stored(np.array([[[0.5, 0.2, 0.3]]]), *SPACES["adobe-rgb"])
    image = Image.fromarray(pixels).convert("P", palette=Image.Palette.ADAPTIVE)
    image.save(tmp_path / "a.png", icc_profile=rgb_profile(*SPACES["adobe-rgb"]))
    expected = torch.tensor([0.5, 0.2, 0.3])
    torch.testing.assert_close(
        read_picture(tmp_path / "a.png")[0, 0, 0], expected, atol=3.5 / 255, rtol=0
    )


@pytest.mark.parametrize(
    "profile",
    [
        srgb_profile("RGB"),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        b"",
    ],
)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_srgb_is_left_as_it_is(mode: str, profile: bytes) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 4), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    image.info["icc_profile"] = profile
    assert in_srgb(image, "a.png") is image


@pytest.mark.parametrize("profile", [grey_profile(1.0), rgb_profile(SRGB, 1.0)])
@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_by_profiles_of_grey_and_of_rgb(tmp_path: Path, mode: str, profile: bytes) -> None:
    path = tmp_path / "a.png"
    levels = np.arange(8, 256, dtype=np.uint8)[None]
    image = Image.fromarray(levels.astype(np.uint16) * 257 if mode == "I;16" else levels)
    (image if mode == "I;16" else image.convert(mode)).save(path, icc_profile=profile)
    light = levels[0] / 255
    expected = 1.055 * light ** (1 / 2.4) - 0.055
    picture = read_picture(path)[0, 0]
    assert picture.shape[1] == (4 if mode == "LA" else 1)
    np.testing.assert_allclose(picture[:, 0], expected, atol=0.6 / 255)
    np.testing.assert_allclose(read_mask(path)[0, 0], expected, atol=0.6 / 255)


def test_grey_of_16_bits_keeps_its_depth(tmp_path: Path) -> None:
    values = np.arange(0, 65536, 97, dtype=np.uint16)[None]
    Image.fromarray(values).save(tmp_path / "a.tif", icc_profile=grey_profile(1.8))
    picture = read_picture(tmp_path / "a.tif").flatten()
    assert len(set(picture.tolist())) > 600
    assert (picture.diff() >= 0).all()


def test_inks_become_the_colours_of_their_profile(tmp_path: Path) -> None:
    """Paper is white, as the intent wants it, and cyan is not that of a screen."""
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    image = Image.frombytes("CMYK", (3, 1), inks.tobytes())
    image.save(tmp_path / "a.tif", icc_profile=cmyk_profile())
    paper, cyan, black = read_picture(tmp_path / "a.tif")[0, 0]
    assert 0.85 < paper.min() <= paper.max()
    assert black.max() < 0.08
    assert 0.15 < cyan[1] - cyan[0] < 0.9
    assert cyan[1] < 0.8


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b"not a profile"),
        ("RGB", rgb_profile(DISPLAY_P3, 2.2)[:200]),
        ("RGB", grey_profile(2.2)),
        ("RGB", cmyk_profile()),
        ("L", cmyk_profile()),
        ("CMYK", rgb_profile(DISPLAY_P3, 2.2)),
    ],
)
def test_a_profile_that_does_not_fit_warns_once_and_counts_as_srgb(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str, profile: bytes
) -> None:
    image = Image.fromarray(stored(colors(), SRGB, 2.2)).convert(mode)
    image.save(tmp_path / "a.tif", icc_profile=profile)
    image.save(tmp_path / "b.tif")
    assert torch.equal(read_picture(tmp_path / "a.tif"), read_picture(tmp_path / "b.tif"))
    read_picture(tmp_path / "a.tif")
    [record] = caplog.records
    assert str(tmp_path / "a.tif") in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_profile_whose_compression_is_damaged_warns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (2, 2)).save(path)
    data = path.read_bytes()
    body = b"iCCPx\0\0no zlib"
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    path.write_bytes(data[:33] + chunk + data[33:])
    assert not read_picture(path).any()
    assert "a.png counts as sRGB" in caplog.text


@pytest.mark.parametrize(("mode", "space"), [("L", "GRAY"), ("RGB", "RGB ")])
def test_own_profiles_are_small_valid_and_always_the_same(mode: str, space: str) -> None:
    profile = srgb_profile(mode)
    assert len(profile) < 1024
    read = ImageCms.ImageCmsProfile(BytesIO(profile)).profile
    assert read.xcolor_space == space
    assert "sRGB" in str(read.profile_description)
    srgb_profile.cache_clear()
    assert srgb_profile(mode) == profile

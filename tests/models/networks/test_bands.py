"""Networks in bands against the same networks on the whole picture."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from adain_nodes.models.networks.bands import (
    FASTEST_PIXELS,
    VALUES_PER_PIXEL,
    automatic_rows,
    bands,
    stream,
)
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.inference import MIDDLE, prepared
from adain_nodes.models.networks.vgg import VGG16, VGG19, Architecture, Encoder

TINY16 = Architecture(VGG16.depths, (4, 6, 8, 10))
TINY19 = Architecture(VGG19.depths, (3, 5, 7, 9))

# Multiples of 8 and others, odd at every level; bands of a few rows, of the picture, and beyond.
HEIGHTS = [9, 16, 23, 31, 64, 65, 77]
WIDTHS = [9, 17, 24, 30]
ROWS = [1, 3, 8, 16, 24, 400]


def in_bands(network: Encoder | Decoder, x: Tensor, rows: int) -> Tensor:
    if isinstance(network, Encoder):
        x = x - MIDDLE
    with torch.no_grad():
        parts = (x[:, :, band] for band in bands(x.shape[2], rows))
        return torch.cat(list(stream(prepared(network), parts)), dim=2)


def assert_same(result: Tensor, expected: Tensor) -> None:
    assert result.shape == expected.shape
    span = expected.max() - expected.min()
    assert span > 0
    assert (result - expected).abs().max() < 1e-5 * span


@pytest.mark.parametrize("architecture", [TINY16, TINY19])
@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_bands_make_up_the_whole(architecture: Architecture, height: int, width: int) -> None:
    encoder = Encoder(architecture).requires_grad_(False)
    decoder = Decoder(architecture).requires_grad_(False)
    picture = torch.rand(1, 3, height, width)
    features = encoder(picture)
    decoded = decoder(features)
    for rows in ROWS:
        assert_same(in_bands(encoder, picture, rows), features)
        assert_same(in_bands(decoder, features, -(-rows // 8)), decoded)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_batches_are_computed_together(memory_format: torch.memory_format) -> None:
    encoder, decoder = Encoder(TINY16).requires_grad_(False), Decoder(TINY16).requires_grad_(False)
    pictures = torch.rand(3, 3, 29, 18).contiguous(memory_format=memory_format)
    features = encoder(pictures)
    assert_same(in_bands(encoder, pictures, 8), features)
    features = features.contiguous(memory_format=memory_format)
    assert_same(in_bands(decoder, features, 1), decoder(features))


def test_bands_of_unequal_height_make_up_the_whole() -> None:
    encoder = Encoder(TINY16).requires_grad_(False)
    picture = torch.rand(1, 3, 61, 20)
    edges = [0, 2, 33, 34, 42, 61]
    parts = (picture[:, :, top:bottom] - MIDDLE for top, bottom in pairwise(edges))
    result = torch.cat(list(stream(prepared(encoder), parts)), dim=2)
    assert_same(result, encoder(picture))


@pytest.mark.parametrize(("halo", "enough"), [(32, True), (24, False)])
def test_the_encoder_sees_between_24_and_32_px_around_a_band(halo: int, enough: bool) -> None:
    """What bands with margins would need; bands that follow each other save it."""
    encoder = Encoder(TINY19).requires_grad_(False)
    picture = torch.rand(1, 3, 128, 128)
    inner = slice(64 - halo, 72 + halo)
    cut = encoder(picture[:, :, inner, inner])[:, :, halo // 8, halo // 8]
    difference = (cut - encoder(picture)[:, :, 8, 8]).abs().max()
    assert (difference < 1e-6) == enough


@pytest.mark.parametrize(("halo", "enough"), [(4, True), (3, False)])
def test_the_decoder_sees_between_3_and_4_cells_around_a_band(halo: int, enough: bool) -> None:
    decoder = Decoder(TINY19).requires_grad_(False)
    features = torch.rand(1, 9, 12, 12)
    inner = slice(5 - halo, 6 + halo)
    own = slice(8 * halo, 8 * halo + 8)
    cut = decoder(features[:, :, inner, inner])[:, :, own, own]
    difference = (cut - decoder(features)[:, :, 40:48, 40:48]).abs().max()
    assert (difference < 1e-6) == enough


def test_16_bit_networks_take_bands_too() -> None:
    encoder = Encoder(TINY16).requires_grad_(False).to(torch.bfloat16)
    picture = torch.rand(1, 3, 40, 33).to(torch.bfloat16)
    result = in_bands(encoder, picture, 16)
    assert result.dtype == torch.bfloat16
    assert torch.equal(result, in_bands(encoder, picture, 40))
    torch.testing.assert_close(result, encoder(picture), rtol=0.02, atol=0.02)


def test_bands_follow_each_other() -> None:
    assert [(band.start, band.stop) for band in bands(20, 8)] == [(0, 8), (8, 16), (16, 20)]
    assert [(band.start, band.stop) for band in bands(8, 100)] == [(0, 8)]


GIB = 1 << 30


@pytest.mark.parametrize("width", [64, 1000, 7680, 100_000])
@pytest.mark.parametrize("itemsize", [2, 4])
def test_bands_fit_the_free_memory(width: int, itemsize: int) -> None:
    for free in (0, GIB // 16, GIB, 64 * GIB):
        for cached in (True, False):
            rows = automatic_rows(width, itemsize, free, cached=cached)
            assert rows >= 8 and rows % 8 == 0
            assert rows == 8 or rows * width * itemsize * VALUES_PER_PIXEL <= free / 2


def test_bands_are_as_large_as_is_fast() -> None:
    assert automatic_rows(1024, 2, 64 * GIB, cached=True) * 1024 == FASTEST_PIXELS
    assert automatic_rows(1024, 2, None, cached=True) * 1024 == FASTEST_PIXELS
    assert automatic_rows(1024, 2, 64 * GIB, cached=False) > 8192
    assert automatic_rows(1 << 16, 2, 64 * GIB, cached=True) == 16


def test_unknown_memory_gives_the_bands_that_need_little() -> None:
    assert automatic_rows(1024, 2, None, cached=False) * 1024 == FASTEST_PIXELS

"""Gradients through an encoder against autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adain_nodes.models.networks.gradients import HALO, activations, pulled_back, tiles
from adain_nodes.models.networks.inference import MIDDLE, prepared, taps
from adain_nodes.models.networks.vgg import Encoder


def by_autograd(encoder: Encoder, picture: Tensor, seeds: list[Tensor]) -> Tensor:
    pixels = picture.double().requires_grad_()
    maps = encoder.double().taps(pixels)
    torch.autograd.backward(maps, [seed.double() for seed in seeds])
    assert pixels.grad is not None
    return pixels.grad


@pytest.mark.parametrize("size", [(9, 9), (16, 24), (21, 34), (40, 17)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_they_equal_autograds(encoder: Encoder, size: tuple[int, int], dtype: torch.dtype) -> None:
    picture = torch.rand(1, 3, *size)
    encoder.to(dtype)
    steps = prepared(encoder)
    outputs = activations(steps, (picture - MIDDLE).to(dtype))
    seeds = [torch.randn_like(outputs[index]) for index in taps(steps)]
    found = pulled_back(steps, outputs, [seed.clone() for seed in seeds])
    expected = by_autograd(encoder, picture, seeds)
    assert found.shape == picture.shape
    if dtype == torch.float32:
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
    else:
        # Rounding turns a few ReLUs and maxima.
        both = found.double().flatten(), expected.flatten()
        assert torch.cosine_similarity(*both, dim=0) > 0.95


def test_of_equal_values_the_first_gets_the_gradient(encoder: Encoder) -> None:
    """As in autograd: a flat picture is full of them."""
    picture = torch.full((1, 3, 16, 16), 0.7)
    steps = prepared(encoder)
    outputs = activations(steps, picture - MIDDLE)
    seeds = [torch.ones_like(outputs[index]) for index in taps(steps)]
    expected = by_autograd(encoder, picture, [seed.clone() for seed in seeds])
    found = pulled_back(steps, outputs, seeds)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 64), (100, 203), (8, 500)])
@pytest.mark.parametrize("side", [8, 64, 512])
def test_tiles_cover_a_picture_once(size: tuple[int, int], side: int) -> None:
    for stride in (1, 2, 4, 8):
        covered = torch.zeros([-(-pixels // stride) for pixels in size])
        for tile in tiles(size, side):
            rows, columns = tile.inner(stride)
            covered[rows, columns] += 1
            around = torch.zeros_like(covered)
            around[tile.outer(stride)] = 1
            within = around[tile.outer(stride)][tile.within(stride)]
            assert within.shape == covered[rows, columns].shape
        assert torch.equal(covered, torch.ones_like(covered))
    for tile in tiles(size, side):
        rows, columns = tile.outer(1)
        assert rows.start == max(0, tile.rows.start - HALO)
        assert columns.stop == min(size[1], tile.columns.stop + HALO)

"""The losses and their gradient, tile by tile, against autograd over the whole picture in
float64."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from adain_nodes.host.options import Reference
from adain_nodes.models.model import Model
from adain_nodes.models.networks import gradients
from adain_nodes.models.networks.inference import Step, prepared
from adain_nodes.models.networks.vgg import grid_size
from adain_nodes.ops.masks import grid_mask
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline import objective as module
from adain_nodes.pipeline.objective import STEP_WORK, Objective, Region
from adain_nodes.pipeline.types import LAYER_STRIDES, LayerMasks

WIDTHS = (4, 6, 8, 10)
WEIGHT = 3.0
SIZES = [(64, 96), (77, 90), (9, 150), (40, 9)]
REFERENCE: Reference = "pytorch"


def random_region(masks: LayerMasks | None, share: float) -> Region:
    style = tuple(Statistics(torch.rand(1, c), 0.5 + torch.rand(1, c)) for c in WIDTHS)
    return Region(masks, style, share)


def regions_of(size: tuple[int, int], count: int) -> list[Region]:
    """Without a mask, or with one that is 0 in a quarter of the picture and soft elsewhere."""
    if count < 2:
        return [random_region(None, 1.0)] * count
    regions = []
    for _ in range(count):
        mask = torch.rand(1, *size)
        mask[:, : size[0] // 2, : size[1] // 2] = 0
        masks = tuple(
            grid_mask(mask, size, (-(-size[0] // s), -(-size[1] // s)), "area", s)
            for s in LAYER_STRIDES
        )
        regions.append(random_region(masks, mask.mean().item()))
    return regions


def expected(
    model: Model, picture: Tensor, target: Tensor, regions: list[Region]
) -> tuple[float, float, Tensor]:
    """L_c, L_s and the gradient of L_c + `WEIGHT` L_s, by plain formulas."""
    pixels = picture.double().requires_grad_()
    maps = model.encoder.load().double().taps(pixels.movedim(-1, 1))
    content = ((maps[-1] - target.double()) ** 2).mean()
    style = torch.zeros((), dtype=torch.float64)
    for region in regions:
        for layer, (values, wanted) in enumerate(zip(maps, region.style, strict=True)):
            w = torch.ones(1, 1, *values.shape[2:], dtype=torch.float64)
            if region.masks is not None:
                w = region.masks[layer].double()
            mean = (w * values).sum((2, 3)) / w.sum()
            variance = (w * (values - mean[..., None, None]) ** 2).sum((2, 3)) / w.sum()
            std = (variance + 1e-5).sqrt()
            distance = ((mean - wanted.mean) ** 2).mean() + ((std - wanted.std) ** 2).mean()
            style = style + region.share * distance
    [gradient] = torch.autograd.grad(content + WEIGHT * style, pixels)
    return content.item(), style.item(), gradient


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("tile", [0, 8, 32])
def test_it_equals_the_whole_picture(
    model: Model, size: tuple[int, int], count: int, tile: int
) -> None:
    picture, target = torch.rand(1, *size, 3), torch.rand(1, WIDTHS[-1], *grid_size(size))
    regions = regions_of(size, count)
    done: list[int] = []
    objective = Objective(replace(model, tile_size=tile), target, regions, WEIGHT, done.append)
    found = objective(picture)
    content, style, gradient = expected(model, picture, target, regions)
    assert found.content == pytest.approx(content, rel=1e-4)
    assert found.style == pytest.approx(style, rel=1e-4)
    assert found.loss == pytest.approx(content + WEIGHT * style, rel=1e-4)
    error = (found.gradient - gradient).abs().max() / gradient.abs().max()
    assert error < 1e-4
    high, wide = grid_size(size)
    assert sum(done) == STEP_WORK * high * wide


def test_a_narrower_halo_would_be_wrong(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above rest on: there are tiles that the halo matters to."""
    size = (64, 200)
    picture, target = torch.rand(1, *size, 3), torch.rand(1, WIDTHS[-1], *grid_size(size))
    _, _, gradient = expected(model, picture, target, [])
    model.encoder.load().float()
    monkeypatch.setattr("adain_nodes.models.networks.gradients.HALO", 24)
    found = Objective(replace(model, tile_size=8), target, [], WEIGHT, lambda _: None)(picture)
    assert (found.gradient - gradient).abs().max() / gradient.abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("target", [1e-3, 1.0, 1e3])
def test_it_holds_in_16_bits(model: Model, dtype: torch.dtype, target: float) -> None:
    """Gradients of mean losses over many pixels are far below what fp16 can hold."""
    size = (256, 256)
    picture = torch.rand(1, *size, 3)
    goal = target * torch.rand(1, WIDTHS[-1], *grid_size(size))
    regions = regions_of(size, 1)
    exact = Objective(model, goal, regions, WEIGHT, lambda _: None)(picture)
    model.encoder.load().to(dtype)
    rounded = Objective(replace(model, dtype=dtype), goal, regions, WEIGHT, lambda _: None)(picture)
    assert rounded.loss == pytest.approx(exact.loss, rel=0.02)
    both = rounded.gradient.flatten(), exact.gradient.flatten()
    assert torch.cosine_similarity(*both, dim=0) > 0.95
    assert rounded.gradient.norm() == pytest.approx(exact.gradient.norm().item(), rel=0.1)


def test_where_memory_runs_out_it_goes_on_in_smaller_tiles(
    model: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    picture, target = torch.rand(1, 64, 64, 3), torch.rand(1, WIDTHS[-1], 8, 8)
    whole = Objective(model, target, [], WEIGHT, lambda _: None)(picture)
    activations = gradients.activations
    calls = 0

    def short_of_memory(encoder: object, values: Tensor) -> list[Tensor]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise MemoryError
        return activations(encoder, values)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "activations", short_of_memory)
    done: list[int] = []
    objective = Objective(model, target, [], WEIGHT, done.append)
    torch.testing.assert_close(objective(picture).gradient, whole.gradient, rtol=1e-4, atol=1e-8)
    assert sum(done) == STEP_WORK * 64
    assert "tiles of 32 px" in caplog.text
    objective(picture)
    assert calls == 1 + 2 * (4 + 4)  # it does not try the larger tiles again


def test_maps_are_let_go_before_those_of_the_next_tile(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Tensor]] = []

    def watched(encoder: Sequence[Step], picture: Tensor) -> list[Tensor]:
        assert not any(each() is not None for each in made)
        maps = gradients.activations(encoder, picture)
        made.extend(map(weakref.ref, maps))
        return maps

    monkeypatch.setattr(module, "activations", watched)
    target = torch.rand(1, WIDTHS[-1], *grid_size((64, 96)))
    regions = regions_of((64, 96), 1)
    Objective(replace(model, tile_size=32), target, regions, WEIGHT, lambda _: None)(
        torch.rand(1, 64, 96, 3)
    )
    assert len(made) == 2 * 6 * len(prepared(model.encoder.load()))

"""Optimisation of pixels on a tiny encoder."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.files.pictures import read_picture
from adain_nodes.files.sheets import square
from adain_nodes.host.errors import InputError
from adain_nodes.host.plain import Resident
from adain_nodes.models.model import Model
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.ops.similarity import ssim
from adain_nodes.pipeline.refine import FIRST_STEP, coarse_too
from adain_nodes.training.data import find_pictures
from adain_nodes.training.evaluation.losses import LossMeter, View
from adain_nodes.training.evaluation.optimize import (
    Curve,
    optimize_pairs,
    optimized,
    starting_picture,
)


@pytest.fixture
def meter(encoder: Encoder) -> LossMeter:
    return LossMeter(Resident(encoder, torch.device("cpu")), torch.float32)


@pytest.fixture
def content() -> Tensor:
    return 0.2 + 0.6 * torch.rand(1, 16, 24, 3)


@pytest.fixture
def style(meter: LossMeter) -> View:
    return meter.view(torch.rand(1, 20, 20, 3) ** 3)


def test_losses_fall_and_are_those_of_the_pictures(
    meter: LossMeter, content: Tensor, style: View
) -> None:
    view = meter.view(content)
    target = meter.target(view, style)
    iterates = list(optimized(meter, view, style, content, steps=12))

    assert [iterate.step for iterate in iterates] == list(range(13))
    torch.testing.assert_close(iterates[0].picture, content)
    for iterate in (iterates[0], iterates[5], iterates[-1]):
        assert iterate.picture.min() >= 0 and iterate.picture.max() <= 1
        measured = meter.losses(meter.view(iterate.picture), target, style)
        torch.testing.assert_close(iterate.losses.content, measured.content, rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(iterate.losses.layers, measured.layers, rtol=1e-4, atol=1e-7)
    objective = [one.losses.content.item() + 10 * one.losses.style.item() for one in iterates]
    assert objective[-1] < 0.5 * objective[0]
    seconds = [iterate.seconds for iterate in iterates]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("seed", range(4))
def test_lbfgs_keeps_its_way_on_flat_colours(meter: LossMeter, seed: int) -> None:
    # All of these run away if no step is taken back.
    generator = torch.Generator().manual_seed(seed)
    colors = torch.randint(2, (2, 3, 2, 3), generator=generator).float()
    content, art = F.interpolate(colors, size=(16, 24)).movedim(1, -1)[:, None]
    view, style = meter.view(content), meter.view(art)
    start = starting_picture("noise", content, seed=seed)
    iterates = optimized(meter, view, style, start, steps=100)
    objective = [one.losses.content.item() + 10 * one.losses.style.item() for one in iterates]
    assert all(later <= 2.5 * min(objective[:i]) for i, later in enumerate(objective[1:], 1))
    assert objective[-1] < 0.2 * objective[0]


def test_the_first_step_goes_down_the_gradient_of_both_losses(
    meter: LossMeter, content: Tensor, style: View
) -> None:
    weight = 3.0
    view = meter.view(content)
    color = content.movedim(-1, 1).requires_grad_()
    losses = meter.losses(meter.view_of_color(color), meter.target(view, style), style)
    (gradient,) = torch.autograd.grad(losses.content + weight * losses.style, color)
    _, first = optimized(meter, view, style, content, steps=1, style_weight=weight)
    moved = (first.picture - content).movedim(-1, 1)
    down = -coarse_too(gradient.movedim(1, -1)).movedim(-1, 1)
    expected = FIRST_STEP * down / down.square().mean().sqrt()
    torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-5)


def test_stopping_to_ask_stops(meter: LossMeter, content: Tensor, style: View) -> None:
    iterates = list(islice(optimized(meter, meter.view(content), style, content, steps=9), 3))
    assert [iterate.step for iterate in iterates] == [0, 1, 2]


def test_the_papers_reading_needs_a_style_weight(
    encoder: Encoder, content: Tensor, style: View
) -> None:
    meter = LossMeter(Resident(encoder, torch.device("cpu")), torch.float32, "paper")
    view = meter.view(content)
    with pytest.raises(InputError, match="give one"):
        next(optimized(meter, view, style, content, steps=1))
    next(optimized(meter, view, style, content, steps=1, style_weight=1.0))


def test_noise_is_the_same_under_its_seed(content: Tensor) -> None:
    first, again, other = (starting_picture("noise", content, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == content.shape
    assert torch.equal(starting_picture("content", content, seed=1), content)


SIZE = 16


def test_rows_and_curves_are_means_over_the_pairs(model: Model, pictures: Path) -> None:
    meter = LossMeter(model.encoder, model.dtype)
    contents, styles = (find_pictures(pictures / kind) for kind in ("content", "style"))
    pairs = [(contents[0], styles[1]), (contents[2], styles[0])]
    told: list[tuple[int, int]] = []

    rows, curves = optimize_pairs(
        pairs, ("content", "noise"), meter,
        size=SIZE, checkpoints=(1, 4), progress=lambda *now: told.append(now),
    )  # fmt: skip

    assert [row.name for row in rows] == [
        "optimised from content, 1 step",
        "optimised from content, 4 steps",
        "optimised from noise, 1 step",
        "optimised from noise, 4 steps",
    ]
    assert told == [(step, 20) for step in range(1, 21)]
    of_noise = []
    for seed, paths in enumerate(pairs):
        content, style = (square(read_picture(path), SIZE)[None] for path in paths)
        start = starting_picture("noise", content, seed=seed)
        *_, last = optimized(meter, meter.view(content), meter.view(style), start, steps=4)
        similarity = ssim(last.picture, content).item()
        of_noise.append((last.losses.content.item(), last.losses.style.item(), similarity))
    content_loss, style_loss, similarity = (
        sum(values) / 2 for values in zip(*of_noise, strict=True)
    )
    found = rows[-1]
    assert found.content_loss == pytest.approx(content_loss, rel=1e-4)
    assert found.style_loss == pytest.approx(style_loss, rel=1e-4)
    assert found.ssim == pytest.approx(similarity, abs=1e-4)
    assert found.seconds is not None
    for curve in curves:
        assert len(curve.content) == len(curve.style) == 5
    assert curves[1].content[-1] == pytest.approx(content_loss, rel=1e-4)
    assert curves[1].style[-1] == pytest.approx(style_loss, rel=1e-4)


def test_a_curve_says_where_it_first_comes_down_to_a_loss() -> None:
    curve = Curve("noise", content=(9, 8, 7, 6), style=(4.0, 2.0, 1.0, 1.5))
    assert [curve.step_reaching(loss) for loss in (5.0, 2.0, 1.2, 0.5)] == [0, 1, 2, None]

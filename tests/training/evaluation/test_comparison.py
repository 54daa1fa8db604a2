"""Optimisation over several pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from adain_nodes.files.pictures import read_picture
from adain_nodes.files.sheets import square
from adain_nodes.models.model import Model
from adain_nodes.ops.similarity import ssim
from adain_nodes.training.data import find_pictures
from adain_nodes.training.evaluation.comparison import Curve, optimize_pairs
from adain_nodes.training.evaluation.losses import LossMeter
from adain_nodes.training.evaluation.optimize import optimized, starting_picture

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

"""The measurement of films, against single steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adain_nodes.models.model import Model
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.flow import Flow, Pixels
from adain_nodes.pipeline.stylize import stylize
from adain_nodes.pipeline.transfer import style_of
from adain_nodes.training.evaluation import films
from adain_nodes.training.evaluation.films import FILM, SETTINGS, evaluate_film, film_table
from adain_nodes.training.evaluation.losses import LossMeter

pytest.importorskip("cv2")


def test_a_film_is_measured_as_step_by_step(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing moves, so that flicker is the difference of neighbours."""

    def still(before: Pixels, _after: Pixels) -> Flow:
        return Flow(np.zeros((*before.shape, 2), np.float32), np.ones(before.shape, np.bool_))

    monkeypatch.setattr(films, "flow_between", still)
    picture, art = torch.rand(40, 56, 3), torch.rand(1, 24, 30, 3)
    frames = (picture + 0.1 * torch.randn(4, 40, 56, 3)).clamp(0, 1)
    meter = LossMeter(model.encoder, torch.float32)
    told: list[tuple[int, int]] = []
    rows = evaluate_film(
        frames, 4, art, model, meter, style_size=20, progress=lambda *step: told.append(step)
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    found = {row.name: row for row in rows}
    assert list(found) == [FILM, *SETTINGS]
    assert found[FILM].seconds is None
    look = style_of(model, art, shorter_side=20)
    for name in ("per_frame", "shared", "steadiness 0.8"):
        how: FilmOptions = SETTINGS[name]
        results = stylize(
            frames, look, model=model, frame_statistics=how.frame_statistics,
            steadiness=how.steadiness,
        )  # fmt: skip
        changes = 255 * results.diff(dim=0).abs().mean((1, 2, 3))
        row = found[name]
        assert row.flicker == pytest.approx(changes.mean().item(), rel=1e-4)
        assert row.highest_flicker == pytest.approx(changes.max().item(), rel=1e-4)
        losses, unchanged = meter.measure(frames, art, results, style_size=20)
        assert row.style_loss == pytest.approx(losses.style, rel=1e-3)
        assert row.content_loss == pytest.approx(losses.content, rel=1e-3)
        assert found[FILM].style_loss == pytest.approx(unchanged.style, rel=1e-3)
    flickers = [found[f"steadiness {share:g}"].flicker for share in (0.5, 0.8, 0.9, 1)]
    assert flickers == sorted(flickers, reverse=True)
    table = film_table(rows)
    assert all(f"{row.flicker:.2f}" in table for row in rows)

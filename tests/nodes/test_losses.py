"""The node that measures a result."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from adain_nodes.host import surroundings
from adain_nodes.host.errors import InputError
from adain_nodes.host.plain import Host, Progress
from adain_nodes.models.model import Model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.pipeline.scaling import to_network
from adain_nodes.training.evaluation.losses import LAYERS, LossMeter


def measure(**inputs: Any) -> tuple[float, float, str]:
    """As ComfyUI runs it."""
    node: Any = NODE_CLASS_MAPPINGS["AdaINLosses"]()
    with torch.inference_mode():
        found: tuple[float, float, str] = getattr(node, node.FUNCTION)(**inputs)
    return found


def expected(model: Model, content: Tensor, style: Tensor, result: Tensor) -> tuple[float, float]:
    """Of single pictures, the style scaled already."""
    meter = LossMeter(model.encoder, model.dtype)
    c, s, r = (meter.view(picture) for picture in (content, style, result))
    losses = meter.losses(r, meter.target(c, s), s)
    return losses.content.item(), losses.style.item()


def test_it_gives_both_losses_and_a_report(model: Model) -> None:
    content, result = torch.rand(2, 1, 20, 28, 3).unbind()
    art = torch.rand(1, 32, 48, 3)
    scaled = to_network(art, (16, 24))[0].movedim(1, -1)
    content_loss, style_loss, report = measure(
        model=model, content=content, style_image=art, result=result, style_size=16
    )
    of_result = expected(model, content, scaled, result)
    of_content = expected(model, content, scaled, content)
    assert (content_loss, style_loss) == pytest.approx(of_result, rel=1e-5)
    for value in (*of_result, *of_content):
        assert f"{value:.4f}" in report
    assert all(layer in report for layer in LAYERS)


def test_a_batch_gives_means(model: Model) -> None:
    content, art = torch.rand(1, 16, 16, 3), torch.rand(2, 16, 16, 3)
    result = torch.rand(2, 16, 16, 4)
    content_loss, style_loss, _ = measure(
        model=model, content=content, style_image=art, result=result, style_size=0
    )
    singles = [expected(model, content, art[i][None], result[i][None]) for i in range(2)]
    means = [sum(values) / 2 for values in zip(*singles, strict=True)]
    assert [content_loss, style_loss] == pytest.approx(means, rel=1e-5)


def test_each_picture_is_encoded_once_and_progress_comes_to_its_end(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[tuple[int, int]] = []

    class Watched(Host):
        def progress(self) -> Progress:
            return lambda done, total: reports.append((done, total))

    monkeypatch.setattr(surroundings, "current", Watched)
    picture = torch.rand(1, 16, 16, 3)
    measure(
        model=model, content=picture, style_image=picture, result=torch.rand(3, 16, 16, 3),
        style_size=24,
    )  # fmt: skip
    # Cells: a content, a style of 24 px, three results.
    assert reports[-1] == (4 + 9 + 3 * 4, 4 + 9 + 3 * 4)


def test_pictures_that_do_not_fit_are_refused(model: Model) -> None:
    picture, larger = torch.rand(1, 16, 16, 3), torch.rand(1, 24, 16, 3)
    with pytest.raises(InputError, match="result has 16x24 px, content 16x16 px"):
        measure(model=model, content=picture, style_image=picture, result=larger, style_size=0)
    two, three = picture.expand(2, -1, -1, -1), picture.expand(3, -1, -1, -1)
    with pytest.raises(InputError, match="batches must be equal"):
        measure(model=model, content=two, style_image=picture, result=three, style_size=0)
    with pytest.raises(InputError, match="style_image holds nan"):
        measure(
            model=model, content=picture, style_image=picture / 0 * 0, result=picture, style_size=0
        )

"""The node that refines pictures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from adain_nodes.host import surroundings
from adain_nodes.host.plain import Host, Progress
from adain_nodes.models.model import Model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.pipeline.refine import refine


def run(name: str, **inputs: Any) -> Any:
    """As ComfyUI runs it."""
    node: Any = NODE_CLASS_MAPPINGS[name]()
    with torch.inference_mode():
        (result,) = getattr(node, node.FUNCTION)(**inputs)
    return result


def stylised(model: Model, content: Tensor, art: Tensor) -> dict[str, Any]:
    """The inputs of AdaIN Refine, from a graph of the steps."""
    encoded, encoded_art = (
        run("AdaINEncode", model=model, image=image, shorter_side=0) for image in (content, art)
    )
    style = run("AdaINStyle", features=encoded_art, mask_resize="area")
    features = run(
        "AdaINTransfer", content=encoded, style=style, alpha=0.8, mask_statistics="region",
        mask_resize="area", apply_mask=True,
    )  # fmt: skip
    image = run("AdaINDecode", model=model, features=features)
    return {"model": model, "image": image, "features": features, "style": style}


def test_it_refines_what_the_graph_has_decoded(model: Model) -> None:
    inputs = stylised(model, torch.rand(2, 20, 28, 3), torch.rand(1, 24, 24, 3))
    result = run("AdaINRefine", **inputs, steps=3, style_weight=20.0)
    expected = refine(
        inputs["model"], inputs["image"], inputs["features"], inputs["style"], steps=3,
        style_weight=20.0,
    )  # fmt: skip
    assert torch.equal(result, expected)


def test_it_equals_the_node_that_does_it_all(model: Model) -> None:
    content, art = torch.rand(1, 20, 28, 3), torch.rand(1, 24, 24, 3)
    result = run("AdaINRefine", **stylised(model, content, art), steps=4, style_weight=10.0)
    whole = run(
        "AdaINStylize", model=model, content=content, style_image=art, alpha=0.8, content_size=0,
        style_size=0, mask_statistics="region", refine_steps=4,
    )  # fmt: skip
    assert torch.equal(result, whole)


def test_a_mask_keeps_the_rest(model: Model) -> None:
    inputs = stylised(model, torch.rand(1, 20, 28, 3), torch.rand(1, 24, 24, 3))
    mask = torch.zeros(1, 20, 28)
    mask[:, :, :8] = 1
    result = run("AdaINRefine", **inputs, steps=2, style_weight=10.0, mask=mask)
    assert torch.equal(result[:, :, 8:], inputs["image"][:, :, 8:])
    assert not torch.equal(result[:, :, :8], inputs["image"][:, :, :8])


def test_progress_and_previews_reach_the_host(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[tuple[int, int]] = []
    shown: list[Tensor] = []

    class Watching(Host):
        def progress(self) -> Progress:
            return lambda *now: reports.append(now)

        def show(self, picture: Tensor) -> None:
            shown.append(picture)

    monkeypatch.setattr(surroundings, "current", Watching)
    inputs = stylised(model, torch.rand(1, 20, 28, 3), torch.rand(1, 24, 24, 3))
    reports.clear()
    result = run("AdaINRefine", **inputs, steps=10, style_weight=10.0)
    assert reports[-1][0] == reports[-1][1]
    assert [tuple(picture.shape) for picture in shown] == [(20, 28, 3)] * 3
    assert torch.equal(shown[0], inputs["image"][0])
    assert torch.equal(shown[-1], result[0])

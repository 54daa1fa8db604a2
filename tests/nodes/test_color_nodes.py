"""The nodes that match colours give what Python gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import adain_nodes
from adain_nodes.host.errors import InputError
from adain_nodes.host.options import COLOR_METHODS, ColorMethod
from adain_nodes.models.model import Model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.colors import match_color

STYLIZE: dict[str, Any] = {
    "alpha": 1.0, "content_size": 0, "style_size": 16, "mask_statistics": "region",
}  # fmt: skip


def run(name: str, **inputs: Any) -> Tensor:
    """A node's first output."""
    node = NODE_CLASS_MAPPINGS[name]()
    (result,) = getattr(node, node.FUNCTION)(**inputs)
    assert isinstance(result, Tensor)
    return result


@pytest.mark.parametrize("method", COLOR_METHODS)
@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_match_color(method: ColorMethod, strength: float) -> None:
    image, reference = torch.rand(2, 9, 11, 4), torch.rand(1, 8, 5, 3) ** 2
    result = run(
        "AdaINMatchColor", image=image, reference=reference, method=method, strength=strength
    )
    assert torch.equal(result, match_color(image, reference, method, strength=strength))


def test_widgets_offer_every_method() -> None:
    match: Any = NODE_CLASS_MAPPINGS["AdaINMatchColor"]
    stylize: Any = NODE_CLASS_MAPPINGS["AdaINStylize"]
    assert match.INPUT_TYPES()["required"]["method"][0] == list(COLOR_METHODS)
    assert stylize.INPUT_TYPES()["optional"]["preserve_color"][0] == ["off", *COLOR_METHODS]


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_the_graph_of_single_nodes_equals_stylize(model: Model, method: ColorMethod) -> None:
    content, art = torch.rand(1, 20, 28, 3), torch.rand(1, 24, 17, 3) ** 2
    matched = art
    if method != "luminance":
        matched = run("AdaINMatchColor", image=art, reference=content, method=method, strength=1.0)
    style = transfer.style_of(model, matched, shorter_side=16)
    expected = transfer.decode(model, transfer.transfer(transfer.encode(model, content), style))
    if method == "luminance":
        expected = run(
            "AdaINMatchColor", image=expected, reference=content, method=method, strength=1.0
        )
    result = run(
        "AdaINStylize",
        model=model, content=content, style_image=art, preserve_color=method, **STYLIZE,
    )  # fmt: skip
    torch.testing.assert_close(result, expected)


def test_off_keeps_the_colours_of_the_style(model: Model) -> None:
    content, art = torch.rand(1, 20, 28, 3), torch.rand(1, 24, 17, 3)
    inputs = {"model": model, "content": content, "style_image": art, **STYLIZE}
    expected = adain_nodes.stylize(content, art, model=model, style_size=16)
    assert torch.equal(run("AdaINStylize", **inputs), expected)
    assert torch.equal(run("AdaINStylize", **inputs, preserve_color="off"), expected)


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_a_style_without_its_picture_goes_with_luminance_only(
    model: Model, method: ColorMethod
) -> None:
    content = torch.rand(1, 20, 28, 3)
    style = transfer.style_of(model, torch.rand(1, 24, 17, 3))
    inputs = {"model": model, "content": content, "style": style, "preserve_color": method}
    if method == "luminance":
        expected = adain_nodes.stylize(content, style, model=model, preserve_color="luminance")
        assert torch.equal(run("AdaINStylize", **inputs, **STYLIZE), expected)
        return
    with pytest.raises(InputError, match="give the picture, or take luminance"):
        run("AdaINStylize", **inputs, **STYLIZE)

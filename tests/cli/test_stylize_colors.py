"""`--preserve-color`, and that it gives what Python and the node give."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import adain_nodes
from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.files.styles import save_style
from adain_nodes.host.options import COLOR_METHODS, ColorMethod
from adain_nodes.models.model import Model, load_model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.colors import match_color
from adain_nodes.pipeline.types import Style

OIL = ("--style", "oil.png")
TWO = (*OIL, "--style", "ink.png")
OUT = ("-o", "out.png")
RECOLORING = [method for method in COLOR_METHODS if method != "luminance"]

Command = Callable[..., int]


@pytest.fixture
def model(tiny_model_folder: Path) -> Model:
    return load_model(str(tiny_model_folder), precision="fp32", device=torch.device("cpu"))


@pytest.fixture(autouse=True)
def _colourful(folder: Path) -> None:
    """Contents and styles that differ in colour."""
    for name, tint in (("cat", (1, 0.6, 0.2)), ("dog", (0.2, 0.7, 1)), ("oil", (0.5, 1, 0.5))):
        path = folder / f"{name}.png"
        write_picture(path, read_picture(path)[0] * torch.tensor(tint))


def picture(name: str) -> Tensor:
    return read_picture(Path(name))


def recolored(model: Model, style: str, content: str, method: ColorMethod) -> Style:
    matched = match_color(picture(style), picture(content), method)
    return transfer.style_statistics(transfer.encode(model, matched, shorter_side=512))


def assert_shows(path: str, expected: Tensor) -> None:
    """A file shows this picture, up to the rounding to its 8 bits."""
    torch.testing.assert_close(picture(path), expected, atol=0.51 / 255, rtol=0)


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_command_node_and_python_give_the_same_picture(
    stylize: Command, model: Model, method: ColorMethod
) -> None:
    assert stylize("cat.png", *OIL, *OUT, "--preserve-color", method, "--alpha", "0.8") == 0
    content, art = picture("cat.png"), picture("oil.png")
    in_python = adain_nodes.stylize(content, art, model=model, alpha=0.8, preserve_color=method)
    node: Any = NODE_CLASS_MAPPINGS["AdaINStylize"]()
    (by_node,) = node.stylize(
        model=model, content=content, style_image=art, alpha=0.8, content_size=0, style_size=512,
        mask_statistics="region", preserve_color=method,
    )  # fmt: skip
    assert torch.equal(by_node, in_python)
    assert_shows("out.png", in_python)
    plain = adain_nodes.stylize(content, art, model=model, alpha=0.8)
    assert (in_python - plain).abs().max() > 3 / 255


@pytest.mark.parametrize("method", RECOLORING)
def test_every_content_gets_styles_in_its_own_colours(
    stylize: Command, model: Model, method: ColorMethod
) -> None:
    assert stylize("cat.png", "dog.png", *TWO, "-o", "out", "--preserve-color", method) == 0
    for content in ("cat", "dog"):
        features = transfer.encode(model, picture(f"{content}.png"))
        for style in ("oil", "ink"):
            statistics = recolored(model, f"{style}.png", f"{content}.png", method)
            expected = transfer.decode(model, transfer.transfer(features, statistics))
            assert_shows(f"out/{content}_{style}.png", expected)


def test_every_content_gives_its_own_chroma_at_the_size_of_the_result(
    stylize: Command, model: Model
) -> None:
    options = ("--preserve-color", "luminance", "--size", "20")
    assert stylize("cat.png", "dog.png", *OIL, "-o", "out", *options) == 0
    style = transfer.style_of(model, picture("oil.png"), shorter_side=512)
    for content in ("cat", "dog"):
        result = adain_nodes.stylize(picture(f"{content}.png"), style, model=model, content_size=20)
        expected = match_color(result, picture(f"{content}.png"), "luminance")
        assert expected.shape == (1, 20, 28, 3)
        assert_shows(f"out/{content}_oil.png", expected)


@pytest.mark.parametrize("method", ["linear", "luminance"])
def test_with_weights(stylize: Command, model: Model, method: ColorMethod) -> None:
    options = ("--weights", "3,1", "--preserve-color", method)
    assert stylize("cat.png", *TWO, *OUT, *options) == 0
    pair = styles_for_cat(model, method)
    mixture = transfer.interpolate_styles(pair, [3, 1])
    target = transfer.transfer(transfer.encode(model, picture("cat.png")), mixture)
    assert_shows("out.png", finished(transfer.decode(model, target), method))


@pytest.mark.parametrize("method", ["coral", "luminance"])
def test_with_masks(stylize: Command, model: Model, method: ColorMethod) -> None:
    options = ("--mask", "left.png", "--mask", "right.png", "--preserve-color", method)
    assert stylize("cat.png", *TWO, *OUT, *options) == 0
    content = transfer.encode(model, picture("cat.png"))
    parts = []
    for style, side in zip(styles_for_cat(model, method), ("left", "right"), strict=True):
        mask = read_mask(Path(f"{side}.png"))
        parts.append((transfer.transfer(content, style, mask=mask), mask))
    target = transfer.compose(parts, content)
    assert_shows("out.png", finished(transfer.decode(model, target), method))


def styles_for_cat(model: Model, method: ColorMethod) -> list[Style]:
    if method == "luminance":
        arts = [picture(name) for name in ("oil.png", "ink.png")]
        return [transfer.style_of(model, art, shorter_side=512) for art in arts]
    return [recolored(model, name, "cat.png", method) for name in ("oil.png", "ink.png")]


def finished(result: Tensor, method: ColorMethod) -> Tensor:
    if method == "luminance":
        return match_color(result, picture("cat.png"), method)
    return result


@pytest.mark.parametrize("method", RECOLORING)
def test_a_style_file_has_no_picture_to_recolour(
    stylize: Command, model: Model, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    save_style(Path("oil.safetensors"), transfer.style_of(model, picture("oil.png")))
    styles = ("--style", "ink.png", "--style", "oil.safetensors")
    assert stylize("cat.png", *styles, "-o", "out", "--preserve-color", method) == 2
    error = capsys.readouterr().err
    assert f"--preserve-color {method} recolours style pictures" in error
    assert "oil.safetensors has none" in error
    assert error.count("\n") == 1
    assert not Path("out").exists()


def test_a_style_file_goes_with_luminance(stylize: Command, model: Model) -> None:
    style = transfer.style_of(model, picture("oil.png"))
    save_style(Path("oil.safetensors"), style)
    options = ("--style", "oil.safetensors", "--preserve-color", "luminance")
    assert stylize("cat.png", *options, *OUT) == 0
    assert_shows(
        "out.png",
        adain_nodes.stylize(picture("cat.png"), style, model=model, preserve_color="luminance"),
    )


@pytest.mark.parametrize("method", ["histogram", "luminance"])
def test_the_bar_ends_at_its_end(
    stylize: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    method: str,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert stylize("cat.png", "dog.png", *TWO, "-o", "out", "--preserve-color", method) == 0
    output = capsys.readouterr()
    shares = [int(part.split()[-1]) for part in output.err.split("% |")[:-1]]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert "100% |█" in output.err


def test_an_unknown_method_is_refused(stylize: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        stylize("cat.png", *OIL, *OUT, "--preserve-color", "lab")
    assert exit_.value.code == 2
    assert "--preserve-color" in capsys.readouterr().err
    assert not Path("out.png").exists()

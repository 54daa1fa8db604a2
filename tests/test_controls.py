"""Each control gives the same pixels as nodes, on the command line and in Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import adain_nodes
from adain_nodes.cli import main
from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.files.styles import load_style, save_style
from adain_nodes.host import surroundings
from adain_nodes.host.errors import InputError
from adain_nodes.host.options import MaskStatistics
from adain_nodes.host.plain import Host
from adain_nodes.models.model import Model, load_model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.ops.adain import adain
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.transfer import stack_styles
from adain_nodes.pipeline.types import Features, Style

WEIGHTS = (1.0, 2.0, 0.5, 3.0, 1.5)

Command = Callable[..., Tensor]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a content, five styles, masks, and a folder that keeps styles."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_picture(Path("cat.png"), torch.rand(41, 58, 3))
    for index in range(5):
        write_picture(Path(f"art{index}.png"), torch.rand(24, 30 + index, 3) ** (1 + index))
    masks = {name: torch.zeros(41, 58, 1) for name in ("left", "middle", "ramp")}
    masks["left"][:, :23] = 1
    masks["middle"][:, 15:40] = 0.7
    masks["ramp"][:] = torch.linspace(0, 1, 58)[None, :, None]
    for name, mask in masks.items():
        write_picture(Path(f"{name}.png"), mask)

    class WithFolder(Host):
        def style_folders(self) -> list[Path]:
            return [Path("kept")]

    monkeypatch.setattr(surroundings, "current", WithFolder)
    return folder


@pytest.fixture
def model(tiny_model_folder: Path, folder: Path) -> Model:
    assert Path.cwd() == folder
    return load_model(str(tiny_model_folder), precision="fp32", device=torch.device("cpu"))


@pytest.fixture
def command(model: Model) -> Command:
    """Runs `adain-nodes` in the working folder; gives the picture it writes, if it is one."""
    settings = ("--model", model.name, "--precision", "fp32", "--device", "cpu")

    def run(*arguments: str, output: str = "out.png") -> Tensor:
        assert main([*arguments, "-o", output, *settings]) == 0
        return read_picture(Path(output)) if output.endswith(".png") else torch.empty(0)

    return run


def picture(name: str) -> Tensor:
    return read_picture(Path(f"{name}.png"))


def mask(name: str) -> Tensor:
    return read_mask(Path(f"{name}.png"))


def style(model: Model, name: str) -> Style:
    return transfer.style_statistics(transfer.encode(model, picture(name), shorter_side=20))


class Graph:
    """A graph on one content, node by node, as ComfyUI calls them."""

    def __init__(self, model: Model) -> None:
        self.model = self.run("AdaINModelLoader", model_name=model.name, precision="fp32")
        self.content = self.encoded("cat", shorter_side=0)

    def run(self, name: str, **inputs: Any) -> Any:
        """A node's first output, with the settings that are not given at their defaults."""
        node = NODE_CLASS_MAPPINGS[name]()
        for key, (kind, options) in node.INPUT_TYPES()["required"].items():
            default = kind[0] if isinstance(kind, list) and kind else options.get("default")
            inputs.setdefault(key, default)
        result = getattr(node, node.FUNCTION)(**inputs)
        return result[0] if isinstance(result, tuple) else result

    def encoded(self, name: str, shorter_side: int = 20) -> Features:
        features: Features = self.run(
            "AdaINEncode", model=self.model, image=picture(name), shorter_side=shorter_side
        )
        return features

    def style(self, name: str, **inputs: Any) -> Any:
        return self.run("AdaINStyle", features=self.encoded(name), **inputs)

    def transferred(self, style: Style, **inputs: Any) -> Any:
        return self.run("AdaINTransfer", content=self.content, style=style, **inputs)

    def decoded(self, features: Features) -> Tensor:
        result: Tensor = self.run("AdaINDecode", model=self.model, features=features)
        return result


def assert_same_pixels(nodes: Tensor, line: Tensor, python: Tensor) -> None:
    """The command line's picture is one of 8 bits."""
    assert python.std() > 0.02
    torch.testing.assert_close(nodes, python, rtol=0, atol=1e-5)
    torch.testing.assert_close(line, python, rtol=0, atol=0.501 / 255)


def test_alpha(model: Model, command: Command) -> None:
    line = command(
        "stylize", "cat.png", "--style", "art0.png", "--style-size", "20", "--alpha", ".4"
    )
    graph = Graph(model)
    nodes = graph.decoded(graph.transferred(graph.style("art0"), alpha=0.4))
    content = transfer.encode(model, picture("cat"))
    python = transfer.decode(model, transfer.transfer(content, style(model, "art0"), alpha=0.4))
    assert_same_pixels(nodes, line, python)


def test_interpolation_of_five_styles(model: Model, command: Command) -> None:
    """Two nodes in a chain, since one takes four: a mixture weighs what went into it."""
    names = [f"art{index}" for index in range(5)]
    options = [word for name in names for word in ("--style", f"{name}.png")]
    weights = ("--weights", ",".join(map(str, WEIGHTS)))
    line = command("stylize", "cat.png", *options, *weights, "--style-size", "20")

    graph = Graph(model)
    first = {f"style_{i}": graph.style(name) for i, name in enumerate(names[:3], 1)}
    shares = {f"weight_{i}": weight for i, weight in enumerate(WEIGHTS[:3], 1)}
    mixture = graph.run(
        "AdaINInterpolateStyles",
        style_1=graph.run("AdaINInterpolateStyles", **first, **shares),
        weight_1=sum(WEIGHTS[:3]),
        style_2=graph.style(names[3]),
        weight_2=WEIGHTS[3],
        style_3=graph.style(names[4]),
        weight_3=WEIGHTS[4],
    )
    nodes = graph.decoded(graph.transferred(mixture))

    mean = transfer.interpolate_styles([style(model, name) for name in names], WEIGHTS)
    python = transfer.decode(model, transfer.transfer(transfer.encode(model, picture("cat")), mean))
    assert_same_pixels(nodes, line, python)


@pytest.mark.parametrize("statistics", ["region", "image"])
@pytest.mark.parametrize("resize", ["area", "nearest"])
def test_three_regions(
    model: Model, command: Command, statistics: MaskStatistics, resize: Any
) -> None:
    """Two masks that overlap, and the rest."""
    names = ("art0", "art1", "art2")
    options = [word for name in names for word in ("--style", f"{name}.png")]
    masks = ("--mask", "left.png", "--mask", "middle.png")
    how = ("--mask-statistics", statistics, "--mask-resize", resize, "--style-size", "20")
    line = command("stylize", "cat.png", *options, *masks, *how)

    places = [mask("left"), mask("middle")]
    places.append((1 - places[0] - places[1]).clamp(min=0))
    settings: Any = {"mask_statistics": statistics, "mask_resize": resize, "apply_mask": False}
    graph = Graph(model)
    regions = {}
    for index, (name, place) in enumerate(zip(names, places, strict=True), 1):
        regions[f"mask_{index}"] = place
        regions[f"features_{index}"] = graph.transferred(graph.style(name), mask=place, **settings)
    composed = graph.run("AdaINSpatialMask", outside=graph.content, mask_resize=resize, **regions)
    nodes = graph.decoded(composed)

    content = transfer.encode(model, picture("cat"))
    parts = [
        (transfer.transfer(content, style(model, name), mask=place, **settings), place)
        for name, place in zip(names, places, strict=True)
    ]
    python = transfer.decode(model, transfer.compose(parts, content, mask_resize=resize))
    assert_same_pixels(nodes, line, python)


def test_a_mask_as_a_map_of_alpha(model: Model, command: Command) -> None:
    options = ("--style", "art0.png", "--mask", "ramp.png", "--mask-statistics", "image")
    line = command("stylize", "cat.png", *options, "--style-size", "20", "--outside", "decoded")
    graph = Graph(model)
    settings: Any = {"mask": mask("ramp"), "mask_statistics": "image"}
    nodes = graph.decoded(graph.transferred(graph.style("art0"), **settings))
    content = transfer.encode(model, picture("cat"))
    python = transfer.decode(model, transfer.transfer(content, style(model, "art0"), **settings))
    assert_same_pixels(nodes, line, python)


def test_a_style_from_a_part_of_its_picture(model: Model, command: Command) -> None:
    command(
        "styles", "save", "cat.png", "--mask", "left.png", "--size", "20",
        output="part.safetensors",
    )  # fmt: skip
    line = command("stylize", "cat.png", "--style", "part.safetensors")
    graph = Graph(model)
    nodes = graph.decoded(graph.transferred(graph.style("cat", mask=mask("left"))))
    features = transfer.encode(model, picture("cat"), shorter_side=20)
    part = transfer.style_statistics(features, mask=mask("left"))
    python = transfer.decode(model, transfer.transfer(transfer.encode(model, picture("cat")), part))
    assert_same_pixels(nodes, line, python)


def test_a_bank_on_file(model: Model, command: Command) -> None:
    command(
        "styles", "save", "art0.png", "art1.png", "--size", "20", output="bank.safetensors"
    )  # fmt: skip
    command("stylize", "cat.png", "--style", "bank.safetensors", output="out")
    line = torch.cat([picture(f"out/cat_bank-{number}") for number in (1, 2)])

    graph = Graph(model)
    stacked = graph.run(
        "AdaINStackStyles", style_1=graph.style("art0"), style_2=graph.style("art1")
    )
    graph.run("AdaINSaveStyle", style=stacked, filename_prefix="bank")
    loaded = graph.run("AdaINLoadStyle", style_name="bank_00001_.safetensors")
    nodes = graph.decoded(graph.transferred(loaded))

    bank = stack_styles([style(model, "art0"), style(model, "art1")])
    save_style(Path("python.safetensors"), bank)
    content = transfer.encode(model, picture("cat"))
    again = load_style(Path("python.safetensors"), encoder=model.identity)
    python = transfer.decode(model, transfer.transfer(content, again))
    assert_same_pixels(nodes, line, python)


def test_a_bank_is_conditional_instance_normalisation(model: Model) -> None:
    """Row s of the bank is style s: gamma its deviations, beta its means (paper, equation 7)."""
    styles = [style(model, f"art{index}") for index in range(3)]
    save_style(Path("bank.safetensors"), stack_styles(styles))
    bank = load_style(Path("bank.safetensors")).statistics
    content = transfer.encode(model, picture("cat"))
    chosen = torch.tensor([2, 0, 2, 1])
    rows = Statistics(mean=bank.mean[chosen], std=bank.std[chosen])
    values = adain(content.values.expand(4, -1, -1, -1), rows)
    for index, number in enumerate(chosen.tolist()):
        by_bank = Features(values[index][None], content.size, None, content.encoder)
        by_style = transfer.transfer(content, styles[number])
        pictures = [transfer.decode(model, features) for features in (by_bank, by_style)]
        torch.testing.assert_close(*pictures)
        assert pictures[0].std() > 0.02


@pytest.mark.parametrize("alpha", [5.0, -3.0, float("nan")])
def test_a_value_out_of_range_is_refused_in_the_same_words(
    model: Model, capsys: pytest.CaptureFixture[str], alpha: float
) -> None:
    message = f"alpha must be a number from 0 (the content) to 1 (the full style), got {alpha:g}"
    graph, look = Graph(model), style(model, "art0")
    content = transfer.encode(model, picture("cat"))
    # A linked FLOAT reaches a node as it is, whatever the widget allows.
    for refused in (
        lambda: graph.transferred(look, alpha=alpha),
        lambda: graph.run(
            "AdaINStylize", model=model, content=picture("cat"), style=look, alpha=alpha
        ),
        lambda: adain_nodes.stylize(picture("cat"), look, model=model, alpha=alpha),
        lambda: next(
            adain_nodes.stylize_frames(picture("cat"), look, FilmOptions(alpha=alpha), model=model)
        ),
        lambda: transfer.transfer(content, look, alpha=alpha),
    ):
        with pytest.raises(InputError) as caught:
            refused()
        assert str(caught.value) == message
    settings = ("--model", model.name, "--device", "cpu", "-o", "out.png")
    line = ["stylize", "cat.png", "--style", "art0.png", f"--alpha={alpha:g}", *settings]
    assert main(line) == 2
    assert capsys.readouterr().err == f"adain-nodes: error: {message}\n"


def test_refined_pictures(model: Model, command: Command) -> None:
    line = command(
        "stylize", "cat.png", "--style", "art0.png", "--style-size", "20", "--alpha", "0.8",
        "--refine", "4",
    )  # fmt: skip
    graph = Graph(model)
    look = graph.style("art0")
    features = graph.transferred(look, alpha=0.8)
    nodes = graph.run(
        "AdaINRefine", model=model, image=graph.decoded(features), features=features, style=look,
        steps=4, style_weight=10.0,
    )  # fmt: skip
    python = adain_nodes.stylize(
        picture("cat"), picture("art0"), model=model, style_size=20, alpha=0.8, refine=4
    )
    assert_same_pixels(nodes, line, python)

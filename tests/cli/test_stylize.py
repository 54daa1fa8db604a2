from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import adain_nodes
from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.models.model import Model, load_model
from adain_nodes.models.networks.bands import bands
from adain_nodes.pipeline import engine, film, transfer
from adain_nodes.pipeline.types import Features, Style

OIL = ("--style", "oil.png")
TWO = (*OIL, "--style", "ink.png")
OUT = ("-o", "out.png")

Command = Callable[..., int]


@pytest.fixture
def model(tiny_model_folder: Path) -> Model:
    return load_model(str(tiny_model_folder), precision="fp32", device=torch.device("cpu"))


def encoded(model: Model, path: str, size: int = 0) -> Features:
    return transfer.encode(model, read_picture(Path(path)), shorter_side=size)


def style_of(model: Model, path: str, size: int = 512) -> Style:
    return transfer.style_statistics(encoded(model, path, size))


def assert_shows(path: str, expected: Tensor, steps: float = 0.51) -> None:
    """A file shows this picture, up to so many steps of its 8 bits."""
    torch.testing.assert_close(read_picture(Path(path)), expected, atol=steps / 255, rtol=0)


def listing(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_one_style(stylize: Command, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("cat.png", *OIL, *OUT) == 0
    expected = adain_nodes.stylize(
        read_picture(Path("cat.png")), style_of(model, "oil.png"), model=model
    )
    assert_shows("out.png", expected)
    assert expected.std() > 0.02
    output = capsys.readouterr()
    assert output.out.startswith("out.png: cat.png in the style of oil.png, 56x40 px, ")
    assert output.out.count("\n") == 1
    assert output.err == ""


def test_alpha_and_sizes(stylize: Command, model: Model) -> None:
    options = ("--alpha", "0.4", "--size", "20", "--style-size", "16")
    assert stylize("cat.png", *OIL, *OUT, *options) == 0
    style = style_of(model, "oil.png", 16)
    target = transfer.transfer(encoded(model, "cat.png", 20), style, alpha=0.4)
    expected = transfer.decode(model, target)
    assert expected.shape == (1, 20, 28, 3)
    assert_shows("out.png", expected)


def test_style_size_0_keeps_the_size(stylize: Command, model: Model) -> None:
    options = ("--style-size", "0")
    assert stylize("cat.png", *OIL, *OUT, *options) == 0
    target = transfer.transfer(encoded(model, "cat.png"), style_of(model, "oil.png", 0))
    assert_shows("out.png", transfer.decode(model, target))


def test_several_styles_are_interpolated(stylize: Command, model: Model) -> None:
    options = (*TWO, "--weights", "1.5,0.5")
    assert stylize("cat.png", *options, *OUT) == 0
    pair = [style_of(model, "oil.png"), style_of(model, "ink.png")]
    mixture = transfer.interpolate_styles(pair, [0.75, 0.25])
    target = transfer.transfer(encoded(model, "cat.png"), mixture)
    assert_shows("out.png", transfer.decode(model, target))


def regions(model: Model, *places: tuple[str, str]) -> Tensor:
    """What the steps of the pipeline give for styles within masks."""
    content = encoded(model, "cat.png")
    parts = []
    for style, path in places:
        mask = read_mask(Path(path))
        parts.append((transfer.transfer(content, style_of(model, style), mask=mask), mask))
    return transfer.decode(model, transfer.compose(parts, content))


@pytest.mark.parametrize("masks", [("left.png", "right.png"), ("left.png",)])
def test_each_style_takes_its_region(
    stylize: Command, model: Model, masks: tuple[str, ...]
) -> None:
    options = [option for mask in masks for option in ("--mask", mask)]
    assert stylize("cat.png", *TWO, *options, *OUT) == 0
    assert_shows("out.png", regions(model, ("oil.png", "left.png"), ("ink.png", "right.png")))


def test_one_style_with_one_mask_leaves_the_rest(stylize: Command, model: Model) -> None:
    style = (*OIL, "--mask", "left.png")
    decoded = regions(model, ("oil.png", "left.png"))
    assert stylize("cat.png", *style, *OUT, "--outside", "decoded") == 0
    assert_shows("out.png", decoded)
    assert stylize("cat.png", *style, *OUT) == 0
    result, content = read_picture("out.png"), read_picture("cat.png")
    assert torch.equal(result[:, :, 24:], content[:, :, 24:])
    torch.testing.assert_close(result[:, :, :24], decoded[:, :, :24], rtol=0, atol=0.51 / 255)


def test_soft_masks_that_add_up_show_nothing_of_the_content(stylize: Command) -> None:
    write_picture(Path("half.png"), torch.full((2, 2, 1), 0.5))
    options = (*OIL, *OIL, "--mask", "half.png")
    assert stylize("cat.png", *options, "-o", "halves.png") == 0
    assert stylize("cat.png", *OIL, "-o", "whole.png") == 0
    assert_shows("halves.png", read_picture(Path("whole.png")), steps=1.1)


def test_a_last_style_without_a_place_is_left_out(stylize: Command) -> None:
    write_picture(Path("white.png"), torch.ones(2, 2, 1))
    options = (*TWO, "--mask", "white.png")
    assert stylize("cat.png", *options, "-o", "one.png") == 0
    assert stylize("cat.png", *OIL, "-o", "whole.png") == 0
    assert_shows("one.png", read_picture(Path("whole.png")), steps=1.1)


def test_every_content_is_combined_with_every_style(stylize: Command, model: Model) -> None:
    assert stylize("cat.png", "dog.png", *TWO, "-o", "new/out") == 0
    names = ["cat_ink.png", "cat_oil.png", "dog_ink.png", "dog_oil.png"]
    assert listing("new/out") == names
    for name in names:
        content, style = (f"{stem}.png" for stem in Path(name).stem.split("_"))
        target = transfer.transfer(encoded(model, content), style_of(model, style))
        assert_shows(f"new/out/{name}", transfer.decode(model, target))


def test_each_picture_is_encoded_once(stylize: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for module, function in ((film, engine.encode_one), (transfer, engine.summarise_one)):

        def counted(*arguments: Any, function: Any = function) -> Any:
            calls.append(function.__name__)
            return function(*arguments)

        monkeypatch.setattr(module, function.__name__, counted)
    assert stylize("cat.png", "dog.png", *TWO, "-o", "out") == 0
    assert sorted(calls) == ["encode_one", "encode_one", "summarise_one", "summarise_one"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("cat.png", "dog.png", "--style", "oil.png", "ink.png"),
        ("--style", "oil.png", "ink.png", "--content", "cat.png", "dog.png"),
        ("cat.png", "--content", "dog.png", *TWO),
    ],
)
def test_several_files_are_given_together_or_one_at_a_time(
    stylize: Command, arguments: tuple[str, ...]
) -> None:
    assert stylize(*arguments, "--output", "out") == 0
    assert listing("out") == ["cat_ink.png", "cat_oil.png", "dog_ink.png", "dog_oil.png"]


def test_interpolated_contents_are_named_after_all_styles(stylize: Command) -> None:
    options = (*TWO, "--weights", "1,1")
    assert stylize("cat.png", "dog.png", *options, "-o", "out") == 0
    assert listing("out") == ["cat_oil+ink.png", "dog_oil+ink.png"]


def test_pictures_of_a_folder(stylize: Command) -> None:
    Path("in/sub").mkdir(parents=True)
    for name in ("b.png", "a.PNG", "sub/c.png"):
        write_picture(Path("in", name), torch.rand(9, 9, 3))
    Path("in/.hidden.png").write_text("")
    Path("in/notes.txt").write_text("")
    assert stylize("in", *OIL, "-o", "out") == 0
    assert listing("out") == ["a_oil.png", "b_oil.png", "c_oil.png"]


def test_results_within_a_folder_of_contents_are_not_contents(stylize: Command) -> None:
    Path("in").mkdir()
    write_picture(Path("in/a.png"), torch.rand(9, 9, 3))
    for _ in range(2):
        assert stylize("in", *OIL, "-o", "in/out") == 0
        assert listing("in/out") == ["a_oil.png"]


def test_one_picture_of_a_folder_goes_into_a_folder(stylize: Command) -> None:
    Path("in").mkdir()
    write_picture(Path("in/a.png"), torch.rand(9, 9, 3))
    assert stylize("in", *OIL, "-o", "out") == 0
    assert listing("out") == ["a_oil.png"]


def test_one_result_goes_into_a_folder_that_exists(stylize: Command) -> None:
    Path("out").mkdir()
    assert stylize("cat.png", *OIL, "-o", "out") == 0
    assert listing("out") == ["cat_oil.png"]


def test_equal_names_are_numbered(stylize: Command) -> None:
    for name in ("in", "also"):
        Path(name).mkdir()
        write_picture(Path(name, "cat.png"), torch.rand(9, 9, 3))
    contents = ("in/cat.png", "also/cat.png", "cat.png", "cat.png")
    assert stylize(*contents, *OIL, "-o", "out") == 0
    assert listing("out") == ["cat_oil.png", "cat_oil_2.png", "cat_oil_3.png"]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (17, 23)])
def test_any_picture_keeps_its_size(stylize: Command, channels: int, size: tuple[int, int]) -> None:
    picture = torch.rand(*size, channels)
    write_picture(Path("a.png"), picture)
    options = ("--mask", "left.png")
    for more in ((), options):
        assert stylize("a.png", *OIL, *OUT, *more) == 0
        result = read_picture(Path("out.png"))
        assert result.shape == (1, *size, 4 if channels == 4 else 3)
        if channels == 4:
            assert torch.equal(result[..., 3], read_picture(Path("a.png"))[..., 3])


def test_json(stylize: Command, tiny_model_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = (*TWO, "--weights", "1,3")
    assert stylize("cat.png", *options, *OUT, "--json") == 0
    printed = json.loads(capfd.readouterr().out)
    seconds = printed["results"][0].pop("seconds")
    assert seconds > 0
    assert printed == {
        "model": str(tiny_model_folder),
        "device": "cpu",
        "precision": "fp32",
        "results": [
            {
                "content": "cat.png",
                "styles": ["oil.png", "ink.png"],
                "output": "out.png",
                "width": 56,
                "height": 40,
                "frames": 1,
            }
        ],
        "found": 0,
        "failed": [],
    }


def test_finished_results_stay_when_a_later_one_fails(
    stylize: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Path("dog.png").read_bytes()
    Path("dog.png").write_bytes(whole[: len(whole) // 2])
    assert stylize("cat.png", "dog.png", *OIL, "-o", "out") == 1
    assert listing("out") == ["cat_oil.png"]
    output = capsys.readouterr()
    assert output.out.startswith("out/cat_oil.png: ")
    assert "dog.png cannot be read" in output.err


def test_a_terminal_sees_a_bar(
    stylize: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert stylize("cat.png", "dog.png", *OIL, "-o", "out") == 0
    output = capsys.readouterr()
    assert "100% |" in output.err
    assert [line.split(":")[0] for line in output.out.splitlines()] == [
        "out/cat_oil.png",
        "out/dog_oil.png",
    ]


def test_jpeg_output_warns_of_lost_transparency(
    stylize: Command, caplog: pytest.LogCaptureFixture
) -> None:
    write_picture(Path("a.png"), torch.rand(16, 16, 4))
    with caplog.at_level(logging.WARNING):
        assert stylize("a.png", *OIL, "-o", "out.jpg") == 0
    assert "transparency" in caplog.text


def test_tiles_do_not_show(stylize: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    heights: list[int] = []

    def noted(height: int, rows: int) -> Iterator[slice]:
        heights.append(rows)
        return bands(height, rows)

    monkeypatch.setattr(engine, "bands", noted)
    assert stylize("cat.png", *OIL, "-o", "whole.png") == 0
    heights.clear()
    assert stylize("cat.png", *OIL, "-o", "tiled.png", "--tile-size", "8") == 0
    assert set(heights) == {8, 1}  # px for the encoder, cells for the decoder
    whole, tiled = (read_picture(Path(name)) for name in ("whole.png", "tiled.png"))
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1.5 / 255)


def test_a_negative_tile_size_is_refused(
    stylize: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize("cat.png", *OIL, *OUT, "--tile-size", "-1") == 2
    assert "tile size" in capsys.readouterr().err

"""`adain-nodes styles`, and style files in place of pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from adain_nodes.cli import main
from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture
from adain_nodes.files.ready_made import ready_made_styles
from adain_nodes.files.sheets import GAP, square
from adain_nodes.files.styles import (
    BANK_CELL,
    load_style,
    read_style_file,
    save_style,
    style_sources,
)
from adain_nodes.models.model import Model, load_model
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.pipeline.transfer import encode, stack_styles, style_of, style_statistics
from adain_nodes.pipeline.types import Style

Command = Callable[..., int]
Capture = pytest.CaptureFixture[str]

LEFT = ("--mask", "left.png")


@pytest.fixture
def model(tiny_model_folder: Path) -> Model:
    return load_model(str(tiny_model_folder), precision="fp32", device=torch.device("cpu"))


@pytest.fixture
def save(tiny_model_folder: Path, folder: Path) -> Command:
    """Runs `styles save` in the working folder on the tiny model."""
    settings = ["--model", str(tiny_model_folder), "--precision", "fp32", "--device", "cpu"]

    def command(*arguments: str) -> int:
        return main(["styles", "save", *settings, *arguments])

    assert Path.cwd() == folder
    return command


def styled(model: Model, path: str, size: int = 512) -> Style:
    return style_of(model, read_picture(Path(path)), shorter_side=size)


@pytest.fixture
def saved(folder: Path, model: Model) -> Path:
    """The working folder with the styles oil and ink on file, on their own and as a bank, and one
    of another encoder."""
    styles = [styled(model, "oil.png"), styled(model, "ink.png")]
    stranger = Style(styles[0].statistics, EncoderIdentity("5" * 64, "stranger"))
    for name, style in zip(("oil", "ink", "stranger"), (*styles, stranger), strict=True):
        save_style(folder / f"{name}.safetensors", style)
    save_style(folder / "bank.safetensors", stack_styles(styles))
    return folder


def assert_same(one: Style, other: Style) -> None:
    torch.testing.assert_close(one.statistics.mean, other.statistics.mean)
    torch.testing.assert_close(one.statistics.std, other.statistics.std)
    assert one.encoder == other.encoder


def test_save_writes_the_style_of_a_picture(save: Command, model: Model, capsys: Capture) -> None:
    assert save("oil.png", "-o", "oil.safetensors", "--size", "20") == 0
    assert_same(load_style(Path("oil.safetensors")), styled(model, "oil.png", 20))
    assert capsys.readouterr().out.startswith("oil.safetensors: 1 style of oil.png, encoder ")


def test_save_stacks_pictures_and_files_in_their_order(save: Command, model: Model) -> None:
    assert save("oil.png", "ink.png", "-o", "pair.safetensors") == 0
    assert save("cat.png", "pair.safetensors", "cat.png", "-o", "new/bank.safetensors") == 0
    path = Path("new/bank.safetensors")
    names = ["cat.png", "oil.png", "ink.png", "cat.png"]
    assert_same(load_style(path), stack_styles([styled(model, name) for name in names]))
    file = read_style_file(path)
    assert list(file.sources) == names
    assert file.preview is not None


def test_save_takes_styles_from_the_masked_parts(save: Command, model: Model) -> None:
    masks = ("left.png", "right.png")
    output = ("-o", "parts.safetensors", "--size", "0")
    assert save("cat.png", "cat.png", "--mask", *masks, *output) == 0
    features = encode(model, read_picture(Path("cat.png")))
    parts = [style_statistics(features, mask=read_mask(Path(path))) for path in masks]
    assert_same(load_style(Path("parts.safetensors")), stack_styles(parts))


@pytest.mark.parametrize(
    "styles",
    [
        ("--style", "oil.png", "ink.png"),
        ("--style", "oil.png", "--style", "ink.png"),
        ("oil.png", "--style", "ink.png"),
    ],
)
def test_styles_may_be_options(save: Command, styles: tuple[str, ...]) -> None:
    assert save(*styles, "--output", "pair.safetensors") == 0
    assert read_style_file(Path("pair.safetensors")).sources == ("oil.png", "ink.png")


def test_save_names_files_whose_sources_are_unknown(save: Command, model: Model) -> None:
    save_style(Path("mixture.safetensors"), styled(model, "oil.png"))
    assert save("mixture.safetensors", "ink.png", "-o", "bank.safetensors") == 0
    assert read_style_file(Path("bank.safetensors")).sources == ("mixture.safetensors", "ink.png")


def test_list_says_what_files_and_folders_hold(save: Command, capsys: Capture) -> None:
    Path("kept/art").mkdir(parents=True)
    assert save("oil.png", "ink.png", "-o", "kept/art/pair.safetensors") == 0
    assert save("oil.png", "-o", "oil.safetensors") == 0
    capsys.readouterr()
    assert main(["styles", "list", "kept", "oil.safetensors"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    pair = Path("kept/art/pair.safetensors")
    assert first.startswith(f"{pair}: 2 styles of oil.png, ink.png, encoder tiny-model (")
    assert second.startswith("oil.safetensors: 1 style of oil.png, ")


def test_list_as_json(save: Command, model: Model, capsys: Capture) -> None:
    assert save("oil.png", "-o", "oil.safetensors") == 0
    capsys.readouterr()
    assert main(["styles", "list", "oil.safetensors", "--json"]) == 0
    encoder = {"name": "tiny-model", "sha256": model.identity.sha256}
    assert json.loads(capsys.readouterr().out) == {
        "styles": [
            {
                "path": "oil.safetensors",
                "styles": 1,
                "sources": ["oil.png"],
                "encoder": encoder,
                "preview": True,
            }
        ],
        "broken": [],
    }


def test_list_goes_on_past_what_is_broken(save: Command, capsys: Capture) -> None:
    assert save("oil.png", "-o", "kept/b.safetensors") == 0
    Path("kept/a.safetensors").write_bytes(b"?")
    capsys.readouterr()
    assert main(["styles", "list", "kept"]) == 2
    output = capsys.readouterr()
    assert output.out.count("\n") == 1
    assert "b.safetensors: 1 style" in output.out
    assert "a.safetensors cannot be read as safetensors" in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "empty"), "empty has no file that ends in .safetensors"),
        (("list", "none.safetensors"), "none.safetensors cannot be read"),
        (("list", "oil.png"), "oil.png cannot be read as safetensors"),
        (("save", "-o", "x.safetensors"), "give at least one style"),
        (("save", "oil.png", "-o", "oil.pt"), "oil.pt must end in .safetensors"),
        (("save", "none.png", "-o", "x.safetensors"), "none.png does not exist"),
        (("save", "none.safetensors", "-o", "x.safetensors"), "none.safetensors cannot be read"),
        (("save", "oil.png", "-o", "x.safetensors", "--size", "-1"), "--size must be 0"),
        (("save", "oil.png", "-o", "x.safetensors", "--device", "tpu"), "device tpu is unknown"),
        (("save", "oil.png", "-o", "oil.png/x.safetensors"), "x.safetensors cannot be written"),
        (
            ("save", "oil.png", "-o", "x.safetensors", *LEFT, *LEFT),
            "give one --mask per style, or none: got 2 for 1",
        ),
        (
            ("save", "oil.png", "oil.safetensors", *LEFT, *LEFT, "-o", "x.safetensors"),
            "is a style file",
        ),
        (("save", "oil.png", "-o", "x.safetensors", "--mask", "black.png"), "black everywhere"),
        (("save", "stranger.safetensors", "-o", "x.safetensors"), "stranger (555555555555)"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    saved: Path, model: Model, arguments: tuple[str, ...], message: str, capsys: Capture
) -> None:
    Path("empty").mkdir()
    before = sorted(saved.rglob("*"))
    settings = ["--model", model.name] if arguments[0] == "save" else []
    assert main(["styles", *arguments, *settings]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.count("\n") == 1
    assert sorted(saved.rglob("*")) == before


STYLES = {
    "pictures": ("oil.png", "ink.png"),
    "files": ("oil.safetensors", "ink.safetensors"),
    "mixed": ("oil.png", "ink.safetensors"),
    "bank": ("bank.safetensors",),
}


@pytest.mark.parametrize("kind", ["files", "mixed", "bank"])
@pytest.mark.parametrize(
    "options",
    [
        ("--weights", "0.3,0.7"),
        ("--mask", "left.png"),
        ("--mask", "left.png", "--mask", "right.png"),
    ],
)
@pytest.mark.usefixtures("saved")
def test_stylize_takes_style_files_wherever_it_takes_pictures(
    stylize: Command, kind: str, options: tuple[str, ...]
) -> None:
    results = {}
    for name in ("pictures", kind):
        styles = [word for style in STYLES[name] for word in ("--style", style)]
        assert stylize("cat.png", *styles, *options, "-o", f"{name}.png") == 0
        results[name] = read_picture(Path(f"{name}.png"))
    torch.testing.assert_close(results[kind], results["pictures"], atol=1.1 / 255, rtol=0)


@pytest.mark.usefixtures("saved")
def test_stylize_combines_every_style_of_a_bank_with_every_content(
    stylize: Command, capsys: Capture
) -> None:
    options = ("--style", "bank.safetensors", "--style", "ink.safetensors", "--json")
    assert stylize("cat.png", "dog.png", *options, "-o", "out") == 0
    labels = ("bank-1", "bank-2", "ink")
    names = [f"{content}_{style}.png" for content in ("cat", "dog") for style in labels]
    assert sorted(path.name for path in Path("out").iterdir()) == names
    results = json.loads(capsys.readouterr().out)["results"]
    expected = [["bank.safetensors 1"], ["bank.safetensors 2"], ["ink.safetensors"]]
    assert [result["styles"] for result in results] == 2 * expected
    shown = {name: read_picture(Path("out", name)) for name in names}
    assert torch.equal(shown["cat_bank-2.png"], shown["cat_ink.png"])
    assert not torch.equal(shown["cat_bank-1.png"], shown["cat_ink.png"])


@pytest.mark.usefixtures("saved")
def test_stylize_counts_every_style_of_a_bank(stylize: Command, capsys: Capture) -> None:
    options = ("--style", "bank.safetensors", "--style", "ink.png", "-o", "out.png")
    assert stylize("cat.png", *options, "--weights", "1,1") == 2
    assert "one weight for each style: got 2 for 3" in capsys.readouterr().err
    assert stylize("cat.png", *options, "--weights", "1,0,1") == 0


@pytest.mark.usefixtures("saved")
def test_stylize_refuses_files_of_other_models_and_damaged_ones(
    stylize: Command, capsys: Capture
) -> None:
    Path("half.safetensors").write_bytes(Path("oil.safetensors").read_bytes()[:-9])
    for name, message in (
        ("stranger.safetensors", "stranger.safetensors from stranger (555555555555)"),
        ("half.safetensors", "half.safetensors cannot be read as safetensors"),
        ("none.safetensors", "none.safetensors cannot be read: it does not exist"),
    ):
        assert stylize("cat.png", "--style", name, "-o", "out.png") == 2
        assert message in capsys.readouterr().err
        assert not Path("out.png").exists()


@pytest.mark.usefixtures("saved")
def test_stylize_keeps_colours_with_style_files_by_luminance_only(
    stylize: Command, capsys: Capture
) -> None:
    options = ("cat.png", "--style", "oil.safetensors", "-o", "out.png", "--preserve-color")
    assert stylize(*options, "linear") == 2
    assert "oil.safetensors" in capsys.readouterr().err
    assert stylize(*options, "luminance") == 0


def test_ready_made_styles_are_listed_where_no_path_is_given(capsys: Capture) -> None:
    assert main(["styles", "list", "--json"]) == 0
    styles = json.loads(capsys.readouterr().out)["styles"]
    assert len(styles) >= 24
    assert {Path(style["path"]).stem for style in styles} >= {"swirls", "woodcut"}
    assert all(style["preview"] for style in styles)


@pytest.mark.usefixtures("folder")
def test_a_ready_made_style_goes_by_its_name() -> None:
    assert (
        main(["stylize", "cat.png", "--style", "swirls", "--device", "cpu", "-o", "out.png"]) == 0
    )
    assert read_picture("out.png").shape == read_picture("cat.png").shape
    assert main(["stylize", "cat.png", "--style", "swirls", "wave", "-o", "results/"]) == 0
    assert {path.name for path in Path("results").iterdir()} == {"cat_swirls.png", "cat_wave.png"}


@pytest.mark.usefixtures("folder")
def test_an_unknown_name_lists_the_ready_made_styles(capsys: Capture) -> None:
    assert main(["stylize", "cat.png", "--style", "swirlz", "-o", "out.png"]) == 2
    message = capsys.readouterr().err
    assert "swirlz does not exist and is no ready-made style: there are agate, " in message


@pytest.mark.usefixtures("folder")
def test_a_bank_of_styles_on_file_shows_their_pictures(capsys: Capture) -> None:
    assert main(["styles", "save", "swirls", "cat.png", "wave", "-o", "bank.safetensors"]) == 0
    assert "3 styles of swirls, cat.png, wave" in capsys.readouterr().out
    file = read_style_file("bank.safetensors")
    assert file.preview is not None
    with Image.open(io.BytesIO(file.preview)) as sheet:
        assert sheet.size == (2 * BANK_CELL + GAP, 2 * BANK_CELL + GAP)
        shown = np.asarray(sheet.convert("RGB"), dtype=float)[:BANK_CELL, :BANK_CELL]
    (swirls,) = style_sources([ready_made_styles()["swirls"]])
    picture = swirls.shown()
    assert picture is not None
    expected = square(picture, BANK_CELL).numpy() * 255
    assert np.abs(shown - expected).mean() < 12  # JPEG

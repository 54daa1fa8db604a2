"""Many files in one call: those that fail, those that are there, and the names of results."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import ExifTags, Image

from adain_nodes.cli import main
from adain_nodes.files.pictures import read_picture, write_picture

OIL = ("--style", "oil.png")

Command = Callable[..., int]
Capture = pytest.CaptureFixture[str]


def listing(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.fixture
def broken(folder: Path) -> None:
    """Beside the contents, a truncated picture, a text and an empty file that are called so."""
    whole = (folder / "cat.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").touch()


@pytest.mark.usefixtures("broken")
def test_contents_that_cannot_be_read_are_listed_and_the_others_done(
    stylize: Command, capsys: Capture
) -> None:
    contents = ("cat.png", "cut.png", "text.jpg", "empty.png", "none.png", "dog.png")
    assert stylize(*contents, *OIL, "-o", "out") == 1
    assert listing("out") == ["cat_oil.png", "dog_oil.png"]
    error = capsys.readouterr().err.splitlines()
    assert error[0] == "adain-nodes: 4 could not be used:"
    for name in (
        "cut.png cannot be read",
        "text.jpg is not a picture",
        "empty.png is empty",
        "none",
    ):
        assert sum(name in line for line in error[1:]) == 1


@pytest.mark.usefixtures("broken")
def test_json_lists_them_too(stylize: Command, capsys: Capture) -> None:
    assert stylize("cat.png", "cut.png", *OIL, "-o", "out", "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert [failure["path"] for failure in printed["failed"]] == ["cut.png"]
    assert [result["content"] for result in printed["results"]] == ["cat.png"]


@pytest.mark.usefixtures("broken")
def test_styles_that_cannot_be_read_are_listed_where_each_stands_alone(
    stylize: Command, capsys: Capture
) -> None:
    styles = ("--style", "oil.png", "cut.png", "text.jpg", "none.safetensors", "ink.png")
    assert stylize("cat.png", *styles, "-o", "out") == 1
    assert listing("out") == ["cat_ink.png", "cat_oil.png"]
    assert "3 could not be used" in capsys.readouterr().err
    assert stylize("cat.png", *styles, "--weights", "1,1,1,1,1", "-o", "mixed.png") == 2


@pytest.mark.usefixtures("broken")
def test_nothing_readable_is_bad_input(stylize: Command, capsys: Capture) -> None:
    assert stylize("cut.png", *OIL, "-o", "out.png") == 2
    assert stylize("text.jpg", "empty.png", *OIL, "-o", "out") == 2
    assert "none of which can be read" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.usefixtures("broken")
def test_the_bar_reaches_its_end_all_the_same(
    stylize: Command, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert stylize("cut.png", "cat.png", "dog.png", *OIL, "-o", "out") == 1
    assert "100% |" in capsys.readouterr().err


def test_results_that_are_there_can_be_left_alone(stylize: Command, capsys: Capture) -> None:
    options = (*OIL, "-o", "out", "--skip-existing")
    assert stylize("cat.png", *OIL, "-o", "out/") == 0
    before = Path("out/cat_oil.png").stat()
    assert stylize("cat.png", "dog.png", *options) == 0
    assert listing("out") == ["cat_oil.png", "dog_oil.png"]
    after = Path("out/cat_oil.png").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    capsys.readouterr()
    assert stylize("cat.png", "dog.png", *options) == 0
    assert capsys.readouterr().out == "2 results are there already\n"


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("others", [("dog.png",), ("text.jpg",)])
def test_the_last_of_several_that_is_left_may_fail(
    stylize: Command, capsys: Capture, others: tuple[str, ...]
) -> None:
    """One that was made before, or could not be used either, counts as one of several."""
    stylize("dog.png", *OIL, "-o", "out/")
    capsys.readouterr()
    contents = ("cut.png", *others)
    assert stylize(*contents, *OIL, "-o", "out/", "--skip-existing") == 1
    output = capsys.readouterr()
    assert "cut.png cannot be read" in output.err
    assert ("1 result is there already" in output.out) == ("dog.png" in others)


def test_a_missing_file_among_several_ends_no_later_run(stylize: Command) -> None:
    for _ in range(2):
        assert stylize("cat.png", "gone.png", *OIL, "-o", "out") == 1
        assert listing("out") == ["cat_oil.png"]


def test_names_stay_when_a_broken_input_is_mended(stylize: Command) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
    Path("a/cat.png").write_bytes(b"broken")
    write_picture("b/cat.png", torch.rand(9, 9, 3))
    options = ("a/cat.png", "b/cat.png", *OIL, "-o", "out/", "--skip-existing")
    assert stylize(*options) == 1
    assert listing("out") == ["cat_oil_2.png"]
    write_picture("a/cat.png", torch.rand(9, 9, 3))
    assert stylize(*options) == 0
    assert listing("out") == ["cat_oil.png", "cat_oil_2.png"]


def test_one_file_is_refused_for_several_inputs_whether_broken_or_not(stylize: Command) -> None:
    Path("broken.png").write_bytes(b"broken")
    assert stylize("cat.png", "broken.png", *OIL, "-o", "out.png") == 2
    assert stylize("cat.png", *OIL, "broken.png", "-o", "out.png") == 2
    assert not Path("out.png").exists()


def test_a_film_of_pictures_does_without_the_broken_one(stylize: Command) -> None:
    Path("broken.png").write_bytes(b"broken")
    assert stylize("cat.png", "broken.png", *OIL, "-o", "out.gif") == 1
    assert Path("out.gif").exists()


def test_a_pattern_that_the_shell_has_left_is_expanded(stylize: Command) -> None:
    write_picture("[1].png", torch.rand(9, 9, 3))
    assert stylize("[cd]*.png", "[1].png", "--style", "?il.png", "-o", "out") == 0
    assert listing("out") == ["[1]_oil.png", "cat_oil.png", "dog_oil.png"]


def test_a_slash_at_the_end_makes_a_folder(stylize: Command) -> None:
    assert stylize("cat.png", *OIL, "-o", "results/") == 0
    assert stylize("cat.png", *OIL, "-o", "one.png/") == 0
    assert listing("results") == listing("one.png") == ["cat_oil.png"]


@pytest.mark.parametrize("letter", ["n", "\u00e4", "\u732b", "\U0001f408"])
def test_names_have_at_most_255_bytes(stylize: Command, letter: str) -> None:
    stem = letter * (240 // len(letter.encode()))
    for number in (1, 2):
        Path(str(number)).mkdir()
        write_picture(Path(str(number), f"{stem}.png"), torch.rand(9, 9, 3))
    write_picture("a-style-with-a-long-name.png", torch.rand(9, 9, 3))
    style = ("--style", "a-style-with-a-long-name.png")
    assert stylize("1", "2", *style, "-o", "out") == 0
    names = listing("out")
    assert len(names) == 2
    assert all(name.startswith(letter * 50) and len(os.fsencode(name)) <= 255 for name in names)


def test_an_output_as_long_as_the_file_system_takes(stylize: Command) -> None:
    name = "o" * 251 + ".png"
    assert stylize("cat.png", *OIL, "-o", name) == 0
    assert read_picture(name).shape == (1, 40, 56, 3)


def test_names_that_differ_in_how_accents_are_composed_are_told_apart(stylize: Command) -> None:
    for folder, name in (("1", "caf\u00e9"), ("2", "cafe\u0301")):
        Path(folder).mkdir()
        write_picture(Path(folder, f"{name}.png"), torch.rand(9, 9, 3))
    assert stylize("1", "2", *OIL, "-o", "out") == 0
    assert listing("out") == ["cafe\u0301_oil_2.png", "caf\u00e9_oil.png"]


def test_a_console_that_cannot_print_a_name_does_not_end_the_work(
    stylize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(console, encoding="cp1252"))
    Path("cat.png").rename("\u732b.png")
    assert stylize("\u732b.png", "dog.png", *OIL, "-o", "out") == 0
    sys.stdout.flush()
    assert b"\\u732b_oil.png" in console.getvalue()
    assert len(listing("out")) == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_in_one_line_and_leaves_nothing(
    stylize: Command, monkeypatch: pytest.MonkeyPatch, capsys: Capture, number: int, code: int
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("PIL.Image.Image.save", interrupted)
    before = sorted(Path().rglob("*"))
    handler = signal.getsignal(signal.SIGTERM)
    assert stylize("cat.png", *OIL, "-o", "out.png") == code
    assert sorted(Path().rglob("*")) == before
    error = capsys.readouterr().err
    assert error.startswith("adain-nodes: ") and error.count("\n") == 1
    assert signal.getsignal(signal.SIGTERM) == handler


def test_a_bad_command_line_is_still_refused_by_the_parser() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["stylize", "--no-such-option"])


def test_metadata_of_the_content_is_kept_unless_it_is_not_wanted(stylize: Command) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "somebody"
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (20, 30)).save("photo.jpg", exif=exif, dpi=(300, 300))
    assert stylize("photo.jpg", *OIL, "-o", "out.jpg") == 0
    with Image.open("out.jpg") as image:
        assert image.size == (30, 20)
        assert image.getexif()[ExifTags.Base.Copyright] == "somebody"
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert image.info["dpi"] == (300, 300)
        assert image.info["icc_profile"]
    assert stylize("photo.jpg", *OIL, "-o", "out.jpg", "--no-keep-metadata") == 0
    with Image.open("out.jpg") as image:
        assert not image.getexif()
        assert image.info["icc_profile"]


def test_what_folders_hold_besides_is_counted(stylize: Command, capsys: Capture) -> None:
    Path("in").mkdir()
    write_picture("in/a.png", torch.rand(9, 9, 3))
    for name in ("notes.txt", "more.txt", "b.xyz", ".hidden"):
        Path("in", name).touch()
    assert stylize("in", *OIL, "-o", "out") == 0
    assert capsys.readouterr().out.endswith("in: 3 files are left out (.txt 2, .xyz 1)\n")

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adain_nodes.files.pictures import write_picture

OIL = ("--style", "oil.png")
TWO = (*OIL, "--style", "ink.png")
OUT = ("-o", "out.png")

Command = Callable[..., int]


@pytest.fixture
def refused(
    stylize: Command, folder: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs the command, which must refuse in one line and change nothing; gives the line."""

    def contents() -> dict[Path, bytes | None]:
        return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}

    def command(*arguments: str) -> str:
        before = contents()
        assert stylize(*arguments) == 2
        assert contents() == before
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("adain-nodes: error: ")
        assert output.err.count("\n") == 1
        return output.err

    return command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cat.png", *OIL, *OUT, "--alpha", "1.5"), "alpha must be a number from 0"),
        (("cat.png", *OIL, *OUT, "--alpha", "nan"), "got nan"),
        (("cat.png", *OIL, *OUT, "--alpha", "much"), "--alpha takes a number from 0 to 1, or"),
        (("cat.png", *OIL, *OUT, "--alpha", "0:0,5:2"), "alpha must be a number from 0"),
        (("cat.png", *OIL, *OUT, "--alpha", "0:0,x:2"), "--alpha over time is written such as"),
        (("cat.png", *OIL, *OUT, "--size", "-1"), "content_size must be 0"),
        (("cat.png", *OIL, *OUT, "--style-size", "-5"), "style_size must be 0"),
        (("cat.png", *TWO, *OUT, "--weights", "1"), "give one weight for each style: got 1 for 2"),
        (
            ("cat.png", *OIL, *OUT, "--weights", "1,2"),
            "give one weight for each style: got 2 for 1",
        ),
        (("cat.png", *TWO, *OUT, "--weights", "1,x"), "got '1,x'"),
        (("cat.png", *TWO, *OUT, "--weights", "1,-1"), "got [1.0, -1.0]"),
        (("cat.png", *TWO, *OUT, "--weights", "0,0"), "not all 0, got [0.0, 0.0]"),
        (("cat.png", *TWO, *OUT, "--weights", "1,inf"), "got [1.0, inf]"),
        (("cat.png", *TWO, *OUT, "--weights", ""), "got ''"),
        (("cat.png", *OIL, *OUT, *(2 * ("--mask", "left.png"))), "give 1 mask for 1 style; got 2"),
        (
            ("cat.png", *TWO, *OUT, *(3 * ("--mask", "left.png"))),
            "give 2 masks for 2 styles, or 1 and the last style fills the rest; got 3",
        ),
        (("cat.png", *TWO, *OUT, "--mask", "left.png", "--weights", "1,1"), "give one of the two"),
        (("cat.png", *OIL, *OUT, "--mask", "black.png"), "black.png is black everywhere"),
        ((*OIL, "cat.png", *OUT), "no content is given: name contents before --style"),
        (("none.png", *OIL, *OUT), "none.png does not exist"),
        (("cat.png", "--style", "none.png", *OUT), "none.png does not exist"),
        (("cat.png", *OIL, *OUT, "--mask", "none.png"), "none.png does not exist"),
        (("text.png", *OIL, *OUT), "text.png is not a picture"),
        (("cat.png", "--style", "text.png", *OUT), "text.png is not a picture"),
        (("cat.png", "--style", "half.png", *OUT), "half.png cannot be read"),
        (("cat.png", "--style", "empty", *OUT), "empty has no file that ends in"),
        (("empty", *OIL, "-o", "out"), "empty has no file that ends in"),
        (("cat.png", *OIL, "-o", "out.gif"), "out.gif must end in .png"),
        (("cat.png", *OIL, "-o", "out"), "out must end in .png"),
        (("cat.png", *OIL, "-o", "none/out.png"), "none, where the output is to go, is not"),
        (("cat.png", *OIL, "-o", "dog.png/out.png"), "dog.png, where the output is to go, is not"),
        (("cat.png", *TWO, "-o", "dog.png/out"), "dog.png, where the output is to go, is not"),
        (("cat.png", *TWO, *OUT), "out.png is a file, 2 results need a folder"),
        (("cat.png", *TWO, "-o", "notes"), "notes is a file, 2 results need a folder"),
        (("cat.png", *OIL, "-o", "cat.png"), "cat.png is the input cat.png"),
        (("cat.png", *OIL, "-o", "../work/oil.png"), "is the input oil.png"),
        (("cat.png", "cat_oil.png", *OIL, "-o", "."), "cat_oil.png is the input cat_oil.png"),
        (("cat.png", *OIL, "-o", "taken"), "taken/cat_oil.png is a folder"),
        (("cat.png", *OIL, "-o", "out.webp", "--size", "16384"), "write .png"),
        (("cat.png", *OIL, *OUT, "--device", "tpu"), "device tpu is unknown"),
        (("cat.png", *OIL, *OUT, "--device", "cuda:99"), "device cuda:99 is not available"),
        (("cat.png", *OIL, *OUT, "--model", "empty"), "empty"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    refused: Callable[..., str], folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "taken/cat_oil.png").mkdir(parents=True)
    (folder / "text.png").write_text("no picture")
    (folder / "notes").write_text("")
    (folder / "half.png").write_bytes((folder / "oil.png").read_bytes()[:1500])
    write_picture(folder / "cat_oil.png", torch.rand(9, 9, 3))
    assert message in refused(*arguments)


def test_a_folder_that_cannot_be_written_into(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The superuser, as whom tests may run, can write everywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "nothing can be written into ." in refused("cat.png", *OIL, *OUT)


def test_inputs_are_checked_before_the_model_is_loaded(refused: Callable[..., str]) -> None:
    error = refused("cat.png", *OIL, "-o", "out.gif", "--model", "no-such-model")
    assert "no-such-model" not in error

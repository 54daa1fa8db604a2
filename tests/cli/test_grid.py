"""Sheets of pictures on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import grid, main
from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.files.sheets import GAP, arranged
from adain_nodes.models.model import load_model
from adain_nodes.pipeline.sweeps import Sweep

CELL = 16

Command = Callable[[str], int]

ONE = "--content c1.png --style s1.png"
TWO = "--content c1.png c2.png --style s1.png s2.png"
FOUR = "--content c1.png --style s1.png s2.png s3.png s4.png"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: two contents, five styles and a mask."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("c1", "c2"):
        write_picture(Path(f"{name}.png"), torch.rand(20, 30, 3))
    for index in range(1, 6):
        write_picture(Path(f"s{index}.png"), torch.rand(24, 18, 3) ** index)
    write_picture(Path("mask.png"), torch.eye(12)[..., None])
    return folder


@pytest.fixture
def command(tiny_model_folder: Path, folder: Path) -> Command:
    """Runs a command line in the working folder on the tiny model; the sheet is sheet.png."""
    settings = ["--model", str(tiny_model_folder), "--size", "16", "--cell", str(CELL)]

    def run(line: str) -> int:
        return main(["grid", *settings, "-o", "sheet.png", *line.split()])

    assert Path.cwd() == folder
    return run


def side(count: int) -> int:
    return count * CELL + (count - 1) * GAP


@pytest.mark.parametrize(
    ("line", "rows", "columns"),
    [
        (TWO, 3, 3),
        (f"{TWO} --sweep alpha", 4, 7),
        (f"{FOUR} --sweep interpolation", 5, 7),
        (f"{TWO} --sweep color", 4, 8),
        (f"{TWO} --sweep mask --mask mask.png", 2, 5),
    ],
)
def test_sheets_have_their_size(
    command: Command, capsys: pytest.CaptureFixture[str], line: str, rows: int, columns: int
) -> None:
    assert command(line) == 0
    assert read_picture(Path("sheet.png")).shape == (1, side(rows), side(columns), 3)
    assert "sheet.png" in capsys.readouterr().out


def test_a_sheet_shows_what_its_sweep_makes(command: Command, tiny_model_folder: Path) -> None:
    model = load_model(str(tiny_model_folder))
    content, first, second = (read_picture(Path(f"{name}.png")) for name in ("c2", "s3", "s1"))
    sweep = Sweep(model, [content], [first, second], 16, 0.4)
    expected = {
        "styles": sweep.by_style(),
        "color": sweep.by_color(),
        "mask": sweep.by_mask(read_mask(Path("mask.png"))),
    }
    for name, rows in expected.items():
        mask = "--mask mask.png" if name == "mask" else ""
        pictures = "--content c2.png --style s3.png s1.png"
        assert command(f"{pictures} --sweep {name} --alpha 0.4 {mask}") == 0
        sheet = read_picture(Path("sheet.png"))[0]
        torch.testing.assert_close(sheet, arranged(rows, CELL), rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{ONE} -o sheet.xyz", ".xyz"),
        ("--content c1.png --style absent.png", "absent.png does not exist"),
        (f"{ONE} --alpha 1.5", "got 1.5"),
        (f"{ONE} --sweep alpha --alpha 1", "--alpha"),
        (f"{TWO} --sweep mask", "needs a --mask"),
        (f"{ONE} --mask mask.png", "no other sweep takes one"),
        (f"{TWO} --sweep interpolation", "takes 4 styles, got 2"),
        (f"{FOUR} --sweep mask --mask mask.png", "takes 2 styles, got 4"),
        (f"{FOUR} --sweep interpolation --content c1.png c2.png", "takes one content, got 2"),
        (f"{ONE} --cell 0", "--cell must be at least 1 px, got 0"),
        (f"{ONE} --cell 70000 -o sheet.jpg", "write .png"),
        (f"{ONE} -o c1.png", "the output c1.png is the input c1.png"),
        (f"{ONE} -o s1.png", "the output s1.png is the input s1.png"),
        (f"{FOUR} --sweep interpolation -o ./s4.png", "is the input s4.png"),
        (f"{ONE} --size 1000000000", "more than 512 megapixels"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    command: Command, folder: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    before = sorted(folder.iterdir())
    assert command(line) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", grid.SWEEPS)
def test_progress_counts_every_picture(tiny_model_folder: Path, name: str) -> None:
    contents = [torch.rand(1, 20, 30, 3) for _ in range(1 if name == "interpolation" else 2)]
    styles = [torch.rand(1, 24, 18, 3) for _ in range({"interpolation": 4, "mask": 2}.get(name, 3))]
    finished = []
    sweep = Sweep(
        load_model(str(tiny_model_folder)), contents, styles, 16,
        progress=lambda done, total: finished.append(done == total),
    )  # fmt: skip
    rows = getattr(sweep, grid.SWEEPS[name])(*([torch.eye(12)[None]] if name == "mask" else []))
    extent = grid.extent(name, len(contents), len(styles))
    assert (len(rows), len(rows[0]), sum(finished)) == extent

"""Commands that write to a disk with too little room: one line, and nothing that looks finished."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.pictures import write_picture

from ..limits import small_disk

ROOM = 150_000
SIZE = (96, 128)

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for a few of the results."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, ROOM):
        yield folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(20):
        write_picture(folder / f"{index:02}.jpg", torch.rand(*SIZE, 3))
    return folder


def one_line(capsys: Capture) -> str:
    """The only line on stderr beside what is told of the work."""
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("INFO")]
    return line


@pytest.mark.parametrize("command", ["stylize", "augment"])
def test_what_is_there_is_whole_and_a_rerun_makes_the_rest(
    disk: Path, photos: Path, tiny_model_folder: Path, capsys: Capture, command: str
) -> None:
    model = ["--model", str(tiny_model_folder), "--precision", "fp32", "--device", "cpu"]
    style = ["--style", str(photos / "00.jpg"), *model]

    def run(output: Path) -> int:
        again = ["--skip-existing"] if command == "stylize" else []
        return main([command, str(photos), *style, "-o", str(output), *again])

    full, roomy = disk / "out", disk.parent / "out"
    full.mkdir()
    roomy.mkdir()
    assert run(roomy) == 0
    capsys.readouterr()
    for _ in range(2):
        assert run(full) in (1, 2)
        text = capsys.readouterr()
        assert "No space left on device" in text.err + text.out
        assert "Traceback" not in text.err
    written = {path.name: path for path in full.iterdir()}
    assert 0 < len(written) < 20
    for name, path in written.items():
        assert path.read_bytes() == (roomy / name).read_bytes()


def test_a_single_picture_a_sheet_and_a_style_are_not_begun(
    disk: Path, photos: Path, tiny_model_folder: Path, capsys: Capture
) -> None:
    (disk / "filler").write_bytes(bytes(disk.stat().st_blksize * 36))
    model = ["--model", str(tiny_model_folder), "--precision", "fp32", "--device", "cpu"]
    content, style = str(photos / "01.jpg"), ["--style", str(photos / "00.jpg")]
    sheet = ["--content", content, *style, *model, "--size", "16", "--cell", "96"]
    save = ["styles", "save", str(photos / "00.jpg"), *model]
    for words in (
        ["stylize", content, *style, *model, "-o", str(disk / "a.jpg")],
        ["grid", *sheet, "-o", str(disk / "a.png")],
        [*save, "-o", str(disk / "a.safetensors")],
    ):
        assert main(words) == 2
        assert "No space left on device" in one_line(capsys)
        assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_training_run_keeps_the_checkpoint_it_had(
    disk: Path, photos: Path, tiny_model_folder: Path, capsys: Capture
) -> None:
    run = disk / "run"
    folders = ["--content", str(photos), "--style", str(photos)]
    encoder = ["--encoder", str(tiny_model_folder / "encoder.safetensors")]
    sizes = ["--crop", "16", "--batch", "2", "--preview-interval", "0", "--device", "cpu"]
    command = ["train", *folders, *encoder, *sizes, "--output", str(run)]
    assert main([*command, "--steps", "1"]) == 0
    checkpoint = run / "checkpoint.safetensors"
    before = checkpoint.read_bytes()
    (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free))
    capsys.readouterr()
    assert main([*command, "--steps", "2"]) == 2
    assert "No space left on device" in one_line(capsys)
    assert checkpoint.read_bytes() == before
    (disk / "filler").unlink()
    assert main([*command, "--steps", "2"]) == 0

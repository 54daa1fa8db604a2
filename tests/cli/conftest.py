"""A working folder for `adain-nodes stylize`, and the command in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.pictures import write_picture

SIZE = (40, 56)

Command = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: two contents, two styles and masks over whole cells of 8 px."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("cat", "dog"):
        write_picture(Path(f"{name}.png"), torch.rand(*SIZE, 3))
    for index, name in enumerate(("oil", "ink"), 1):
        write_picture(Path(f"{name}.png"), torch.rand(24, 32, 3) ** index)
    left = torch.zeros(*SIZE, 1)
    left[:, :24] = 1
    write_picture(Path("left.png"), left)
    write_picture(Path("right.png"), 1 - left)
    write_picture(Path("black.png"), torch.zeros(4, 4, 1))
    return folder


@pytest.fixture
def stylize(tiny_model_folder: Path, folder: Path) -> Command:
    """Runs the command in the working folder on the tiny model."""
    settings = ["--model", str(tiny_model_folder), "--precision", "fp32", "--device", "cpu"]

    def command(*arguments: str) -> int:
        return main(["stylize", *settings, *arguments])

    assert Path.cwd() == folder
    return command

"""Commands that are ended in the middle of writing a file, in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.pictures import write_picture

ROOT = Path(__file__).parents[2]

ENDING = """
import os, stat, sys
from adain_nodes.cli import main

number, writes, *words = sys.argv[1:]
to_disk, left = os.fsync, int(writes)

def fsync(descriptor):
    global left
    status = os.fstat(descriptor)
    left -= stat.S_ISREG(status.st_mode)
    if not left:
        os.ftruncate(descriptor, status.st_size // 2)
        os.kill(os.getpid(), int(number))
    to_disk(descriptor)

os.fsync = fsync
sys.exit(main(words))
"""
"""A command that ends itself by a signal when so many files are half written."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are of another kind")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(4):
        write_picture(folder / f"{index}.png", torch.rand(24, 32, 3))
    return folder


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("name", ["stylize", "augment", "styles save"])
def test_what_has_its_name_is_whole_and_a_rerun_makes_the_rest(
    photos: Path, tmp_path: Path, tiny_model_folder: Path, name: str, number: signal.Signals
) -> None:
    saves = name == "styles save"
    pictures = sorted(photos.iterdir()) if saves else [photos]
    style = [] if saves else ["--style", str(photos / "0.png")]
    model = ["--model", str(tiny_model_folder), "--precision", "fp32", "--device", "cpu"]
    again = ["--skip-existing"] if name == "stylize" else []
    command = [*name.split(), *map(str, pictures), *style, *model, *again, "-o"]
    output, writes = ("bank.safetensors", 1) if saves else ("", 3)

    def files(folder: Path) -> dict[str, object]:
        # Safetensors writes its metadata in any order.
        return {
            str(path.relative_to(folder)): path.stat().st_size if saves else path.read_bytes()
            for path in folder.rglob("[!.]*")
            if path.is_file()
        }

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    assert main([*command, str(whole / output)]) == 0
    process = subprocess.run(
        [sys.executable, "-c", ENDING, str(int(number)), str(writes), *command, killed / output],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    code = -signal.SIGKILL if number == signal.SIGKILL else 143
    assert process.returncode == code, process.stderr.decode()
    there = files(killed)
    assert len(there) == writes - 1
    assert there.items() <= files(whole).items()
    hidden = [path for path in killed.rglob(".*") if path.is_file()]
    assert len(hidden) == (number == signal.SIGKILL)
    assert main([*command, str(killed / output)]) == 0
    assert files(killed) == files(whole)

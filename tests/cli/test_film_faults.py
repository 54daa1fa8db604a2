"""Films that do not come to their end: what is there afterwards is what docs/film.md says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.pictures import write_picture
from adain_nodes.files.video import Video

from ..files.videos import write_video
from ..limits import small_disk

pytest.importorskip("av")

ROOT = Path(__file__).parents[2]
OLD = b"an earlier result"
PAGE = 4096
"""Bytes that such a disk counts in."""

SLOWLY = """
import sys
import adain_nodes.files.films as films
from adain_nodes.cli import main

write_video = films.write_video

def one_by_one(film, output, temporary, results, size):
    def asked():
        for result in results:
            print("a frame", flush=True)
            sys.stdin.readline()
            yield result
    write_video(film, output, temporary, asked(), size)

films.write_video = one_by_one
sys.exit(main(sys.argv[1:]))
"""
"""The command, which tells of each frame and waits for a line before it writes it."""


@pytest.fixture
def words(tmp_path: Path, tiny_model_folder: Path) -> list[str]:
    """A command line but for OUT."""
    write_picture(tmp_path / "art.png", torch.rand(20, 20, 3))
    write_video(tmp_path / "film.mp4", frames=40)
    return [
        "stylize", str(tmp_path / "film.mp4"), "--style", str(tmp_path / "art.png"), "--precision",
        "fp32", "--device", "cpu", "--model", str(tiny_model_folder),
    ]  # fmt: skip


@contextmanager
def halfway(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, in the middle of a film."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdin is not None and process.stdout is not None
            for _ in range(20):
                assert process.stdout.readline() == "a frame\n"
                process.stdin.write("\n")
                process.stdin.flush()
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_process_leaves_its_hidden_file_alone(tmp_path: Path, words: list[str]) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    output = folder / "out.mp4"
    output.write_bytes(OLD)
    with halfway([*words, "-o", str(output)]) as process:
        process.kill()
        assert process.wait(timeout=300) == -signal.SIGKILL
    assert output.read_bytes() == OLD
    (hidden,) = (path for path in folder.iterdir() if path != output)
    assert hidden.name.startswith(".") and hidden.suffix == ".partial"
    assert main([*words, "-o", str(output)]) == 0
    assert len(list(Video(output))) == 40


@pytest.mark.skipif(os.name == "nt", reason="signals are of another kind")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_process_leaves_nothing(
    tmp_path: Path, words: list[str], number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    output = folder / "out.mp4"
    output.write_bytes(OLD)
    with halfway([*words, "-o", str(output)]) as process:
        process.send_signal(number)
        _, error = process.communicate(timeout=300)
    assert process.returncode == code
    assert error.count("\n") == 1 and "Traceback" not in error
    assert output.read_bytes() == OLD
    assert list(folder.iterdir()) == [output]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif", ".webp", ".png"])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_full_disk_ends_in_one_line_and_leaves_nothing(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str], suffix: str, share: float
) -> None:
    """In the middle of a film, or on its last page, which some formats write on closing."""
    folder = tmp_path / "out"
    folder.mkdir()
    whole = tmp_path / f"whole{suffix}"
    assert main([*words, "-o", str(whole), "--size", "96"]) == 0
    pages = -(-whole.stat().st_size // PAGE)
    capsys.readouterr()
    with small_disk(folder, round(share * (pages - 1)) * PAGE):
        output = folder / f"out{suffix}"
        assert main([*words, "-o", str(output), "--size", "96"]) == 2
        error = capsys.readouterr().err
        assert str(output) in error and "Traceback" not in error
        assert "No space left on device" in error
        assert list(folder.iterdir()) == []

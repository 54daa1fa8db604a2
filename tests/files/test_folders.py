from __future__ import annotations

import os
from pathlib import Path

import pytest

from adain_nodes.files.folders import files_below, files_of, left_out, names_below
from adain_nodes.host.errors import InputError

SUFFIXES = (".jpg", ".png")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Pictures at three levels, one by way of a link, and what does not count."""
    for name in ("in/b.png", "in/a/x.JPG", "in/a/deep/x.png", "in/a-b.png", "elsewhere/c.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in ("in/notes.txt", "in/.hidden.png", "in/.git/d.png", "in/png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "in/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/a/round").symlink_to(tmp_path / "in")
    (tmp_path / "in/gone.png").symlink_to(tmp_path / "nowhere.png")
    return tmp_path / "in"


NAMES = ["a-b.png", "a/deep/x.png", "a/x.JPG", "b.png", "gone.png", "linked/c.jpg"]


def test_subfolders_and_links_count_and_hidden_files_do_not(tree: Path) -> None:
    assert names_below(tree, SUFFIXES) == NAMES
    assert files_below(tree, SUFFIXES) == [tree / name for name in NAMES]
    assert names_below(tree / "none", SUFFIXES) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_pipes_are_left_out(tree: Path) -> None:
    os.mkfifo(tree / "pipe.png")
    assert names_below(tree, SUFFIXES) == NAMES


def test_folders_without_such_files_are_named(tree: Path) -> None:
    for folder, problem in (
        (tree / "none", "none does not exist"),
        (tree / "b.png", "b.png is not a folder"),
        (tree / ".git", r"\.git has no file that ends in \.gif, \.tif"),
    ):
        with pytest.raises(InputError, match=problem):
            files_below(folder, (".tif", ".gif"))


def test_files_that_are_named_stand_beside_those_in_folders(tree: Path) -> None:
    named = tree / "notes.txt"
    found = files_of([named, tree / "a", tree / "a" / "x.JPG", tree / "none"], SUFFIXES)
    assert found == [named, tree / "a/deep/x.png", tree / "a/x.JPG", tree / "none"]


def test_what_is_left_out_is_counted(tree: Path) -> None:
    deep = tree / "a" / "deep"
    lines = [f"{tree}: 2 files are left out (no suffix 1, .txt 1)"]
    assert left_out([deep, tree / "b.png", tree, tree / "none"], SUFFIXES) == lines
    assert left_out([tree], (*SUFFIXES, ".txt")) == [f"{tree}: 1 file is left out (no suffix 1)"]


def test_what_a_package_would_read_is_named_with_it(tmp_path: Path) -> None:
    for name in ("a.HEIC", "b.heic", "c.jxl", "d.txt", "e.jpg"):
        (tmp_path / name).touch()
    assert left_out([tmp_path], SUFFIXES) == [
        f"{tmp_path}: 4 files are left out (.heic 2: pip install pillow-heif, .jxl 1: pip install "
        "pillow-jxl-plugin, .txt 1)"
    ]
    with pytest.raises(InputError, match=r"has no file that ends in \.gif\. .*heic 2: pip install"):
        files_below(tmp_path, (".gif",))

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.host.writing import STALE, claimed, write_text, written_whole


@pytest.mark.parametrize("before", [None, "before"])
def test_a_file_takes_its_name_when_it_is_written(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "a.txt"
    if before is not None:
        path.write_text(before)
    with written_whole(path) as temporary:
        temporary.write_text("after")
        assert temporary.parent == tmp_path
        assert (path.read_text() if path.exists() else None) == before
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "before")
    with pytest.raises(KeyError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_write_at_the_same_time_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with written_whole(path) as first, written_whole(path) as second:
        first.write_text("whole")
        second.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    write_text(path, "whole")
    assert path.read_text() == "whole"


def test_what_is_written_is_on_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        steps.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    write_text(path, "whole")
    assert steps == ["file", "name", "folder"]


def test_text_is_in_utf_8_as_it_is(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "\u00e9tude\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9tude\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none/a.txt", "No such file"), ("file/a.txt", "Not a dir"), ("dir", "Is a")],
)
def test_what_the_system_refuses_is_told_in_one_line(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dir").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=rf"{name} cannot be written: {reason}[a-z ]*$"):
        write_text(tmp_path / name, "text")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_killed_processes_left_is_removed_after_a_day(tmp_path: Path) -> None:
    for name, age in (("old", 2 * STALE), ("young", 0.0)):
        path = tmp_path / f".{name}.partial"
        path.touch()
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    write_text(tmp_path / "a.txt", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".young.partial", "a.txt"]


CLAIM = """
import sys
from pathlib import Path
from adain_nodes.host.writing import claimed

with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_one_process_s_until_it_ends_or_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        with pytest.raises(InputError, match=r"run is in use: another process"), claimed(folder):
            pass
        process.kill()
    with claimed(folder):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=r"run cannot be written to"),
        claimed(tmp_path / "file/run"),
    ):
        pass

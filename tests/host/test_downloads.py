"""Files that stand in place of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from adain_nodes.host.downloads import missing_download


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty: download it again"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
            "is a Git LFS pointer in place of the picture: run `git lfs pull`",
        ),
        (
            b"\xef\xbb\xbf\n<!DOCTYPE html>",
            "is a web page, saved in place of the picture: download the file itself",
        ),
        (b"\x89PNG", None),
    ],
    ids=["empty", "pointer", "page", "picture"],
)
def test_what_stands_in_place_of_a_file_is_named(
    tmp_path: Path, data: bytes, problem: str | None
) -> None:
    (tmp_path / "a").write_bytes(data)
    assert missing_download(tmp_path / "a", "the picture") == problem

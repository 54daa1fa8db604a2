"""What is found in place of files that were not downloaded whole."""

from __future__ import annotations

from pathlib import Path


def missing_download(path: Path, what: str) -> str | None:
    """What a file is that stands in place of another one, and what to do about it.

    Args:
        path: of the file.
        what: should be in it, such as `the weights`.

    Returns:
        The end of a sentence that begins with the path; None if it is not such a file.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "is empty: download it again"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return f"is a Git LFS pointer in place of {what}: run `git lfs pull`"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html")):
        return f"is a web page, saved in place of {what}: download the file itself"
    return None

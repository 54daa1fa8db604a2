"""Files that are written whole or not at all, and folders that one process writes to."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .errors import InputError, one_line

STALE = 86_400.0
"""Seconds after which nobody writes to a temporary file any more."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary file to write beside `path`. It takes that name once it is on the disk, and
    is removed if anything goes wrong before.

    Its own name is short and like no other, so that processes may write one file at the same time
    and `path` may be as long as the file system takes. Those of processes that were killed are
    removed after a day.

    Write with Python's own files: some libraries that take a path, such as libjpeg, do not notice
    that the disk is full.

    Args:
        path: the file; replaced if it exists.

    Raises:
        InputError: the system cannot write it: its folder is missing, say, or the disk is full.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        _sweep(path.parent)
        temporary.touch()  # a folder that takes no file shows before any work is done
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {one_line(error)}") from error
    finally:
        with suppress(OSError):  # such a folder has none to remove
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_bytes(text.encode())


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keeps other processes that claim it out of a folder, which is made if it is missing, until
    this one is done or killed.

    Raises:
        InputError: another process has it, or nothing can be written there.
    """
    # Here, as it is slow: torch and the Hub's client bring it.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"{folder} is in use: another process writes to it") from error
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {one_line(error)}") from error
    try:
        yield
    finally:
        lock.release()


@cache
def _sweep(folder: Path) -> None:
    """Removes what killed processes left in a folder; once, as there may be many files."""
    for path in folder.glob(".*.partial"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()


def _sync_folder(folder: Path) -> None:
    """Brings a new name to the disk, where the system can; Windows cannot."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

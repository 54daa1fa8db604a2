"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError, one_line


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary file to write beside `path`. It takes that name once it is on the disk, and
    is removed if anything goes wrong before.

    Its own name is short and like no other, so that processes may write one file at the same time
    and `path` may be as long as the file system takes.

    Args:
        path: the file; replaced if it exists.

    Raises:
        InputError: the system cannot write it: its folder is missing, say, or the disk is full.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
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


def _sync_folder(folder: Path) -> None:
    """Brings a new name to the disk, where the system can; Windows cannot."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

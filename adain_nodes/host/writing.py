"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path, *, rank: int = 0) -> Iterator[Path]:
    """Gives a temporary file beside `path` to write; it takes that name when all went well, and is
    removed otherwise.

    Args:
        path: the file; replaced if it exists.
        rank: of this process among those that may write the file at the same time: each has a
            temporary one of its own.
    """
    mark = f".{rank}" if rank else ""
    temporary = path.with_name(f".{path.name}{mark}.partial")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_bytes(text.encode())

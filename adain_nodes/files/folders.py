"""Folders of files, searched by one rule.

Subfolders count, and so do linked ones; a link to a folder that it lies in is not followed. Files
and folders whose names start with a dot do not count: among them are our temporary files and the
companions that macOS gives to files on foreign disks. Suffixes are compared without regard to case.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ..host.errors import InputError


def names_below(folder: str | os.PathLike[str], suffixes: Collection[str]) -> list[str]:
    """Files in a folder, as sorted paths below it, with / on every system.

    Args:
        folder: to search; one that does not exist has none.
        suffixes: those that count, in lower case with their dot.
    """
    folder = Path(folder)
    return sorted(_search(folder, "", frozenset(suffixes), frozenset(folder.resolve().parents)))


def files_below(folder: str | os.PathLike[str], suffixes: Collection[str]) -> list[Path]:
    """The same as paths.

    Raises:
        InputError: it is not a folder, or has no such file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}")
    names = names_below(folder, suffixes)
    if not names:
        raise InputError(f"{folder} has no file that ends in {', '.join(sorted(suffixes))}")
    return [folder / name for name in names]


def files_of(paths: Sequence[str | os.PathLike[str]], suffixes: Collection[str]) -> list[Path]:
    """The files that are named, and those in the folders that are named, each once.

    Args:
        paths: files, whatever their suffix and whether they exist or not, and folders.
        suffixes: see `names_below`; for folders.

    Raises:
        InputError: a folder has no such file.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        found.update(dict.fromkeys(files_below(path, suffixes) if path.is_dir() else [path]))
    return list(found)


def _search(
    folder: Path, prefix: str, suffixes: frozenset[str], around: frozenset[Path]
) -> Iterator[str]:
    real = folder.resolve()
    if real in around or not folder.is_dir():
        return
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            below = f"{prefix}{entry.name}/"
            yield from _search(Path(entry.path), below, suffixes, around | {real})
        elif Path(entry.name).suffix.lower() in suffixes:
            yield f"{prefix}{entry.name}"

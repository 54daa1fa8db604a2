"""Folders of files, searched by one rule.

Subfolders count, and so do linked ones; a link to a folder that it lies in is not followed. Files
and folders whose names start with a dot do not count: among them are our temporary files and the
companions that macOS gives to files on foreign disks. Suffixes are compared without regard to case.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ..host.errors import InputError

PACKAGES = {
    ".heic": "pillow-heif",
    ".heif": "pillow-heif",
    ".hif": "pillow-heif",
    ".jxl": "pillow-jxl-plugin",
}
"""What reads files that Pillow alone does not; the extra `formats` installs all of it."""


def names_below(folder: str | os.PathLike[str], suffixes: Collection[str]) -> list[str]:
    """Files in a folder, as sorted paths below it, with / on every system.

    Args:
        folder: to search; one that does not exist has none.
        suffixes: those that count, in lower case with their dot.
    """
    folder = Path(folder)
    names = _search(folder, "", frozenset(folder.resolve().parents))
    return sorted(name for name in names if Path(name).suffix.lower() in suffixes)


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
        others = "".join(f". {line}" for line in left_out([folder], suffixes))
        raise InputError(f"{folder} has no file that ends in {', '.join(sorted(suffixes))}{others}")
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


def left_out(paths: Sequence[str | os.PathLike[str]], suffixes: Collection[str]) -> list[str]:
    """What to say of the files that `files_of` leaves out of the folders among these paths.

    Returns:
        A line for each folder that has any, such as `photos: 3 files are left out (.txt 2, .heic 1:
        pip install pillow-heif)`.
    """
    lines = []
    for folder in filter(os.path.isdir, paths):
        names = _search(Path(folder), "", frozenset(Path(folder).resolve().parents))
        counts = Counter(Path(name).suffix.lower() for name in names)
        others = {suffix: n for suffix, n in counts.items() if suffix not in suffixes}
        total = sum(others.values())
        kinds = ", ".join(
            f"{suffix or 'no suffix'} {n}"
            + (f": pip install {PACKAGES[suffix]}" if suffix in PACKAGES else "")
            for suffix, n in sorted(others.items(), key=lambda item: (-item[1], item[0]))
        )
        if others:
            files = "files are" if total > 1 else "file is"
            lines.append(f"{folder}: {total} {files} left out ({kinds})")
    return lines


def _search(folder: Path, prefix: str, around: frozenset[Path]) -> Iterator[str]:
    """All files but hidden ones, in no order, and links to files that are missing. Pipes and the
    like are left out: reading one would wait forever."""
    real = folder.resolve()
    if real in around or not folder.is_dir():
        return
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            below = f"{prefix}{entry.name}/"
            yield from _search(Path(entry.path), below, around | {real})
        elif entry.is_file() or not Path(entry.path).exists():
            yield f"{prefix}{entry.name}"

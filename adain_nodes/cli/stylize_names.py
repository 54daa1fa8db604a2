"""Names of the results of `adain-nodes stylize`."""

from __future__ import annotations

import argparse
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files.films import FILM_SUFFIXES
from ..files.pictures import WRITABLE_SUFFIXES
from ..files.styles import StyleSource
from ..host.errors import InputError

LONGEST_NAME = 255
"""Bytes that file systems allow for the name of a file."""


@dataclass(frozen=True)
class Named:
    """A result that is to have a name."""

    content: Path
    """What it is made of."""

    styles: tuple[StyleSource, ...]
    """Its styles."""

    suffix: str
    """What its name ends in, unless OUT is its name."""

    @property
    def place(self) -> tuple[str, ...]:
        """What results are sorted by."""
        return (str(self.content), *map(str, self.styles))


def numbers_frames(output: Path) -> bool:
    """Whether OUT is a pattern for the frames of a film, such as frames/%05d.png."""
    is_picture = output.suffix.lower() in WRITABLE_SUFFIXES
    return is_picture and re.fullmatch(r"[^%]*%(0\d+)?d[^%]*", output.name) is not None


def outputs_of(
    options: argparse.Namespace, results: Sequence[Named], lost: Sequence[Named]
) -> list[Path]:
    """The files to write: OUT itself, or one in the folder OUT for each result.

    Args:
        options: of the command line.
        results: to have a file each.
        lost: results of inputs that cannot be used. Their names stay free: of the inputs that
            share a name, each gets its own even if one is mended before the next run.
    """
    output: Path = options.output
    if not output.is_dir() and not options.output_is_folder:
        count = len(results) + len(lost)
        if output.suffix.lower() in FILM_SUFFIXES.union(WRITABLE_SUFFIXES) or output.exists():
            if count > 1:
                raise InputError(f"--output {output} is a file, {count} results need a folder")
            return [output]
        if count == 1 and not any(path.is_dir() for path in options.content):
            return [output]
    names = _names_of([*results, *lost])
    return [output / name for name in names[: len(results)]]


def _names_of(results: Sequence[Named]) -> list[str]:
    """CONTENT_STYLE or CONTENT_STYLE+STYLE with its suffix for each, numbered from 2 by path where
    several would be the same."""
    taken = set()
    names = {}
    for index, result in sorted(enumerate(results), key=lambda item: item[1].place):
        stem = f"{result.content.stem}_{'+'.join(style.label for style in result.styles)}"
        name, number = _fitting(stem, result.suffix), 1
        while _folded(name) in taken:
            number += 1
            name = _fitting(stem, f"_{number}{result.suffix}")
        taken.add(_folded(name))
        names[index] = name
    return [names[index] for index in range(len(results))]


def _fitting(stem: str, ending: str) -> str:
    """A file name, its stem cut so that it has at most `LONGEST_NAME` bytes."""
    room = LONGEST_NAME - len(os.fsencode(ending))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + ending


def _folded(name: str) -> str:
    """The same for names that some file systems do not tell apart, by their case or by how accents
    are composed."""
    return unicodedata.normalize("NFC", name).casefold()


def check_output(output: Path, inputs: Sequence[Path]) -> None:
    if output.is_dir():
        raise InputError(f"the output {output} is a folder, a file is to be written there")
    if output.exists():
        for path in inputs:
            if path.exists() and output.samefile(path):
                raise InputError(f"the output {output} is the input {path}: give another --output")


def check_folder(folder: Path, *, may_be_missing: bool) -> None:
    while may_be_missing and not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(f"{folder}, where the output is to go, is not an existing folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"nothing can be written into {folder}")

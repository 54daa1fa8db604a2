"""The contents of `adain-nodes stylize`, opened."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..files.film_source import Film
from ..files.films import FILM_SUFFIXES, PictureSequence, open_film
from ..files.folders import files_of
from ..files.formats import READABLE_SUFFIXES
from ..files.pictures import WRITABLE_SUFFIXES, picture_size
from ..files.video import VIDEO_SUFFIXES
from ..host.errors import InputError
from .options import contents_of

T = TypeVar("T")

CONTENTS = READABLE_SUFFIXES | VIDEO_SUFFIXES
"""Suffixes by which folders are searched."""


@dataclass(frozen=True)
class Failure:
    """A content or a style among several that cannot be used."""

    path: str
    """The file."""

    problem: str
    """What is wrong with it."""


def usable(
    paths: Sequence[Path], opened: Callable[[Path], T], failures: list[Failure], *, tolerant: bool
) -> list[T]:
    """What becomes of the files that can be opened; those that cannot be are noted.

    Raises:
        InputError: none can be, or one cannot be and the others are of no use without it.
    """
    results = []
    for path in paths:
        try:
            results.append(opened(path))
        except InputError as error:
            if not tolerant or len(paths) == 1:
                raise
            failures.append(Failure(str(path), str(error)))
    if not results:
        raise InputError(f"{failures[-1].problem} ({len(paths)} files, none of which can be read)")
    return results


def contents_to_stylize(options: argparse.Namespace) -> list[Path]:
    """The pictures named and those in the folders named, but for earlier results there."""
    named = contents_of(options)
    output = options.output.resolve()

    def is_result(path: Path) -> bool:
        return path not in named and output in path.resolve().parents

    inside = any(folder.resolve() in output.parents for folder in named if folder.is_dir())
    contents = files_of(named, CONTENTS)
    return [path for path in contents if not (inside and is_result(path))]


def films_of(
    contents: Sequence[Path],
    failures: list[Failure],
    options: argparse.Namespace,
    *,
    over_time: bool,
) -> tuple[list[Film], bool]:
    """Contents as films: each picture by itself, or all pictures together as one; and whether
    pictures are to become the frames of one file, those that cannot be read left out."""

    def opened(path: Path) -> tuple[Path, Film | None]:
        film = open_film(path, partial=options.partial)
        if film is None:
            picture_size(path)
        return path, film

    found = dict(usable(contents, opened, failures, tolerant=True))
    pictures = [path for path, film in found.items() if film is None]
    if options.fps is not None and not pictures:
        raise InputError("--fps is for pictures, and there are none: films keep their own timing")
    films = [film for film in found.values() if film is not None]
    if options.frame is not None:
        _check_frame(options.frame, pictures, films)
    lost = [path for path in contents if path not in found and not is_video(path)]
    into_film = _into_film(options, len(pictures) + len(lost))
    together = into_film or over_time
    groups = [pictures] if together and pictures else [[path] for path in pictures]
    fps = 25.0 if options.fps is None else options.fps
    return [*(PictureSequence(group, fps) for group in groups), *films], into_film


def _check_frame(number: int, pictures: Sequence[Path], films: Sequence[Film]) -> None:
    """Checks that all contents are films with a frame of this number, counted from 1."""
    if pictures:
        raise InputError(f"--frame is for films, and {pictures[0]} is a picture")
    for film in films:
        if not 1 <= number <= len(film):
            raise InputError(
                f"--frame must name one of the {len(film)} frames of {film.path}, from 1, got "
                f"{number}"
            )


def is_video(path: Path) -> bool:
    """Whether a file that cannot be read is to be a video, by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def _into_film(options: argparse.Namespace, pictures: int) -> bool:
    """Whether so many pictures are to become the frames of one file: where OUT is a film's name. A
    .png or .webp is one if there is a frame rate."""
    suffix = options.output.suffix.lower()
    sure = FILM_SUFFIXES.difference(WRITABLE_SUFFIXES)
    return options.fps is not None or (pictures > 1 and suffix in sure)

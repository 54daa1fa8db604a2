"""Films on disk: animations, videos, and pictures that are one frame each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor

from ..host.errors import InputError
from .animations import ANIMATION_SUFFIXES, open_animation
from .pictures import picture_size, read_picture
from .video import VIDEO_SUFFIXES, Video

FILM_SUFFIXES = ANIMATION_SUFFIXES | VIDEO_SUFFIXES
"""Suffixes that films are written to; .png and .webp also hold single pictures."""


class FilmFile(Protocol):
    """A film in one file. Iterating reads its frames, each [H,W,C] in 0..1; `len` is their
    number."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Tensor]: ...

    def check_output(self, output: str | os.PathLike[str], size: tuple[int, int]) -> None:
        """Checks that results of a size, height and width in px, can be written to a file.

        Raises:
            InputError: its suffix is not one of this kind of film, or the format cannot hold them.
        """

    def write(
        self, output: str | os.PathLike[str], results: Iterable[Tensor], size: tuple[int, int]
    ) -> None:
        """Writes a result for each frame to a file, which is there whole or not at all.

        Args:
            output: the file, replaced if it exists; its suffix gives the format.
            results: one for each frame, [H,W,3 or 4] in 0..1, all of one shape.
            size: their height and width in px.

        Raises:
            InputError: see `check_output`; or the file cannot be written.
        """


class PictureSequence:
    """Picture files as a film.

    Args:
        paths: of the frames, at least one; they are put in natural order, frame2 before frame10.

    Raises:
        InputError: one is not a picture, or differs in size from the first.
    """

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self.paths: Sequence[Path] = sorted(map(Path, paths), key=natural_order)
        sizes = [picture_size(path) for path in self.paths]
        self.size = sizes[0]
        for path, size in zip(self.paths, sizes, strict=True):
            if size != self.size:
                raise InputError(
                    f"{path} is {size[1]}x{size[0]} px, {self.paths[0]} is "
                    f"{self.size[1]}x{self.size[0]} px: the frames of a film must be of equal size"
                )

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Tensor]:
        return (read_picture(path)[0] for path in self.paths)


def natural_order(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """A key that sorts file names with numbers by value: f2 before f10."""
    parts = re.split(r"(\d+)", str(path))
    key = tuple((int(part) if part.isdecimal() else 0, part.casefold()) for part in parts)
    return key, str(path)


def open_film(path: str | os.PathLike[str]) -> FilmFile | None:
    """Opens a file if it is a film. One with the suffix of a video is taken to be a video.

    Returns:
        None for a single picture.

    Raises:
        InputError: the file is missing, is neither picture nor video, or is an animation with a
            damaged frame.
    """
    path = Path(path)
    return Video(path) if path.suffix.lower() in VIDEO_SUFFIXES else open_animation(path)

"""Films on disk: animations, videos, and pictures that are one frame each."""

from __future__ import annotations

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
"""Ends of file names that films are written to; single pictures go by .png and .webp, too."""


class FilmFile(Protocol):
    """A film in one file; iterating reads its frames, each [H,W,C] in 0..1, `len` tells their
    number."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Tensor]: ...

    def check_output(self, output: Path, size: tuple[int, int]) -> None:
        """Checks that frames of a size can be written to a file, or raises `InputError`."""

    def write(self, output: Path, results: Iterable[Tensor], size: tuple[int, int]) -> None:
        """Writes a result for each frame, in place of the frames; whole or not at all."""


class PictureSequence:
    """Picture files as a film.

    Args:
        paths: of the frames, in natural order: frame2 comes before frame10.

    Raises:
        InputError: one is no picture, or of another size than the first.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths: Sequence[Path] = sorted(paths, key=natural_order)
        sizes = [picture_size(path) for path in self.paths]
        self.size = sizes[0]
        for path, size in zip(self.paths, sizes, strict=True):
            if size != self.size:
                raise InputError(
                    f"{path} is of {size[1]}x{size[0]} px, {self.paths[0]} of "
                    f"{self.size[1]}x{self.size[0]}: the frames of a film must be of one size"
                )

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Tensor]:
        return (read_picture(path)[0] for path in self.paths)


def natural_order(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """A key to sort files by, in which numbers count as such."""
    parts = re.split(r"(\d+)", str(path))
    key = tuple((int(part) if part.isdecimal() else 0, part.casefold()) for part in parts)
    return key, str(path)


def open_film(path: Path) -> FilmFile | None:
    """Opens a file if it is a film; a file with the suffix of a video is taken for one.

    Returns:
        None for a single picture.

    Raises:
        InputError: the file is missing, neither picture nor video, or an animation with a damaged
            frame.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return Video(path)
    return open_animation(path)

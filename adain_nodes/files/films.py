"""Films on disk: animations, videos and sequences of pictures, each written as any other."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from torch import Tensor

from ..host.errors import InputError
from ..host.writing import written_whole
from .animations import ANIMATION_SUFFIXES, check_side, open_animation, write_animation
from .film_source import Film, square_size
from .formats import opened
from .pictures import picture_size, read_picture
from .video import VIDEO_SUFFIXES, Video
from .video_writing import VIDEO_FORMATS, keeps_alpha, write_video

logger = logging.getLogger(__name__)

FILM_SUFFIXES = ANIMATION_SUFFIXES | frozenset(VIDEO_FORMATS)
"""Suffixes that films are written to; .png and .webp also hold single pictures."""

_LIKE_MP4 = frozenset(
    {".m4v", ".3gp", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".f4v"}  # sound of its kinds
    | {".h264", ".264", ".h265", ".265", ".hevc", ".m1v", ".m2v"}  # without sound
)


class PictureSequence:
    """Picture files as a film, see `Film`.

    Args:
        paths: of the frames, at least one; they are put in natural order, frame2 before frame10.
        fps: frames per second.

    Raises:
        InputError: one is not a picture, or differs in size from the first, or fps is not a
            positive number.
    """

    plays = 0
    pixel_aspect = Fraction(1)
    recording = None

    def __init__(self, paths: Iterable[str | os.PathLike[str]], fps: float = 25) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise InputError(f"fps must be a number of frames per second above 0, got {fps:g}")
        self.paths: Sequence[Path] = sorted(map(Path, paths), key=natural_order)
        self.path: Path = self.paths[0]
        self.rate: Fraction = _rate(fps)
        self.time_base: Fraction = 1 / self.rate
        self.times: Sequence[float] = [float(i / self.rate) for i in range(len(self.paths))]
        self.last_duration = float(1 / self.rate)
        sizes = [picture_size(path) for path in self.paths]
        self.size: tuple[int, int] = sizes[0]
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

    @cached_property
    def has_alpha(self) -> bool:
        """Whether a picture may be transparent."""
        for path in self.paths:
            with opened(path) as image:
                if image.has_transparency_data:
                    return True
        return False


def natural_order(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """A key that sorts file names with numbers by value: f2 before f10."""
    parts = re.split(r"(\d+)", str(path))
    key = tuple((int(part) if part.isdecimal() else 0, part.casefold()) for part in parts)
    return key, str(path)


def _rate(fps: float) -> Fraction:
    """Frames per second: 29.97 and the like are rates of NTSC, 30000/1001."""
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    return ntsc if ntsc and abs(ntsc - fps) < 0.005 else Fraction(fps).limit_denominator(1000)


def open_film(path: str | os.PathLike[str], *, partial: bool = False) -> Film | None:
    """Opens a file if it is a film. One with the suffix of a video is taken to be a video.

    Args:
        path: the file.
        partial: let a film end before the first frame that cannot be read, with a warning.

    Returns:
        None for a single picture.

    Raises:
        InputError: the file is missing, is neither picture nor video, or is an animation with a
            damaged frame.
    """
    path = Path(path)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return Video(path, partial=partial)
    return open_animation(path, partial=partial)


def check_film(output: str | os.PathLike[str], film: Film, size: tuple[int, int]) -> None:
    """Checks that results of a film can be written to a file.

    Args:
        output: the file.
        film: that the results are made of.
        size: their height and width in px.

    Raises:
        InputError: its suffix is not one of `FILM_SUFFIXES`, or the format cannot hold them.
    """
    output = Path(output)
    suffix = output.suffix.lower()
    if suffix not in FILM_SUFFIXES:
        raise InputError(
            f"{output} must end in {', '.join(sorted(FILM_SUFFIXES))}: {film.path} is a film"
        )
    if suffix in ANIMATION_SUFFIXES:
        check_side(output, square_size(film, size))


def write_film(
    output: str | os.PathLike[str], film: Film, results: Iterable[Tensor], size: tuple[int, int]
) -> None:
    """Writes a result for each frame of a film to a file, which is there whole or not at all.

    What the format cannot hold is named in the log.

    Args:
        output: the file, replaced if it exists; its suffix gives the format.
        film: that the results are made of, as they are iterated.
        results: one for each frame, [H,W,C] in 0..1, all of one shape.
        size: their height and width in px.

    Raises:
        InputError: see `check_film`; or the file cannot be written.
    """
    output = Path(output)
    check_film(output, film, size)
    is_video = output.suffix.lower() in VIDEO_FORMATS
    with written_whole(output) as temporary:
        if film.has_alpha and is_video and not keeps_alpha(output):
            logger.warning("%s cannot hold transparency: it becomes white", output)
        if film.recording and film.recording.sound and not is_video:
            logger.warning("%s cannot hold sound: it is left out", output)
        write = write_video if is_video else write_animation
        write(film, output, temporary, results, size)


def film_suffix(film: Film) -> str:
    """The suffix of results that are named after a film: that of its format, whatever its name."""
    suffix = film.path.suffix.lower()
    if isinstance(film, Video):
        if suffix in VIDEO_FORMATS:
            return film.path.suffix
        return ".mp4" if suffix in _LIKE_MP4 else ".mkv"
    with opened(film.path) as image:
        return {"GIF": ".gif", "WEBP": ".webp"}.get(image.format or "", ".png")

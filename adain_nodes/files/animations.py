"""Animated GIF, WebP and PNG files as films, and films as those."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..host.errors import InputError, one_line
from .animation_formats import Frames, write_apng, write_gif, write_webp
from .film_source import Film, shaped, square_size, timed
from .formats import load, opened
from .pictures import shown

logger = logging.getLogger(__name__)

_WRITERS = {".gif": write_gif, ".webp": write_webp, ".png": write_apng}
_READABLE_FORMATS = ("GIF", "WEBP", "PNG")

ANIMATION_SUFFIXES = frozenset(_WRITERS)
"""Suffixes that animations are written to."""

_LARGEST_SIDE = {".gif": 65535, ".webp": 16383, ".png": 2**31 - 1}

_UNIT = {".gif": 10, ".webp": 1}  # ms that durations are a multiple of

_SHORTEST = 20  # ms that browsers show a frame for

_NO_DURATION = 100.0  # ms that browsers show a frame for that says 0


@dataclass(frozen=True)
class Animation:
    """An animation file, see `Film`. Frames are upright and in sRGB, as its metadata says."""

    path: Path
    """The file."""

    size: tuple[int, int]
    """Height and width in px."""

    has_alpha: bool
    """Whether a frame has transparency; all frames are then RGBA, otherwise RGB."""

    durations: tuple[float, ...]
    """How long each frame is shown, in ms."""

    plays: int
    """How often it is played; 0 is forever."""

    pixel_aspect = Fraction(1)
    time_base = Fraction(1, 60000)
    recording = None

    @property
    def rate(self) -> Fraction:
        """See `Film.rate`."""
        rate = Fraction(1000 * len(self) / (sum(self.durations) or _NO_DURATION * len(self)))
        return rate.limit_denominator(1001) or Fraction(1)

    @cached_property
    def times(self) -> Sequence[float]:
        """See `Film.times`."""
        return [time / 1000 for time in accumulate(self.durations[:-1], initial=0.0)]

    @property
    def last_duration(self) -> float:
        """See `Film.last_duration`."""
        return self.durations[-1] / 1000

    def __len__(self) -> int:
        return len(self.durations)

    def __iter__(self) -> Iterator[Tensor]:
        mode = "RGBA" if self.has_alpha else "RGB"
        frames = _frames(self.path)
        for _, (image, _) in zip(self.durations, frames, strict=False):
            values = np.asarray(image.convert(mode), np.float32) / np.float32(255)
            yield torch.from_numpy(values)


def check_side(output: Path, size: tuple[int, int]) -> None:
    """Checks that an animation format can hold pictures of a size, height and width in px.

    Raises:
        InputError: a side is too long.
    """
    limit = _LARGEST_SIDE[output.suffix.lower()]
    if max(size) > limit:
        raise InputError(
            f"{output} would have {size[1]}x{size[0]} px, more than the {limit} px a side that "
            "the format can store: write .png"
        )


def write_animation(
    film: Film, output: Path, temporary: Path, results: Iterable[Tensor], size: tuple[int, int]
) -> None:
    """Writes a result for each frame of a film to an animation.

    Durations and plays are those of the film. The formats know square pixels only: pictures of
    others are stretched to look the same.

    Args:
        film: that the results are made of.
        output: the file to name in messages; its suffix gives the format.
        temporary: the file to write.
        results: one for each frame, [H,W,C] in 0..1.
        size: their height and width in px.
    """
    size = square_size(film, size)
    suffix = output.suffix.lower()
    with temporary.open("wb") as file:
        images = _timed_images(film, results, size, _UNIT.get(suffix))
        _WRITERS[suffix](file, size, film.plays, images)


def _timed_images(
    film: Film, results: Iterable[Tensor], size: tuple[int, int], unit: int | None
) -> Frames:
    """Results as the formats take them. What rounding to a unit in ms takes from one frame's
    duration it gives to the next, so that the film keeps its speed."""
    left = 0.0
    for result, _, seconds in timed(film, results):
        left += 1000 * seconds
        usual, due = (
            time if unit is None else unit * round(time / unit) for time in (1000 * seconds, left)
        )
        # Browsers show frames of 0 and 10 ms for 100 ms.
        duration = max(due, min(usual if usual >= 1 else _SHORTEST, _SHORTEST))
        left -= duration
        yield shaped(result, alpha=film.has_alpha, size=size), duration


def open_animation(path: str | os.PathLike[str], *, partial: bool = False) -> Animation | None:
    """Reads through an animation, so that damage shows before any work is done.

    A frame that is to be shown for 0 ms is taken to be shown for 100 ms, as browsers show it.

    Args:
        path: of a picture file.
        partial: let the film end before the first frame that cannot be read, with a warning.

    Returns:
        None if it is a single picture, or if its format holds pages instead of frames.

    Raises:
        InputError: the file is missing or is not a picture, or a frame is damaged; the message
            says which.
    """
    path = Path(path)
    with opened(path) as image:
        if image.format not in _READABLE_FORMATS or _counted(image) < 2:
            return None
        plays = _plays(image)
    durations = []
    has_alpha = False
    size = (0, 0)
    try:
        for image, duration in _frames(path):
            durations.append(duration or _NO_DURATION)
            size = (image.height, image.width)
            # A format may have alpha only to leave alone what does not change.
            has_alpha |= bool((np.asarray(image.convert("RGBA"))[..., 3] < 255).any())
    except InputError as error:
        if not partial or not durations:
            raise
        logger.warning("%s; the frames before it are used", error)
    if len(durations) < 2:
        return None
    return Animation(path, size, has_alpha, tuple(durations), plays)


def _frames(path: Path) -> Iterator[tuple[Image.Image, float]]:
    """The frames of an animation as viewers show them, each valid until the next, and how long in
    ms; counted from 1 in messages."""
    with opened(path) as image:
        # An animated PNG may begin with a picture for readers that know no animations.
        first = 1 if getattr(image, "default_image", False) else 0
        total = _counted(image)
        for index in range(first, total):
            try:
                image.seek(index)
                load(image)
            except Exception as error:  # Pillow's readers raise all kinds of them
                raise InputError(
                    f"{path} is damaged: frame {index + 1 - first} of {total - first} cannot be "
                    f"read: {one_line(error)}"
                ) from error
            yield shown(image, path), float(image.info.get("duration", 0))


def _counted(image: Image.Image) -> int:
    """The number of frames, with the one that a damaged GIF breaks off in."""
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # Pillow's readers raise all kinds of them
        return image.tell() + 2


def _plays(image: Image.Image) -> int:
    loop = image.info.get("loop")
    if image.format != "GIF":
        return int(loop or 0)
    # A GIF counts repetitions, if it says anything.
    return 1 if loop is None else (int(loop) + 1 if loop else 0)

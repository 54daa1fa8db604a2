"""What every film on disk tells, so that any of them can be written as any other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from .pictures import to_image


class Film(Protocol):
    """A film to read. Iterating gives its frames, each [H,W,C] in 0..1; `len` is their number,
    which of some videos is an estimate until all frames have been read."""

    @property
    def path(self) -> Path:
        """The file; of a sequence of pictures, the first."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""

    @property
    def has_alpha(self) -> bool:
        """Whether frames may be transparent."""

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel over its height, as it is to be shown."""

    @property
    def plays(self) -> int:
        """How often an animation of this film is to be played; 0 is forever."""

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""

    @property
    def time_base(self) -> Fraction:
        """A unit in s that tells the times of frames apart."""

    @property
    def times(self) -> Sequence[float]:
        """When each frame is shown, in s, never falling; of a video, of the frames read so far."""

    @property
    def last_duration(self) -> float:
        """How long the last frame is shown, in s; of a video, the last that was read."""

    @property
    def recording(self) -> Recording | None:
        """What else a video holds; None for other films."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Tensor]: ...


@dataclass(frozen=True)
class Recording:
    """What a video holds besides its frames."""

    path: Path
    """The file."""

    sound: tuple[int, ...]
    """Indices of its streams of sound that FFmpeg knows."""

    start: float
    """Its time in s that counts as 0."""

    tags: dict[str, str]
    """Title and the like, by FFmpeg's names."""

    matrix: int
    """FFmpeg's number of the YUV to RGB matrix of frames as they are read."""

    primaries: int
    """FFmpeg's number of the colours that red, green and blue are."""

    transfer: int
    """FFmpeg's number of the curve from values to light."""

    broken: bool
    """Whether it may break off, and what is good is taken."""


def timed(film: Film, results: Iterable[Tensor]) -> Iterator[tuple[Tensor, float, float]]:
    """Results of a film's frames with the time that each is shown at, and how long, in s.

    A frame lasts until the next, so that a result is held until the next is there.
    """
    held: Tensor | None = None
    for index, result in enumerate(results):
        if held is not None:
            start = film.times[index - 1]
            yield held, start, film.times[index] - start
        held = result
    if held is not None:
        yield held, film.times[-1], film.last_duration


def shaped(picture: Tensor, *, alpha: bool, size: tuple[int, int]) -> Image.Image:
    """A result as files store it.

    Args:
        picture: [H,W,C] in 0..1: grey, RGB or RGBA.
        alpha: give it transparency, otherwise lay it on white.
        size: height and width in px to stretch it to.
    """
    values = picture.detach().float().cpu().clamp(0, 1)
    if values.shape[2] == 1:
        values = values.expand(-1, -1, 3)
    if alpha and values.shape[2] == 3:
        values = torch.cat([values, torch.ones_like(values[..., :1])], dim=2)
    elif not alpha and values.shape[2] == 4:
        values = values[..., :3] * values[..., 3:] + (1 - values[..., 3:])
    image = to_image(values)
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image


def square_size(film: Film, size: tuple[int, int]) -> tuple[int, int]:
    """The height and width in px at which results of a size look right with square pixels."""
    height, width = size
    if film.pixel_aspect >= 1:
        return height, round(width * film.pixel_aspect)
    return round(height / film.pixel_aspect), width

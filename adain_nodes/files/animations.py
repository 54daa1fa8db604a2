"""Animated GIF, WebP and PNG files as films."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..host.errors import InputError, one_line
from ..host.writing import written_whole
from .animation_formats import Frames, write_apng, write_gif, write_webp
from .pictures import opened, to_image

_WRITERS = {".gif": write_gif, ".webp": write_webp, ".png": write_apng}
_READABLE_FORMATS = ("GIF", "WEBP", "PNG")

ANIMATION_SUFFIXES = frozenset(_WRITERS)
"""Suffixes that animations are written to."""

_LARGEST_SIDE = {".gif": 65535, ".webp": 16383, ".png": 2**31 - 1}


@dataclass(frozen=True)
class Animation:
    """An animation file. Iterating reads its frames, each [H,W,C] in 0..1; `len` is their
    number."""

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

    def __len__(self) -> int:
        return len(self.durations)

    def __iter__(self) -> Iterator[Tensor]:
        mode = "RGBA" if self.has_alpha else "RGB"
        for image in _frames(self.path):
            values = np.asarray(image.convert(mode), np.float32) / np.float32(255)
            yield torch.from_numpy(values)

    def check_output(self, output: str | os.PathLike[str], size: tuple[int, int]) -> None:
        """See `FilmFile.check_output`. The formats limit the sides; any of them will do."""
        limit = _LARGEST_SIDE.get(Path(output).suffix.lower())
        if limit is None:
            raise InputError(
                f"{output} must end in {', '.join(_WRITERS)}: {self.path} is an animation of "
                f"{len(self)} frames"
            )
        if max(size) > limit:
            raise InputError(
                f"{output} would have {size[1]}x{size[0]} px, more than the {limit} px a side that "
                "the format can store: write .png"
            )

    def write(
        self, output: str | os.PathLike[str], results: Iterable[Tensor], size: tuple[int, int]
    ) -> None:
        """See `FilmFile.write`. Durations and plays are those of this animation."""
        output = Path(output)
        self.check_output(output, size)
        images: Frames = zip(map(to_image, results), self.durations, strict=True)
        with written_whole(output) as temporary, temporary.open("wb") as file:
            _WRITERS[output.suffix.lower()](file, size, self.plays, images)


def open_animation(path: str | os.PathLike[str]) -> Animation | None:
    """Reads through an animation, so that damage shows before any work is done.

    Args:
        path: of a picture file.

    Returns:
        None if it is a single picture, or if its format holds pages instead of frames.

    Raises:
        InputError: the file is missing or is not a picture, or a frame is damaged; the message
            says which.
    """
    path = Path(path)
    with opened(path) as image:
        if image.format not in _READABLE_FORMATS or getattr(image, "n_frames", 1) < 2:
            return None
        size = (image.height, image.width)
        plays = _plays(image)
    durations = []
    has_alpha = False
    for image in _frames(path):
        durations.append(float(image.info.get("duration", 0)))
        # A format may have alpha only to leave alone what does not change.
        has_alpha |= bool((np.asarray(image.convert("RGBA"))[..., 3] < 255).any())
    if len(durations) < 2:
        return None
    return Animation(path, size, has_alpha, tuple(durations), plays)


def _frames(path: Path) -> Iterator[Image.Image]:
    """The frames of an animation, each valid until the next; counted from 1 in messages."""
    with opened(path) as image:
        # An animated PNG may begin with a picture for readers that know no animations.
        first = 1 if getattr(image, "default_image", False) else 0
        total = getattr(image, "n_frames", 1)
        for index in range(first, total):
            try:
                image.seek(index)
                image.load()
            except Exception as error:  # Pillow's readers raise all kinds of them
                raise InputError(
                    f"{path} is damaged: frame {index + 1 - first} of {total - first} cannot be "
                    f"read: {one_line(error)}"
                ) from error
            yield image


def _plays(image: Image.Image) -> int:
    loop = image.info.get("loop")
    if image.format != "GIF":
        return int(loop or 0)
    # A GIF counts repetitions, if it says anything.
    return 1 if loop is None else (int(loop) + 1 if loop else 0)

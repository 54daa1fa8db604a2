"""What `adain-nodes bench --frames` measures: a film from file to file, steadied, beside what the
networks take of it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..files.films import PictureSequence, write_film
from ..files.pictures import write_picture
from ..files.video import Video
from ..models.model import Model
from ..pipeline import transfer
from ..pipeline.film_options import FilmOptions
from ..pipeline.stylize import stylize_frames
from ..pipeline.types import Style
from .benchmark import process_memory

FRAME = (288, 512)
"""Height and width of the frames of a film in px."""

SETTLED = 30
"""Frames after which a film should need no more memory."""

MOTION = 2
"""Px by which the pictures move from frame to frame."""

DETAIL = 8
"""Px between the random values that they are interpolated from."""

KEPT = 8
"""Frames in memory that the networks get in turns."""


def measure_film(model: Model, frames: int, rounds: int) -> dict[str, Any]:
    """Stylises a film of so many frames, at least 2, from a video file to another with steadiness
    1, and in turns frames in memory without.

    Returns:
        `frames`; `frames_per_second` of the whole and `networks_per_second`, the best of the
        rounds; `ratio`, the median over the rounds of their times; `memory_growth`, the bytes by
        which the process grew after `SETTLED` frames, None if the system does not tell, or the film
        is too short.

    Raises:
        InputError: PyAV or OpenCV is not installed.
    """
    style = transfer.style_of(model, torch.rand(1, 512, 512, 3))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "film.mp4"
        _write_clip(source, frames)
        pictures = list(islice(Video(source), KEPT))
        _networks(model, style, pictures[:2])  # prepares what later frames use
        networks, whole, growth = [], [], list[int | None]()
        for _ in range(rounds):
            networks.append(_networks(model, style, islice(cycle(pictures), frames)))
            seconds, grown = _from_file_to_file(model, style, source)
            whole.append(seconds)
            growth.append(grown)
    ratios = [a / b for a, b in zip(whole, networks, strict=True)]
    return {
        "frames": frames,
        "frames_per_second": round(frames / min(whole), 3),
        "networks_per_second": round(frames / min(networks), 3),
        "ratio": round(statistics.median(ratios), 3),
        "memory_growth": growth[0],
    }


def _networks(model: Model, style: Style, pictures: Any) -> float:
    """Seconds that the networks take for pictures."""
    started = time.perf_counter()
    for _ in stylize_frames(iter(pictures), style, model=model):
        pass
    return time.perf_counter() - started


def _from_file_to_file(model: Model, style: Style, source: Path) -> tuple[float, int | None]:
    """Seconds that a film takes, and the bytes by which the process grows once it has settled."""
    settled: int | None = None
    started = time.perf_counter()
    film = Video(source)

    def watched() -> Iterator[Tensor]:
        nonlocal settled
        results = stylize_frames(film, style, FilmOptions(steadiness=1), model=model)
        for number, result in enumerate(results, 1):
            if number == SETTLED:
                settled = process_memory("VmRSS")
            yield result

    write_film(source.with_name("result.mp4"), film, watched(), film.size)
    seconds = time.perf_counter() - started
    final = None if settled is None else process_memory("VmRSS")
    return seconds, None if settled is None or final is None else final - settled


def _write_clip(path: Path, frames: int) -> None:
    """Writes a video of a random picture that moves to the left."""
    height, width = FRAME
    size = (height, width + MOTION * frames)
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, *(-(-side // DETAIL) for side in size), generator=generator)
    wide = F.interpolate(coarse, size, mode="bicubic", align_corners=False)[0].movedim(0, -1)
    still = path.with_name("frame.png")
    write_picture(still, wide[:, :width].clamp(0, 1))
    lefts = range(0, MOTION * frames, MOTION)
    pictures = (wide[:, left : left + width].clamp(0, 1) for left in lefts)
    write_film(path, PictureSequence([still] * frames), pictures, FRAME)

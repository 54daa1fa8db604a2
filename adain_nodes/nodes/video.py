"""The whole graph in one node, for films that do not fit into memory."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from ..files.films import write_film
from ..files.video import Video
from ..host import surroundings
from ..host.options import ColorMethod
from ..models.model import Model
from ..pipeline.film_options import FilmOptions
from ..pipeline.scaling import scaled_size
from ..pipeline.stylize import stylize_frames
from ..pipeline.types import Style
from . import schema
from .notices import shows_warnings
from .stylize import AdaINStylize, alpha_of, linked_style, weights_of

ENDS = 0.1
"""By how many s a video may be shorter than its file before it is only a part of it."""


class AdaINStylizeVideo:
    DESCRIPTION = (
        "Stylises a video frame by frame, from file to file: it may be of any length, as only one "
        "frame at a time is in memory. Times and sound are kept. For frames that are a batch of "
        "images, use AdaIN Stylize."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases(
        "artistic", "paint", "film", "movie", "animation", "stylise video"
    )
    FUNCTION = "stylize"
    RETURN_TYPES = ("VIDEO",)
    RETURN_NAMES = ("video",)
    OUTPUT_TOOLTIPS = ("The stylised video, for Save Video.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        video = schema.socket("VIDEO", "From Load Video.")
        inputs = AdaINStylize.INPUT_TYPES()
        required = inputs["required"].items()
        inputs["required"] = dict(
            ("video", video) if name == "content" else (name, kind) for name, kind in required
        )
        del inputs["optional"]["pairing"]  # there is one video, and one result
        return inputs

    @shows_warnings
    def stylize(
        self,
        *,
        model: Model,
        video: Any,
        style_size: int,
        style_image: Tensor | None = None,
        style: Style | None = None,
        mask: Tensor | None = None,
        preserve_color: ColorMethod | Literal["off"] = "off",
        refine_steps: int = 0,
        alpha_over_time: str = "",
        weights_over_time: str = "",
        **options: Any,
    ) -> tuple[Any]:
        look = linked_style(style_image, style)
        color = None if preserve_color == "off" else preserve_color
        how = FilmOptions(preserve_color=color, refine=refine_steps, **options)
        host = surroundings.current()
        result = _new_file(".mp4")
        with _file_of(video) as path:
            film = Video(path)
            rate, count = float(film.rate), len(film)
            alpha = alpha_of(options["alpha"], alpha_over_time, rate=rate, frames=count)
            weights = weights_of(look, weights_over_time, rate=rate, frames=count)
            how = replace(how, alpha=alpha)
            frames = stylize_frames(
                film, look, how, model=model, weights=weights, mask=mask, style_size=style_size,
                progress=host.progress(),
            )  # fmt: skip
            told = _told(frames, count, host.note)
            write_film(result, film, told, scaled_size(film.size, how.content_size))
        return (host.video(result),)


def _told(frames: Iterable[Tensor], count: int, note: Callable[[str], None]) -> Iterator[Tensor]:
    """The frames, of which it tells how many are done, how fast, and how long the others take."""
    started = time.perf_counter()
    for number, frame in enumerate(frames, 1):
        rate = number / (time.perf_counter() - started)
        left = timedelta(seconds=round(max(count - number, 0) / rate))
        note(f"frame {number} of {count}, {rate:.2g} frames/s, {left} left")
        yield frame


@contextmanager
def _file_of(video: Any) -> Iterator[Path]:
    """The file that a VIDEO is read from. One that is in memory, or is a part of its file, gets one
    of its own for the while."""
    source = video.get_stream_source()
    if isinstance(source, str) and not _is_part(video, Path(source)):
        yield Path(source)
        return
    path = _new_file(".mkv")  # which holds whatever there is
    try:
        video.save_to(str(path))
        yield path
    finally:
        path.unlink(missing_ok=True)


def _is_part(video: Any, path: Path) -> bool:
    """Whether a VIDEO ends before its file, or begins after it."""
    film = Video(path)
    return bool(video.get_duration() < float(len(film) / film.rate) - ENDS)


def _new_file(suffix: str) -> Path:
    """A name in the host's folder for files that are not to stay."""
    folder = surroundings.current().temporary_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"adain-{secrets.token_hex(8)}{suffix}"

"""The films among what `adain-nodes stylize` has planned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from torch import Tensor

from ..files.films import PictureSequence
from ..files.pictures import write_picture
from ..files.style_inputs import StyleInput
from ..host.plain import Progress
from ..models.model import Model
from ..pipeline.film import FilmOptions, Region, stylize_frames
from ..pipeline.transfer import interpolate_styles
from ..pipeline.types import Style
from .stylize_plan import FilmJob, Plan
from .stylize_work import EncodedStyles, Inputs, Result, with_rest


@dataclass(frozen=True)
class FilmResult(Result):
    """A film in one file."""

    frames: int
    """Their number."""

    def __str__(self) -> str:
        return f"{super().__str__()}, {self.frames} frames"


def stylized_films(
    plan: Plan,
    inputs: Inputs,
    model: Model,
    styles: EncodedStyles,
    options: FilmOptions,
    *,
    progress: Progress | None,
) -> Iterator[Result]:
    """Computes and writes one film after the other, of which one frame at a time is in memory.

    Args: as `stylize_work.stylized`.

    Yields:
        Each file that has been written: of a sequence of pictures each frame, as soon as it is
        done; otherwise each film.

    Raises:
        InputError: a frame cannot be read, or a result not written. Finished pictures stay; a film
            in one file is there whole or not at all.
    """
    for _, jobs in groupby(plan.films, key=lambda job: id(job.film)):
        encoded: Mapping[StyleInput, Style] | None = None
        for job in jobs:
            started = time.perf_counter()
            if encoded is None:
                encoded = styles.for_content(next(iter(job.film))[None])
            chosen = [encoded[name] for name in job.styles]
            frames = stylize_frames(
                model,
                job.film,
                _regions(chosen, plan, inputs, job),
                options,
                progress=_spread(progress, plan.film_pieces(job)),
            )
            yield from _written(job, frames, started)


def _regions(styles: Sequence[Style], plan: Plan, inputs: Inputs, job: FilmJob) -> list[Region]:
    if inputs.masks:
        masks = with_rest(inputs.masks, len(styles), job.size)
        return [Region(style, mask) for style, mask in zip(styles, masks, strict=True)]
    if plan.weights is not None:
        return [Region(interpolate_styles(styles, plan.weights))]
    return [Region(styles[0])]


def _written(job: FilmJob, frames: Iterator[Tensor], started: float) -> Iterator[Result]:
    job.outputs[0].parent.mkdir(parents=True, exist_ok=True)
    names = [str(style) for style in job.styles]
    height, width = job.size
    if not isinstance(job.film, PictureSequence):
        [output] = job.outputs
        job.film.write(output, frames, job.size)
        seconds = round(time.perf_counter() - started, 3)
        content = str(job.film.path)
        yield FilmResult(content, names, str(output), width, height, seconds, len(job.film))
        return
    for path, output, frame in zip(job.film.paths, job.outputs, frames, strict=True):
        write_picture(output, frame)
        now = time.perf_counter()
        yield Result(str(path), names, str(output), width, height, round(now - started, 3))
        started = now


def _spread(progress: Progress | None, pieces: int) -> Progress | None:
    """Tells of one long piece of work as if it were many."""
    if progress is None:
        return None
    finished = 0

    def report(done: int, total: int) -> None:
        nonlocal finished
        while done * pieces >= (finished + 1) * total:
            finished += 1
            progress(total, total)
        if rest := done * pieces - finished * total:
            progress(rest, total)

    return report

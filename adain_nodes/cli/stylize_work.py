"""Carries out what `adain-nodes stylize` has planned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..files.films import FilmFile, PictureSequence
from ..files.masks import read_mask
from ..files.pictures import read_picture, write_picture
from ..files.styles import StyleSource
from ..host.errors import InputError
from ..host.plain import Progress
from ..models.model import Model
from ..pipeline.checks import check_same_encoder
from ..pipeline.colors import recolors_style
from ..pipeline.engine import cells, counter
from ..pipeline.film import stylized_looks, work_of
from ..pipeline.look import Look
from ..pipeline.stylize import encoded_styles
from ..pipeline.types import Style
from .stylize_plan import Job, Plan


@dataclass(frozen=True)
class Result:
    """One file that has been written."""

    content: str
    """Path of the content."""

    styles: list[str]
    """Paths of its style; or of all that are mixed, or have a region each."""

    output: str
    """Path of the file."""

    width: int
    """In px."""

    height: int
    """In px."""

    frames: int
    """In the file; 1 for a picture."""

    seconds: float
    """Spent on it. The first result of a content bears the encoding of the content, and of styles
    that are recoloured to it."""

    def __str__(self) -> str:
        styles = " + ".join(Path(style).name for style in self.styles)
        frames = f", {self.frames} frames" if self.frames > 1 else ""
        return (
            f"{self.output}: {Path(self.content).name} in the style of {styles}, "
            f"{self.width}x{self.height} px, {self.seconds:.1f} s{frames}"
        )


@dataclass(frozen=True)
class Inputs:
    """Styles and masks, which every content shares."""

    styles: Mapping[StyleSource, Style | Tensor]
    """Of a plan: statistics from a style file, or a picture, [1,H,W,C] in 0..1."""

    masks: Sequence[Tensor]
    """Of a plan, each [1,H,W] in 0..1."""


def read_inputs(plan: Plan) -> Inputs:
    """Reads styles and masks.

    Raises:
        InputError: one cannot be read, or a mask is black.
    """
    masks = []
    for path in plan.masks:
        mask = read_mask(path)
        if not mask.any():
            raise InputError(
                f"the mask {path} is black everywhere: it must be white where its style goes"
            )
        masks.append(mask)
    styles: dict[StyleSource, Style | Tensor] = {
        source: read_picture(source.path) if source.style is None else source.style
        for source in plan.styles
    }
    return Inputs(styles, masks)


def stylized(
    plan: Plan, inputs: Inputs, model: Model, *, progress: Progress | None
) -> Iterator[Result]:
    """Computes and writes one result after the other, of films a frame at a time.

    Args:
        plan: what to do.
        inputs: what `read_inputs` gave for it.
        model: what to use.
        progress: told of every band of the whole plan.

    Yields:
        Each file that has been written.

    Raises:
        InputError: another encoder made a style file, a content cannot be read, or a result cannot
            be written. Finished pictures stay; a film in one file is there whole or not at all.
    """
    files = {str(name): s.encoder for name, s in inputs.styles.items() if isinstance(s, Style)}
    check_same_encoder(**{"the model": model.identity}, **files)
    report = counter(progress, _work(plan, inputs))
    options = plan.options
    styles: dict[StyleSource, Style] | None = None
    for jobs in plan.by_content():
        started = time.perf_counter()
        film = jobs[0].film
        if styles is None or recolors_style(options.preserve_color):
            frame = next(iter(film))[None]
            encoded = encoded_styles(
                model, list(inputs.styles.values()), frame,
                method=options.preserve_color, style_size=plan.style_size, report=report,
            )  # fmt: skip
            styles = dict(zip(inputs.styles, encoded, strict=True))
        looks = [
            Look.of([styles[name] for name in job.styles], weights=plan.weights, masks=inputs.masks)
            for job in jobs
        ]
        for look in looks:
            look.check(model, len(film))
        if isinstance(film, PictureSequence):
            frames = stylized_looks(model, film, looks, options, report)
            yield from _pictures(film, jobs, frames, started)
        else:
            for job, look in zip(jobs, looks, strict=True):
                frames = stylized_looks(model, film, [look], options, report)
                yield _film(film, job, frames, started)
                started = time.perf_counter()


def _pictures(
    film: PictureSequence, jobs: Sequence[Job], frames: Iterator[list[Tensor]], started: float
) -> Iterator[Result]:
    """Writes the frames of a sequence, each in the look of every job."""
    for index, results in enumerate(frames):
        for job, picture in zip(jobs, results, strict=True):
            output = job.outputs[index]
            output.parent.mkdir(parents=True, exist_ok=True)
            write_picture(output, picture)
            now = time.perf_counter()
            yield _result(job, film.paths[index], output, 1, now - started)
            started = now


def _film(film: FilmFile, job: Job, frames: Iterator[list[Tensor]], started: float) -> Result:
    """Writes a film in one look into one file."""
    [output] = job.outputs
    output.parent.mkdir(parents=True, exist_ok=True)
    film.write(output, (result for (result,) in frames), job.size)
    return _result(job, film.path, output, len(film), time.perf_counter() - started)


def _result(job: Job, content: Path, output: Path, frames: int, seconds: float) -> Result:
    height, width = job.size
    styles = [str(style) for style in job.styles]
    return Result(str(content), styles, str(output), width, height, frames, round(seconds, 3))


def _work(plan: Plan, inputs: Inputs) -> int:
    """All cells to encode and to decode."""
    contents = plan.by_content()
    rounds = len(contents) if recolors_style(plan.options.preserve_color) else 1
    pictures = [style for style in inputs.styles.values() if isinstance(style, Tensor)]
    total = rounds * sum(cells(picture.shape[1:3], plan.style_size) for picture in pictures)
    for jobs in contents:
        film, options = jobs[0].film, plan.options
        if isinstance(film, PictureSequence):
            total += work_of(film.size, len(film), len(jobs), options)
        else:
            total += len(jobs) * work_of(film.size, len(film), 1, options)
    return total

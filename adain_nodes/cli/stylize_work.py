"""Carries out what `adain-nodes stylize` has planned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from torch import Tensor

from ..files.film_source import Film
from ..files.films import PictureSequence, write_film
from ..files.masks import read_mask
from ..files.metadata import read_metadata
from ..files.pictures import read_picture, write_picture
from ..files.styles import StyleSource
from ..host.errors import InputError
from ..host.plain import Progress
from ..host.threads import behind
from ..models.model import Model
from ..pipeline.checks import check_same_encoder
from ..pipeline.colors import recolors_style
from ..pipeline.engine import Report, cells, counter
from ..pipeline.film import stylized_looks, work_of
from ..pipeline.film_options import FilmOptions
from ..pipeline.look import Look
from ..pipeline.stylize import encoded_styles
from ..pipeline.types import Style
from .stylize_plan import Failure, Job, Plan


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

    failures: Sequence[Failure]
    """Styles that cannot be read after all; each was to be one among several."""


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
    styles: dict[StyleSource, Style | Tensor] = {}
    failures = []
    for source in plan.styles:
        try:
            styles[source] = read_picture(source.path) if source.style is None else source.style
        except InputError as error:
            if len(plan.styles) == 1 or plan.shares.weights is not None or masks:
                raise
            failures.append(Failure(str(source.path), str(error)))
    return Inputs(styles, masks, failures)


def stylized(
    plan: Plan, inputs: Inputs, model: Model, *, progress: Progress | None
) -> Iterator[Result | Failure]:
    """Computes and writes one result after the other, of films a frame at a time.

    Args:
        plan: what to do.
        inputs: what `read_inputs` gave for it.
        model: what to use.
        progress: told of every band of the whole plan.

    Yields:
        Each file that has been written, and each content among several that has failed. Finished
        pictures stay; a film in one file is there whole or not at all.

    Raises:
        InputError: another encoder made a style file; or there is but one content, and it cannot be
            read, or its result cannot be written.
    """
    files = {str(name): s.encoder for name, s in inputs.styles.items() if isinstance(s, Style)}
    check_same_encoder(**{"the model": model.identity}, **files)
    contents = list(_by_content(plan, inputs))
    works = [_work(jobs, plan.options) for jobs in contents]
    rounds = len(contents) if recolors_style(plan.options.preserve_color) else 1
    total = rounds * _art(plan, inputs) + sum(works)
    stylist = _Stylist(plan, inputs, model, counter(progress, total))
    alone = len(contents) == 1 and not plan.failures and not plan.found
    for jobs, work in zip(contents, works, strict=True):
        yield from stylist.results(jobs, work, alone=alone)


def _by_content(plan: Plan, inputs: Inputs) -> Iterator[list[Job]]:
    """The jobs whose styles could be read, those of one content together."""
    for _, jobs in groupby(plan.jobs, key=lambda job: id(job.film)):
        usable = [job for job in jobs if inputs.styles.keys() >= set(job.styles)]
        if usable:
            yield usable


class _Stylist:
    """Works through the contents of a plan, and keeps styles that serve for all."""

    def __init__(self, plan: Plan, inputs: Inputs, model: Model, report: Report) -> None:
        self._plan = plan
        self._inputs = inputs
        self._model = model
        self._report = report
        self._styles: dict[StyleSource, Style] | None = None

    def results(self, jobs: Sequence[Job], work: int, *, alone: bool) -> Iterator[Result | Failure]:
        """The results of one content; or, unless it is alone, why there are not all of them."""
        film = jobs[0].film

        def report(cells: int) -> None:
            nonlocal work
            work -= cells
            self._report(cells)

        try:
            started = time.perf_counter()
            looks = [self._look(job) for job in jobs]
            options = self._plan.shares.options(film, self._plan.options)
            if jobs[0].form == "pictures" and isinstance(film, PictureSequence):
                frames = stylized_looks(self._model, film, looks, options, report)
                keep = self._plan.keep_metadata
                yield from _pictures(film, jobs, frames, started, keep_metadata=keep)
                return
            for job, look in zip(jobs, looks, strict=True):
                frames = stylized_looks(self._model, film, [look], options, report)
                yield _film(job, (result for (result,) in frames), started)
                started = time.perf_counter()
        except InputError as error:
            if alone:
                raise
            self._report(work)
            yield Failure(str(film.path), str(error))
        finally:
            if recolors_style(self._plan.options.preserve_color):
                self._styles = None

    def _look(self, job: Job) -> Look:
        if self._styles is None:
            self._styles = self._encoded(job.film)
        styles = [self._styles[source] for source in job.styles]
        look = self._plan.shares.look(styles, job.film, self._inputs.masks)
        look.check(self._model, len(job.film))
        return look

    def _encoded(self, film: Film) -> dict[StyleSource, Style]:
        """The styles, in the colours of a film's first frame if it is to keep them."""
        method = self._plan.options.preserve_color
        encoded = encoded_styles(
            self._model,
            list(self._inputs.styles.values()),
            next(iter(film))[None] if recolors_style(method) else None,
            method=method,
            style_size=self._plan.style_size,
            report=self._report,
        )
        return dict(zip(self._inputs.styles, encoded, strict=True))


def _pictures(
    film: PictureSequence,
    jobs: Sequence[Job],
    frames: Iterator[list[Tensor]],
    started: float,
    *,
    keep_metadata: bool,
) -> Iterator[Result]:
    """Writes the frames of a sequence, each in the look of every job."""
    for index, results in enumerate(frames):
        metadata = read_metadata(film.paths[index]) if keep_metadata else None
        for job, picture in zip(jobs, results, strict=True):
            output = job.outputs[index]
            output.parent.mkdir(parents=True, exist_ok=True)
            write_picture(output, picture, metadata=metadata)
            now = time.perf_counter()
            yield _result(job, film.paths[index], output, 1, now - started)
            started = now


def _film(job: Job, frames: Iterator[Tensor], started: float) -> Result:
    """Writes a film in one look, into one file or into numbered pictures."""
    [output] = job.outputs
    output.parent.mkdir(parents=True, exist_ok=True)
    count = 0

    def counted() -> Iterator[Tensor]:
        nonlocal count
        for frame in frames:
            count += 1
            yield frame

    def write(numbered: tuple[int, Tensor]) -> None:
        number, frame = numbered
        write_picture(output.with_name(output.name % number), frame)

    if job.form == "frames":
        for _ in behind(write, enumerate(counted(), 1)):
            pass
    else:
        write_film(output, job.film, counted(), job.size)
    return _result(job, job.film.path, output, count, time.perf_counter() - started)


def _result(job: Job, content: Path, output: Path, frames: int, seconds: float) -> Result:
    height, width = job.size
    styles = [str(style) for style in job.styles]
    return Result(str(content), styles, str(output), width, height, frames, round(seconds, 3))


def _art(plan: Plan, inputs: Inputs) -> int:
    """Cells of all style pictures."""
    pictures = [style for style in inputs.styles.values() if isinstance(style, Tensor)]
    return sum(cells(picture.shape[1:3], plan.style_size) for picture in pictures)


def _work(jobs: Sequence[Job], options: FilmOptions) -> int:
    """Cells of one content to encode and to decode."""
    film, looks = jobs[0].film, len(jobs)
    if jobs[0].form == "pictures":
        return work_of(film.size, len(film), looks, options)
    return looks * work_of(film.size, len(film), 1, options)

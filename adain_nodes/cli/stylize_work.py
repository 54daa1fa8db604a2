"""Carries out what `adain-nodes stylize` has planned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

from torch import Tensor

from ..files.film_source import Film
from ..files.films import PictureSequence
from ..files.masks import read_mask
from ..files.pictures import read_picture
from ..files.styles import StyleSource
from ..host.errors import InputError
from ..host.plain import Progress
from ..models.model import Model
from ..pipeline.checks import check_same_encoder
from ..pipeline.colors import recolors_style
from ..pipeline.engine import Report, cells, counter
from ..pipeline.film import stylized_looks, work_of
from ..pipeline.film_options import FilmOptions
from ..pipeline.look import Look
from ..pipeline.stylize import encoded_styles
from ..pipeline.types import Style
from .stylize_contents import Failure
from .stylize_plan import Job, Plan
from .stylize_results import Note, Result, write_one_film, write_pictures, write_stills


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
    plan: Plan,
    inputs: Inputs,
    model: Model,
    *,
    progress: Progress | None,
    note: Note | None = None,
) -> Iterator[Result | Failure]:
    """Computes and writes one result after the other, of films a frame at a time.

    Args:
        plan: what to do.
        inputs: what `read_inputs` gave for it.
        model: what to use.
        progress: told of every band of the whole plan.
        note: told how far a film is, in words.

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
    stylist = _Stylist(plan, inputs, model, counter(progress, total), note)
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

    def __init__(
        self,
        plan: Plan,
        inputs: Inputs,
        model: Model,
        report: Report,
        note: Note | None,
    ) -> None:
        self._plan = plan
        self._inputs = inputs
        self._model = model
        self._report = report
        self._note = note
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
            if self._plan.frame is not None:
                results = self._still(film, looks, options, report)
                yield from write_stills(jobs, results, started)
                return
            if jobs[0].form == "pictures" and isinstance(film, PictureSequence):
                frames = stylized_looks(self._model, film, looks, options, report)
                keep = self._plan.keep_metadata
                yield from write_pictures(film, jobs, frames, started, keep_metadata=keep)
                return
            for job, look in zip(jobs, looks, strict=True):
                frames = stylized_looks(self._model, film, [look], options, report)
                yield write_one_film(job, (result for (result,) in frames), started, self._note)
                started = time.perf_counter()
        except InputError as error:
            if alone:
                raise
            self._report(work)
            yield Failure(str(film.path), str(error))
        finally:
            if recolors_style(self._plan.options.preserve_color):
                self._styles = None

    def _still(
        self, film: Film, looks: Sequence[Look], options: FilmOptions, report: Report
    ) -> list[Tensor]:
        """The only frame of a film to make, in each look."""
        index = self._plan.frame or 0
        frame = next(islice(film, index, None), None)
        if frame is None:
            raise InputError(f"{film.path} has no frame {index + 1}")
        options = replace(options, alpha=options.alpha_at(index))
        looks = [Look(tuple(look.styles_at(index)), look.masks) for look in looks]
        return next(stylized_looks(self._model, [frame], looks, options, report))

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


def _art(plan: Plan, inputs: Inputs) -> int:
    """Cells of all style pictures."""
    pictures = [style for style in inputs.styles.values() if isinstance(style, Tensor)]
    return sum(cells(picture.shape[1:3], plan.style_size) for picture in pictures)


def _work(jobs: Sequence[Job], options: FilmOptions) -> int:
    """Cells of one content to encode and to decode."""
    film, looks = jobs[0].film, len(jobs)
    if jobs[0].form in ("pictures", "still"):
        return work_of(film.size, len(film) if jobs[0].form == "pictures" else 1, looks, options)
    return looks * work_of(film.size, len(film), 1, options)

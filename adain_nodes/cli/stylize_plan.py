"""What `adain-nodes stylize` is to do, checked before anything is computed or written."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from ..files.film_source import Film
from ..files.films import PictureSequence, check_film, film_suffix
from ..files.folders import files_of, left_out
from ..files.formats import READABLE_SUFFIXES
from ..files.pictures import check_writable, picture_size
from ..files.styles import STYLE_SUFFIX, StyleSource, style_sources
from ..host.errors import InputError
from ..host.options import check_size
from ..pipeline.colors import recolors_style
from ..pipeline.film_options import FilmOptions
from ..pipeline.look import check_combination
from ..pipeline.scaling import scaled_size
from .options import contents_of
from .stylize_contents import (
    CONTENTS,
    Failure,
    contents_to_stylize,
    films_of,
    is_video,
    usable,
)
from .stylize_names import Named, check_folder, check_output, numbers_frames, outputs_of
from .stylize_shares import Shares

Form = Literal["pictures", "film", "frames", "still"]
"""A file for each picture, one for all, a numbered one for each frame, or one for one frame."""

STYLES = READABLE_SUFFIXES | {STYLE_SUFFIX}
"""Suffixes by which folders are searched."""


@dataclass(frozen=True)
class Job:
    """One film in one look. A picture is a film of one frame."""

    film: Film
    """The content."""

    styles: tuple[StyleSource, ...]
    """Its style; or all that are mixed, or have a region each."""

    outputs: tuple[Path, ...]
    """The file to write, or a pattern for the files of frames; or a file for each picture."""

    form: Form
    """What becomes of the film."""

    size: tuple[int, int]
    """Height and width of results in px."""


@dataclass(frozen=True)
class Plan:
    """All of the results: those of pictures first, then those of films."""

    jobs: tuple[Job, ...]
    """Those of one content follow each other."""

    styles: tuple[StyleSource, ...]
    """In the order of the command line."""

    shares: Shares
    """How strong styles are, and in what mixture."""

    masks: tuple[Path, ...]
    """Where each style goes; the last may have none. Empty: everywhere."""

    style_size: int
    """Px that the shorter side of style pictures is scaled to; 0 keeps their size."""

    options: FilmOptions
    """How contents are stylised, but for alpha."""

    frame: int | None
    """The only one to make of each film, the first being 0; None makes all."""

    failures: tuple[Failure, ...]
    """Files that cannot be used; the jobs do without them."""

    found: int
    """Results that are there already and are left as they are."""

    keep_metadata: bool
    """Whether pictures get the metadata of their contents."""

    left_out: tuple[str, ...]
    """What folders hold besides contents and styles."""


def make_plan(options: argparse.Namespace) -> Plan:
    """Turns the command line into a plan.

    Raises:
        InputError: a value is out of range, masks or weights do not fit the styles, an input
            cannot be read, or an output cannot be written or is an input.
    """
    shares = Shares.of(options.alpha, options.weights)
    alone = options.frame is not None
    how = FilmOptions(
        content_size=options.size,
        mask_statistics=options.mask_statistics,
        mask_resize=options.mask_resize,
        outside=options.outside,
        preserve_color=options.preserve_color,
        frame_statistics="per_frame" if alone else options.frame_statistics,
        smoothing=options.smoothing,
        refine=options.refine,
        steadiness=0.0 if alone else options.steadiness,
    )
    check_size("style_size", options.style_size)
    failures: list[Failure] = []
    # A style may be named twice: with two masks, it goes into both.
    paths = [file for path in options.style for file in files_of([path], STYLES)]
    masks = tuple(options.mask or ())
    together = bool(masks) or shares.weights is not None
    styles = tuple(chain(*usable(paths, _style, failures, tolerant=not together)))
    if together:
        check_combination(len(styles), shares.weights_of(len(styles)), len(masks))
    choices = [styles] if together else [(style,) for style in styles]
    for style in styles:
        if recolors_style(how.preserve_color) and not style.is_picture:
            raise InputError(
                f"--preserve-color {how.preserve_color} recolours style pictures, and the style "
                f"file {style.path} has none: give its picture, or take luminance"
            )
    for path in masks:
        picture_size(path)
    lost_styles = [Path(failure.path) for failure in failures]
    contents = contents_to_stylize(options)
    over_time = how.over_time or shares.over_time
    films, into_film = films_of(contents, failures, options, over_time=over_time)
    forms = [_form(film, options, into_film=into_film) for film in films]
    named = [
        Named(path, chosen, suffix)
        for film, form in zip(films, forms, strict=True)
        for chosen in choices
        for path, suffix in _sources(film, form)
    ]
    lost_contents = [Path(failure.path) for failure in failures[len(lost_styles) :]]
    if into_film:
        lost_contents = [path for path in lost_contents if is_video(path)]
    lost = _lost(named, choices, lost_contents, lost_styles)
    outputs = outputs_of(options, named, lost)
    inputs = (*contents, *(style.path for style in styles), *masks)
    for output in outputs:
        check_output(output, inputs)
    may_be_missing = outputs[0] != options.output or numbers_frames(options.output)
    check_folder(outputs[0].parent, may_be_missing=may_be_missing)
    remaining = iter(outputs)
    jobs = []
    for film, form in zip(films, forms, strict=True):
        size = scaled_size(film.size, how.content_size)
        shares.check(film, how, len(styles))
        for chosen in choices:
            own = tuple(islice(remaining, len(_sources(film, form))))
            for output in own:
                if form == "film":
                    check_film(output, film, size)
                else:
                    check_writable(output, size)
            jobs.append(Job(film, chosen, own, form, size))
    found = sum(len(job.outputs) for job in jobs)
    if options.skip_existing:
        jobs = [job for job in jobs if not _is_there(job)]
    found -= sum(len(job.outputs) for job in jobs)
    return Plan(
        tuple(jobs), styles, shares, masks, options.style_size, how,
        options.frame - 1 if alone else None, tuple(failures), found,
        options.keep_metadata,
        (*left_out(contents_of(options), CONTENTS), *left_out(options.style, STYLES)),
    )  # fmt: skip


def _style(path: Path) -> tuple[StyleSource, ...]:
    if path.suffix.lower() != STYLE_SUFFIX:
        picture_size(path)
    return style_sources([path])


def _lost(
    named: Sequence[Named],
    choices: Sequence[tuple[StyleSource, ...]],
    contents: Sequence[Path],
    styles: Sequence[Path],
) -> list[Named]:
    """The results that there would be of contents and styles that cannot be used."""
    instead = [(StyleSource(path),) for path in styles]
    found = dict.fromkeys((result.content, result.suffix) for result in named)
    missing = [(path, ".mp4" if is_video(path) else ".png") for path in contents]
    return [
        *(Named(path, chosen, suffix) for path, suffix in found for chosen in instead),
        *(Named(path, chosen, suffix) for path, suffix in missing for chosen in choices),
        *(Named(path, chosen, suffix) for path, suffix in missing for chosen in instead),
    ]


def _form(film: Film, options: argparse.Namespace, *, into_film: bool) -> Form:
    if options.frame is not None:
        return "still"
    if isinstance(film, PictureSequence):
        return "film" if into_film else "pictures"
    return "frames" if numbers_frames(options.output) else "film"


def _sources(film: Film, form: Form) -> list[tuple[Path, str]]:
    """The files that have a result each, and the suffix of that result."""
    if form == "still":
        return [(film.path, ".png")]
    if form == "pictures" and isinstance(film, PictureSequence):
        return [(path, ".png") for path in film.paths]
    if isinstance(film, PictureSequence):
        return [(film.path.absolute().parent, ".mp4")]
    return [(film.path, film_suffix(film))]


def _is_there(job: Job) -> bool:
    """Whether there are results of a job already; of numbered frames, the last."""
    if job.form == "frames":
        [output] = job.outputs
        return output.with_name(output.name % len(job.film)).exists()
    return all(output.exists() for output in job.outputs)

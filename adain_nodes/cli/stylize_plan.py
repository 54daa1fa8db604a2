"""What `adain-nodes stylize` is to do, checked before anything is computed or written."""

from __future__ import annotations

import argparse
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from ..files.film_source import Film
from ..files.films import FILM_SUFFIXES, PictureSequence, check_film, film_suffix, open_film
from ..files.folders import files_of
from ..files.pictures import READABLE_SUFFIXES, WRITABLE_SUFFIXES, check_writable, picture_size
from ..files.styles import STYLE_SUFFIX, StyleSource, style_sources
from ..host.errors import InputError
from ..host.options import check_size, check_weights
from ..pipeline.colors import recolors_style
from ..pipeline.film import FilmOptions
from ..pipeline.look import check_combination
from ..pipeline.scaling import scaled_size
from .options import contents_of

T = TypeVar("T")

LONGEST_NAME = 255
"""Bytes that file systems allow for the name of a file."""


@dataclass(frozen=True)
class Job:
    """One film in one look. A picture is a film of one frame."""

    film: Film | PictureSequence
    """The content."""

    styles: tuple[StyleSource, ...]
    """Its style; or all that are mixed, or have a region each."""

    outputs: tuple[Path, ...]
    """The file to write; for a sequence of pictures, one for each."""

    size: tuple[int, int]
    """Height and width of results in px."""


@dataclass(frozen=True)
class Failure:
    """A content or a style among several that cannot be used."""

    path: str
    """The file."""

    problem: str
    """What is wrong with it."""


@dataclass(frozen=True)
class Plan:
    """All of the results: those of pictures first, then those of films."""

    jobs: tuple[Job, ...]
    """Those of one content follow each other."""

    styles: tuple[StyleSource, ...]
    """In the order of the command line."""

    weights: tuple[float, ...] | None
    """Of each style in a mixture; None if they are not mixed."""

    masks: tuple[Path, ...]
    """Where each style goes; the last may have none. Empty: everywhere."""

    style_size: int
    """Px that the shorter side of style pictures is scaled to; 0 keeps their size."""

    options: FilmOptions
    """How contents are stylised."""

    failures: tuple[Failure, ...]
    """Files that cannot be used; the jobs do without them."""

    found: int
    """Results that are there already and are left as they are."""


def make_plan(options: argparse.Namespace) -> Plan:
    """Turns the command line into a plan.

    Raises:
        InputError: a value is out of range, masks or weights do not fit the styles, an input
            cannot be read, or an output cannot be written or is an input.
    """
    how = FilmOptions(
        alpha=options.alpha,
        content_size=options.size,
        mask_statistics=options.mask_statistics,
        mask_resize=options.mask_resize,
        outside=options.outside,
        preserve_color=options.preserve_color,
        frame_statistics=options.frame_statistics,
        smoothing=options.smoothing,
    )
    check_size("style_size", options.style_size)
    failures: list[Failure] = []
    suffixes = READABLE_SUFFIXES | {STYLE_SUFFIX}
    # A style may be named twice: with two masks, it goes into both.
    paths = [file for path in options.style for file in files_of([path], suffixes)]
    masks = tuple(options.mask or ())
    weights = None if options.weights is None else _weights(options.weights)
    together = bool(masks) or weights is not None
    styles = tuple(chain(*_usable(paths, _style, failures, tolerant=not together)))
    if together:
        check_combination(len(styles), weights, len(masks))
    choices = [styles] if together else [(style,) for style in styles]
    for style in styles:
        if recolors_style(how.preserve_color) and not style.is_picture:
            raise InputError(
                f"--preserve-color {how.preserve_color} recolours style pictures, and the style "
                f"file {style.path} has none: give its picture, or take luminance"
            )
    for path in masks:
        picture_size(path)
    contents = _contents(options)
    films = _films(contents, failures, together=how.frame_statistics != "per_frame")
    results = [
        (path, chosen, suffix)
        for film in films
        for chosen in choices
        for path, suffix in _sources(film)
    ]
    outputs = _outputs(options, results)
    inputs = (*contents, *(style.path for style in styles), *masks)
    for output in outputs:
        _check_output(output, inputs)
    _check_folder(outputs[0].parent, may_be_missing=outputs[0] != options.output)
    remaining = iter(outputs)
    jobs = []
    for film in films:
        size = scaled_size(film.size, how.content_size)
        for chosen in choices:
            job = Job(film, chosen, tuple(islice(remaining, len(_sources(film)))), size)
            for output in job.outputs:
                if isinstance(film, PictureSequence):
                    check_writable(output, size)
                else:
                    check_film(output, film, size)
            jobs.append(job)
    found = sum(len(job.outputs) for job in jobs)
    if options.skip_existing:
        jobs = [job for job in jobs if not all(output.exists() for output in job.outputs)]
    found -= sum(len(job.outputs) for job in jobs)
    return Plan(
        tuple(jobs), styles, weights, masks, options.style_size, how, tuple(failures), found
    )


def _usable(
    paths: Sequence[Path], opened: Callable[[Path], T], failures: list[Failure], *, tolerant: bool
) -> list[T]:
    """What becomes of the files that can be opened; those that cannot be are noted.

    Raises:
        InputError: none can be, or one cannot be and the others are of no use without it.
    """
    results = []
    for path in paths:
        try:
            results.append(opened(path))
        except InputError as error:
            if not tolerant or len(paths) == 1:
                raise
            failures.append(Failure(str(path), str(error)))
    if not results:
        raise InputError(f"{failures[-1].problem} ({len(paths)} files, none of which can be read)")
    return results


def _style(path: Path) -> tuple[StyleSource, ...]:
    if path.suffix.lower() != STYLE_SUFFIX:
        picture_size(path)
    return style_sources([path])


def _content(path: Path) -> tuple[Path, Film | None]:
    film = open_film(path)
    if film is None:
        picture_size(path)
    return path, film


def _films(
    contents: Sequence[Path], failures: list[Failure], *, together: bool
) -> list[Film | PictureSequence]:
    """Contents as films: each picture by itself, or all pictures together as one."""
    opened = dict(_usable(contents, _content, failures, tolerant=True))
    pictures = [path for path, film in opened.items() if film is None]
    groups = [pictures] if together and pictures else [[path] for path in pictures]
    films = [film for film in opened.values() if film is not None]
    return [*map(PictureSequence, groups), *films]


def _sources(film: Film | PictureSequence) -> list[tuple[Path, str]]:
    """The files that have a result each, and the suffix of that result."""
    if isinstance(film, PictureSequence):
        return [(path, ".png") for path in film.paths]
    return [(film.path, film_suffix(film))]


def _weights(text: str) -> tuple[float, ...]:
    try:
        weights = tuple(float(weight) for weight in text.split(","))
    except ValueError:
        raise InputError(
            f"--weights takes numbers with commas between them, such as 0.7,0.3; got {text!r}"
        ) from None
    check_weights(weights)
    return weights


def _contents(options: argparse.Namespace) -> list[Path]:
    """The pictures named and those in the folders named, but for earlier results there."""
    named = contents_of(options)
    output = options.output.resolve()

    def is_result(path: Path) -> bool:
        return path not in named and output in path.resolve().parents

    inside = any(folder.resolve() in output.parents for folder in named if folder.is_dir())
    contents = files_of(named, READABLE_SUFFIXES)
    return [path for path in contents if not (inside and is_result(path))]


def _outputs(
    options: argparse.Namespace, results: Sequence[tuple[Path, tuple[StyleSource, ...], str]]
) -> list[Path]:
    """The files to write: OUT itself, or one in the folder OUT for each result."""
    output: Path = options.output
    if not output.is_dir() and not options.output_is_folder:
        count = len(results)
        if output.suffix.lower() in FILM_SUFFIXES.union(WRITABLE_SUFFIXES) or output.exists():
            if count > 1:
                raise InputError(f"--output {output} is a file, {count} results need a folder")
            return [output]
        if count == 1 and not any(path.is_dir() for path in options.content):
            return [output]
    return _names_in(output, results)


def _names_in(
    folder: Path, results: Sequence[tuple[Path, tuple[StyleSource, ...], str]]
) -> list[Path]:
    """CONTENT_STYLE or CONTENT_STYLE+STYLE with its suffix for each, numbered from 2 where one is
    taken."""
    taken = set()
    outputs = []
    for content, styles, suffix in results:
        stem = f"{content.stem}_{'+'.join(style.label for style in styles)}"
        name, number = _fitting(stem, suffix), 1
        while _folded(name) in taken:
            number += 1
            name = _fitting(stem, f"_{number}{suffix}")
        taken.add(_folded(name))
        outputs.append(folder / name)
    return outputs


def _fitting(stem: str, ending: str) -> str:
    """A file name, its stem cut so that it has at most `LONGEST_NAME` bytes."""
    room = LONGEST_NAME - len(os.fsencode(ending))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + ending


def _folded(name: str) -> str:
    """The same for names that some file systems do not tell apart, by their case or by how accents
    are composed."""
    return unicodedata.normalize("NFC", name).casefold()


def _check_output(output: Path, inputs: Sequence[Path]) -> None:
    if output.is_dir():
        raise InputError(f"the output {output} is a folder, a file is to be written there")
    if output.exists():
        for path in inputs:
            if output.samefile(path):
                raise InputError(f"the output {output} is the input {path}: give another --output")


def _check_folder(folder: Path, *, may_be_missing: bool) -> None:
    while may_be_missing and not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(f"{folder}, where the output is to go, is not an existing folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"nothing can be written into {folder}")

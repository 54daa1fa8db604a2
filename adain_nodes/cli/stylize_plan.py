"""What `adain-nodes stylize` is to do, checked before anything is computed or written."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

from ..files.films import FILM_SUFFIXES, FilmFile, PictureSequence, open_film
from ..files.folders import files_of
from ..files.pictures import READABLE_SUFFIXES, WRITABLE_SUFFIXES, check_writable, picture_size
from ..files.styles import StyleSource, style_sources
from ..host.errors import InputError
from ..host.options import check_size, check_weights
from ..pipeline.colors import recolors_style
from ..pipeline.film import FilmOptions
from ..pipeline.look import check_combination
from ..pipeline.scaling import scaled_size
from .options import contents_of


@dataclass(frozen=True)
class Job:
    """One film in one look. A picture is a film of one frame."""

    film: FilmFile | PictureSequence
    """The content."""

    styles: tuple[StyleSource, ...]
    """Its style; or all that are mixed, or have a region each."""

    outputs: tuple[Path, ...]
    """The file to write; for a sequence of pictures, one for each."""

    size: tuple[int, int]
    """Height and width of results in px."""


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

    def by_content(self) -> list[list[Job]]:
        """The jobs, those of one content together."""
        return [list(jobs) for _, jobs in groupby(self.jobs, key=lambda job: id(job.film))]


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
    styles = style_sources(options.style)
    masks = tuple(options.mask or ())
    weights = None if options.weights is None else _weights(options.weights)
    together = bool(masks) or weights is not None
    if together:
        check_combination(len(styles), weights, len(masks))
    choices = [styles] if together else [(style,) for style in styles]
    for style in styles:
        if recolors_style(how.preserve_color) and not style.is_picture:
            raise InputError(
                f"--preserve-color {how.preserve_color} recolours style pictures, and the style "
                f"file {style.path} has none: give its picture, or take luminance"
            )
    for path in (*(style.path for style in styles if style.is_picture), *masks):
        picture_size(path)
    contents = _contents(options)
    films = _films(contents, together=how.frame_statistics != "per_frame")
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
        check = check_writable if isinstance(film, PictureSequence) else film.check_output
        for chosen in choices:
            job = Job(film, chosen, tuple(islice(remaining, len(_sources(film)))), size)
            for output in job.outputs:
                check(output, size)
            jobs.append(job)
    return Plan(tuple(jobs), styles, weights, masks, options.style_size, how)


def _films(contents: Sequence[Path], *, together: bool) -> list[FilmFile | PictureSequence]:
    """Contents as films: each picture by itself, or all pictures together as one."""
    opened = {path: open_film(path) for path in contents}
    pictures = [path for path, film in opened.items() if film is None]
    groups = [pictures] if together and pictures else [[path] for path in pictures]
    films = [film for film in opened.values() if film is not None]
    return [*map(PictureSequence, groups), *films]


def _sources(film: FilmFile | PictureSequence) -> list[tuple[Path, str]]:
    """The files that have a result each, and the suffix of that result."""
    if isinstance(film, PictureSequence):
        return [(path, ".png") for path in film.paths]
    return [(film.path, film.path.suffix)]


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
    if not output.is_dir():
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
        name, number = f"{stem}{suffix}", 1
        # Some file systems do not tell upper and lower case apart.
        while name.casefold() in taken:
            number += 1
            name = f"{stem}_{number}{suffix}"
        taken.add(name.casefold())
        outputs.append(folder / name)
    return outputs


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

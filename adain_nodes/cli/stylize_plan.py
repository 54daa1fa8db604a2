"""What `adain-nodes stylize` is to do, checked before anything is computed or written."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..files.films import FILM_SUFFIXES, FilmFile, PictureSequence, open_film
from ..files.pictures import READABLE_SUFFIXES, WRITABLE_SUFFIXES, check_writable, picture_size
from ..files.style_inputs import StyleInput, style_inputs
from ..host.errors import InputError
from ..host.options import ColorMethod, FrameStatistics
from ..pipeline.colors import recolors_style
from ..pipeline.pictures import scaled_size


@dataclass(frozen=True)
class Job:
    """One result."""

    content: Path
    """The picture to stylise."""

    styles: tuple[StyleInput, ...]
    """Its style; or all that are interpolated, or have a region each."""

    output: Path
    """The file to write."""


@dataclass(frozen=True)
class FilmJob:
    """One film in one style."""

    film: FilmFile | PictureSequence
    """The film to stylise."""

    styles: tuple[StyleInput, ...]
    """As of a `Job`."""

    outputs: tuple[Path, ...]
    """The file to write; of a sequence of pictures, one for each."""

    size: tuple[int, int]
    """Height and width of results in px."""


@dataclass(frozen=True)
class Plan:
    """All of the results, contents in the order of the command line, pictures before films."""

    jobs: tuple[Job, ...]
    """Results of one picture each; those of one content follow each other."""

    films: tuple[FilmJob, ...]
    """Likewise, of films."""

    styles: tuple[StyleInput, ...]
    """Styles in the order of the command line."""

    weights: tuple[float, ...] | None
    """Of each style where they are interpolated; None where they are not."""

    masks: tuple[Path, ...]
    """Where each style goes, the last perhaps without one of its own; empty: everywhere."""

    preserve_color: ColorMethod | None
    """How results keep the colours of their content; None where they do not."""

    frame_statistics: FrameStatistics
    """Over which frames of a film statistics are taken."""

    @property
    def pieces(self) -> int:
        """Pictures to encode and to decode."""
        contents = len({job.content for job in self.jobs})
        films = len({id(job.film) for job in self.films})
        pictures = len({style for style in self.styles if style.is_picture})
        rounds = contents + films if recolors_style(self.preserve_color) else 1
        frames = sum(self.film_pieces(job) for job in self.films)
        return rounds * pictures + contents + len(self.jobs) + frames

    def film_pieces(self, job: FilmJob) -> int:
        """Frames to encode and to decode."""
        passes = 3 if self.frame_statistics == "shared" else 2
        return passes * len(job.film)


def make_plan(options: argparse.Namespace) -> Plan:
    """Turns the command line into a plan.

    Raises:
        InputError: a value is out of range, masks or weights do not fit the styles, an input
            cannot be read, or an output cannot be written or is an input.
    """
    _check_numbers(options)
    styles = style_inputs(options.style)
    masks = tuple(options.mask)
    weights = None if options.weights is None else _weights(options.weights)
    _check_combination(styles, masks, weights)
    _check_colors(styles, options.preserve_color)
    for path in masks:
        picture_size(path)
    contents = _contents(options.content)
    pictures, films = _sorted_out(contents, options.frame_statistics)
    together = bool(masks) or weights is not None
    choices = [styles] if together else [(style,) for style in styles]
    results = [(content, chosen, ".png") for content in pictures for chosen in choices]
    for film in films:
        paths, suffix = _frames(film)
        results += [(path, chosen, suffix) for chosen in choices for path in paths]
    if _is_folder(options, len(results)):
        outputs = _names_in(options.output, results)
    else:
        outputs = [options.output]
    inputs = (*contents, *(style.path for style in styles), *masks)
    for output in outputs:
        _check_output(output, inputs)
    _check_folder(outputs[0].parent, may_be_missing=outputs[0] != options.output)
    remaining = iter(outputs)
    jobs = []
    for content, size in pictures.items():
        for chosen in choices:
            job = Job(content, chosen, next(remaining))
            check_writable(job.output, scaled_size(size, options.size))
            jobs.append(job)
    film_jobs = []
    for film in films:
        size = scaled_size(film.size, options.size)
        for chosen in choices:
            named = tuple(islice(remaining, len(_frames(film)[0])))
            for output in named:
                check = check_writable if isinstance(film, PictureSequence) else film.check_output
                check(output, size)
            film_jobs.append(FilmJob(film, chosen, named, size))
    return Plan(
        tuple(jobs), tuple(film_jobs), styles, weights, masks,
        options.preserve_color, options.frame_statistics,
    )  # fmt: skip


def _sorted_out(
    contents: Sequence[Path], frame_statistics: FrameStatistics
) -> tuple[dict[Path, tuple[int, int]], list[FilmFile | PictureSequence]]:
    """Single pictures, with their height and width, and films.

    Statistics that go beyond a frame make one film of all pictures.
    """
    opened = {path: open_film(path) for path in contents}
    pictures = [path for path, film in opened.items() if film is None]
    films: list[FilmFile | PictureSequence] = [film for film in opened.values() if film is not None]
    if frame_statistics == "per_frame":
        return {path: picture_size(path) for path in pictures}, films
    return {}, [PictureSequence(pictures), *films] if pictures else films


def _frames(film: FilmFile | PictureSequence) -> tuple[Sequence[Path], str]:
    """The files that a film has a result for each, and the suffix of these results."""
    if isinstance(film, PictureSequence):
        return film.paths, ".png"
    return [film.path], film.path.suffix


def _check_numbers(options: argparse.Namespace) -> None:
    if not 0 <= options.smoothing <= 1:
        raise InputError(
            "--smoothing must be 0 (each frame by itself) to 1 (the first frame for all), got "
            f"{options.smoothing:g}"
        )
    if not 0 <= options.alpha <= 1:
        raise InputError(
            f"--alpha must be 0 (the content) to 1 (the full style), got {options.alpha:g}"
        )
    for name, size in (("--size", options.size), ("--style-size", options.style_size)):
        if size < 0:
            raise InputError(f"{name} must be 0 (keep) or more px, got {size}")


def _weights(text: str) -> tuple[float, ...]:
    try:
        weights = tuple(float(weight) for weight in text.split(","))
    except ValueError:
        weights = (math.nan,)
    if not all(0 <= weight < math.inf for weight in weights) or sum(weights) == 0:
        raise InputError(
            "--weights takes numbers of at least 0, not all of them 0, with commas between them, "
            f"such as 0.7,0.3; got {text!r}"
        )
    return weights


def _check_combination(
    styles: Sequence[StyleInput], masks: Sequence[Path], weights: Sequence[float] | None
) -> None:
    if masks and weights is not None:
        raise InputError("--mask and --weights exclude each other: give one of them")
    if weights is not None and len(weights) != len(styles):
        raise InputError(
            f"--weights needs one weight for each style: got {len(weights)} for {len(styles)} "
            f"{_plural('style', len(styles))}"
        )
    if masks and len(masks) not in (len(styles), len(styles) - 1):
        fewer = f" or {len(styles) - 1} (the last takes the rest)" if len(styles) > 1 else ""
        count = f"{len(styles)} {_plural('style', len(styles))}"
        raise InputError(
            f"{count} can have {len(styles)}{fewer} {_plural('mask', len(styles))}, got "
            f"{len(masks)}"
        )


def _check_colors(styles: Sequence[StyleInput], method: ColorMethod | None) -> None:
    for style in styles:
        if recolors_style(method) and not style.is_picture:
            raise InputError(
                f"--preserve-color {method} recolours style pictures, and the style file "
                f"{style.path} has none: give its picture, or take luminance"
            )


def _contents(paths: Sequence[Path]) -> list[Path]:
    """The pictures named, and those directly in the folders named, each once."""
    contents: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            contents[path] = None
            continue
        found = sorted(
            child
            for child in path.iterdir()
            if child.suffix.lower() in READABLE_SUFFIXES and not child.name.startswith(".")
        )
        if not found:
            raise InputError(f"{path} has no picture ({', '.join(sorted(READABLE_SUFFIXES))})")
        contents.update(dict.fromkeys(found))
    return list(contents)


def _is_folder(options: argparse.Namespace, results: int) -> bool:
    """Whether OUT is a folder: if it is one, or has to become one."""
    output: Path = options.output
    if output.is_dir():
        return True
    if output.suffix.lower() in FILM_SUFFIXES.union(WRITABLE_SUFFIXES) or output.exists():
        if results > 1:
            raise InputError(
                f"--output {output} is a file, {results} results need a folder: give its name"
            )
        return False
    return results > 1 or any(content.is_dir() for content in options.content)


def _names_in(
    folder: Path, results: Sequence[tuple[Path, tuple[StyleInput, ...], str]]
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


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"

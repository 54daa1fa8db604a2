"""What `adain-nodes stylize` is to do, checked before anything is computed or written."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..image_files import READABLE_SUFFIXES, WRITABLE_SUFFIXES, check_writable, picture_size
from ..pictures import scaled_size


@dataclass(frozen=True)
class Job:
    """One result."""

    content: Path
    """The picture to stylise."""

    styles: tuple[Path, ...]
    """Its style; or all that are interpolated, or have a region each."""

    output: Path
    """The file to write."""


@dataclass(frozen=True)
class Plan:
    """All of the results, contents in the order of the command line."""

    jobs: tuple[Job, ...]
    """At least one; those of one content follow each other."""

    styles: tuple[Path, ...]
    """Style pictures in the order of the command line."""

    weights: tuple[float, ...] | None
    """Of each style where they are interpolated; None where they are not."""

    masks: tuple[Path, ...]
    """Where each style goes, the last perhaps without one of its own; empty: everywhere."""

    @property
    def pieces(self) -> int:
        """Pictures to encode and to decode."""
        contents = {job.content for job in self.jobs}
        return len(set(self.styles)) + len(contents) + len(self.jobs)


def make_plan(options: argparse.Namespace) -> Plan:
    """Turns the command line into a plan.

    Raises:
        InputError: a value is out of range, masks or weights do not fit the styles, an input
            cannot be read, or an output cannot be written or is an input.
    """
    _check_numbers(options)
    styles = tuple(options.style)
    masks = tuple(options.mask)
    weights = None if options.weights is None else _weights(options.weights)
    _check_combination(styles, masks, weights)
    sizes = {content: picture_size(content) for content in _contents(options.content)}
    for path in (*styles, *masks):
        picture_size(path)
    together = bool(masks) or weights is not None
    choices = [styles] if together else [(style,) for style in styles]
    pairs = [(content, chosen) for content in sizes for chosen in choices]
    if _is_folder(options, len(pairs)):
        outputs = _names_in(options.output, pairs)
    else:
        outputs = [options.output]
    inputs = (*sizes, *styles, *masks)
    for (content, _), output in zip(pairs, outputs, strict=True):
        check_writable(output, scaled_size(sizes[content], options.size))
        _check_output(output, inputs)
    _check_folder(outputs[0].parent, may_be_missing=outputs[0] != options.output)
    jobs = (Job(*pair, output) for pair, output in zip(pairs, outputs, strict=True))
    return Plan(tuple(jobs), styles, weights, masks)


def _check_numbers(options: argparse.Namespace) -> None:
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
    styles: Sequence[Path], masks: Sequence[Path], weights: Sequence[float] | None
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
    if output.suffix.lower() in WRITABLE_SUFFIXES or output.exists():
        if results > 1:
            raise InputError(
                f"--output {output} is a file, {results} results need a folder: give its name"
            )
        return False
    return results > 1 or any(content.is_dir() for content in options.content)


def _names_in(folder: Path, pairs: Sequence[tuple[Path, tuple[Path, ...]]]) -> list[Path]:
    """CONTENT_STYLE.png or CONTENT_STYLE+STYLE.png for each, numbered from 2 where one is taken."""
    taken = set()
    outputs = []
    for content, styles in pairs:
        stem = f"{content.stem}_{'+'.join(style.stem for style in styles)}"
        name, number = f"{stem}.png", 1
        # Some file systems do not tell upper and lower case apart.
        while name.casefold() in taken:
            number += 1
            name = f"{stem}_{number}.png"
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

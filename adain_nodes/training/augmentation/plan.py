"""Which style and alpha each result of an augmented set of pictures gets.

A result is a function of the seed, its content's path below the content folder and its number
among the results of that content. So sharding, restarting and further contents change nothing, and
a further style only those results that it wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ...files.folders import files_below
from ...files.pictures import READABLE_SUFFIXES, WRITABLE_SUFFIXES
from ...files.styles import STYLE_SUFFIX, StyleSource, style_sources
from ...host.errors import InputError


@dataclass(frozen=True)
class AugmentationOptions:
    """How a set of pictures is stylised."""

    styles_per_content: int = 1
    """Results for each content, all of different styles."""

    alpha: tuple[float, float] = (1.0, 1.0)
    """Least and greatest strength, in 0 (the content) to 1 (the full style); each result draws its
    own uniformly between them."""

    seed: int = 0
    """Of styles and alphas."""

    size: int = 0
    """Px to scale the shorter side of contents to; 0 keeps their size."""

    style_size: int = 512
    """The same for style pictures."""

    def __post_init__(self) -> None:
        if self.styles_per_content < 1:
            raise InputError(
                f"styles per content must be at least 1, got {self.styles_per_content}"
            )
        low, high = self.alpha
        if not 0 <= low <= high <= 1:
            raise InputError(
                "alpha must be 0 (the content) to 1 (the full style), or a range within with the "
                f"smaller one first, got {low:g} to {high:g}"
            )
        for name, size in (("size", self.size), ("style size", self.style_size)):
            if size < 0:
                raise InputError(f"{name} must be 0 (keep) or more px, got {size}")


@dataclass(frozen=True)
class PlannedResult:
    """One picture to make. Paths are below their folders, with / on every system."""

    output: str
    """The file to write, below the output folder."""

    content: str
    """The picture to stylise, below the content folder."""

    style: str
    """Name of its style, see `find_styles`."""

    alpha: float
    """0 keeps the content, 1 is the full style."""


@dataclass(frozen=True)
class Plan:
    """All that is to be made."""

    content_folder: Path
    """Where the contents are."""

    output_folder: Path
    """Where the results go; it need not exist."""

    contents: tuple[str, ...]
    """Paths below the content folder, sorted."""

    styles: dict[str, StyleSource]
    """By name; see `find_styles`."""

    options: AugmentationOptions
    """How they are combined."""

    def results(self, content: str) -> list[PlannedResult]:
        """What becomes of one content.

        Each number holds a lottery of its own in which every style has a ticket that depends on
        nothing else (rendezvous hashing): the lowest one wins that has not won before.
        """
        low, high = self.options.alpha
        results = []
        taken: list[int] = []
        for number in range(1, self.options.styles_per_content + 1):
            draw = _digest(self.options.seed, content, number)
            tickets = _mixed(self._style_keys ^ np.uint64(draw[0]))
            tickets[taken] = np.iinfo(np.uint64).max
            taken.append(int(tickets.argmin()))
            alpha = low + (high - low) * draw[1] / 2**64
            output = self._output(content, number)
            results.append(
                PlannedResult(output, content, self._style_names[taken[-1]], min(alpha, high))
            )
        return results

    def _output(self, content: str, number: int) -> str:
        """The content's own path, where one content has one result and its format can be written.

        Neither other contents nor styles enter into it.
        """
        path = PurePosixPath(content)
        suffix = path.suffix if path.suffix.lower() in WRITABLE_SUFFIXES else f"{path.suffix}.png"
        mark = f"_{number}" if self.options.styles_per_content > 1 else ""
        return str(path.with_name(f"{path.stem}{mark}{suffix}"))

    @cached_property
    def _style_names(self) -> tuple[str, ...]:
        return tuple(self.styles)

    @cached_property
    def _style_keys(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        return np.array([_digest(name)[0] for name in self.styles], np.uint64)


def make_plan(
    content: Path, style: Path, output: Path, options: AugmentationOptions | None = None
) -> Plan:
    """Plans the stylisation of a tree of pictures.

    Args:
        content: folder of the contents, in subfolders or not.
        style: folder of style pictures and style files, or one such file.
        output: folder for the results, a tree like that of the contents: a result has the path of
            its content, with _1, _2 and so on before the suffix where there are several. Formats
            that are not written become PNG, `scan.bmp` to `scan.bmp.png`.
        options: the defaults if absent.

    Raises:
        InputError: there is no content, or there are fewer styles than each content is to have, or
            a style file is unusable, or one of the folders for input lies within that for output or
            the other way round, or two contents would become the same file.
    """
    options = options or AugmentationOptions()
    for folder in (content, *([style] if style.is_dir() else [])):
        _check_apart(folder, output)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}, where results are to go, is not a folder")
    contents = _names(content, READABLE_SUFFIXES)
    styles = find_styles(style)
    if len(styles) < options.styles_per_content:
        raise InputError(
            f"{options.styles_per_content} styles per content need as many in {style}, which has "
            f"{len(styles)}"
        )
    plan = Plan(content, output, tuple(contents), styles, options)
    sources: dict[str, str] = {}
    for name in contents:
        first = sources.setdefault(plan._output(name, 1), name)
        if first != name:
            raise InputError(
                f"{content / first} and {content / name} would both become "
                f"{output / plan._output(name, 1)}: rename one of them"
            )
    return plan


def find_styles(path: Path) -> dict[str, StyleSource]:
    """The styles below a folder, or in one file, by name.

    The name of a style is its path below the folder, with / on every system, or the name of the
    file; those of a bank add their number, as in `bank.safetensors 2`.

    Raises:
        InputError: there are none, or a style file is unusable. Pictures are not looked into.
    """
    if path.is_dir():
        files = {name: path / name for name in _names(path, READABLE_SUFFIXES | {STYLE_SUFFIX})}
    elif path.exists():
        files = {path.name: path}
    else:
        raise InputError(f"{path} does not exist")
    return {
        name if style.number is None else f"{name} {style.number}": style
        for name, file in files.items()
        for style in style_sources([file])
    }


def _names(folder: Path, suffixes: Collection[str]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder, suffixes)]


def _check_apart(folder: Path, output: Path) -> None:
    """Results must not be taken for contents or styles when the run is started again."""
    inner, outer = folder.resolve(), output.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise InputError(
            f"the output folder {output} and {folder} must not lie within each other: give another "
            "output folder"
        )


def _digest(*parts: object) -> tuple[int, int]:
    """Two random numbers of 64 bits that these parts stand for."""
    text = "\0".join(map(str, parts)).encode(errors="surrogatepass")
    digest = hashlib.blake2b(text, digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def _mixed(
    values: np.ndarray[Any, np.dtype[np.uint64]],
) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A permutation of the numbers of 64 bits without any order left: the finaliser of SplitMix64
    (Steele, Lea and Flood, OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

"""Which style and alpha each picture of an augmented set gets.

The styles of a content are drawn from the seed and the content's path below its folder. So shards,
restarts and further contents change nothing; a further style may change any result.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

from ..files.folders import files_below
from ..files.formats import READABLE_SUFFIXES
from ..files.pictures import WRITABLE_SUFFIXES
from ..files.styles import STYLE_SUFFIX, StyleSource, style_sources
from ..host.errors import InputError
from ..host.options import check_size


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
    """Strength: 0 keeps the content, 1 is the full style."""

    replaces: str | None = None
    """Style that was drawn first and could not be read."""


@dataclass(frozen=True)
class Plan:
    """All that is to be made, and how."""

    content_folder: Path
    """Folder of the contents."""

    output_folder: Path
    """Folder for the results; it need not exist."""

    contents: tuple[str, ...]
    """Paths below the content folder, sorted."""

    styles: dict[str, StyleSource]
    """The styles by name, see `find_styles`."""

    styles_per_content: int = 1
    """Results for each content, all of different styles; at least 1."""

    alpha: tuple[float, float] = (1.0, 1.0)
    """Least and greatest strength, in 0 (the content) to 1 (the full style); each result draws its
    own uniformly between them."""

    seed: int = 0
    """Seed of styles and alphas."""

    size: int = 0
    """Px to scale the shorter side of contents to; 0 keeps their size."""

    style_size: int = 512
    """Px to scale the shorter side of style pictures to; 0 keeps their size."""

    def __post_init__(self) -> None:
        if self.styles_per_content < 1:
            raise InputError(
                f"styles per content must be at least 1, got {self.styles_per_content}"
            )
        low, high = self.alpha
        if not 0 <= low <= high <= 1:
            raise InputError(
                "alpha must be a number from 0 (the content) to 1 (the full style), or a range "
                f"within, smaller number first, got {low:g} to {high:g}"
            )
        check_size("size", self.size)
        check_size("style size", self.style_size)

    def results(self, content: str, broken: Set[str] = frozenset()) -> list[PlannedResult]:
        """What becomes of one content. Of more styles per content, fewer would be the first.

        Args:
            content: its path below the folder.
            broken: styles that cannot be read: each is replaced by the next that is drawn.

        Raises:
            InputError: too few styles are left.
        """
        names, (low, high) = tuple(self.styles), self.alpha
        count = self.styles_per_content
        if len(names) - len(broken) < count:
            raise InputError(
                f"{count} styles per content need at least {count}, but {len(broken)} of "
                f"{len(names)} cannot be read"
            )
        # Python promises the same numbers from random() for ever, but not from sample().
        draw = Random(f"{self.seed}\0{content}".encode(errors="surrogatepass")).random
        alphas: dict[str, float] = {}
        while len(alphas) < count or len(alphas.keys() - broken) < count:
            alphas.setdefault(names[int(draw() * len(names))], low + (high - low) * draw())
        spare = (style for style in list(alphas)[count:] if style not in broken)
        results = []
        for number, drawn in enumerate(list(alphas)[:count], 1):
            style = next(spare) if drawn in broken else drawn
            replaces = None if style == drawn else drawn
            output, alpha = self.output(content, number), min(alphas[style], high)
            results.append(PlannedResult(output, content, style, alpha, replaces))
        return results

    def output(self, content: str, number: int) -> str:
        """Path of a content's result: its own, with _1, _2 and so on before the suffix where there
        are several; formats that are not written become PNG, `scan.bmp` to `scan.bmp.png`."""
        path = PurePosixPath(content)
        suffix = path.suffix if path.suffix.lower() in WRITABLE_SUFFIXES else f"{path.suffix}.png"
        mark = f"_{number}" if self.styles_per_content > 1 else ""
        return str(path.with_name(f"{path.stem}{mark}{suffix}"))


def make_plan(content: Path, styles: Sequence[Path], output: Path, **options: Any) -> Plan:
    """Plans the stylisation of a tree of pictures.

    Args:
        content: folder of the contents, in subfolders or not.
        styles: style pictures, style files, and folders of both.
        output: folder for the results, a tree like that of the contents.
        options: those of `Plan`.

    Raises:
        InputError: an option is out of its range, there is no content, or there are fewer styles
        than each content is to have, or
            a style file is unusable, or one of the folders for input lies within that for output or
            the other way round, or two contents would become the same file.
    """
    for folder in (content, *filter(Path.is_dir, styles)):
        # Results must not be taken for contents or styles when the run is started again.
        inner, outer = folder.resolve(), output.resolve()
        if inner == outer or inner in outer.parents or outer in inner.parents:
            raise InputError(
                f"the output folder {output} and {folder} must not lie within each other: give "
                "another output folder"
            )
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}, where results are to go, is not a folder")
    contents = [
        path.relative_to(content).as_posix() for path in files_below(content, READABLE_SUFFIXES)
    ]
    plan = Plan(content, output, tuple(contents), find_styles(*styles), **options)
    wanted, places = plan.styles_per_content, ", ".join(map(str, styles))
    if len(plan.styles) < wanted:
        raise InputError(
            f"{wanted} styles per content need at least {wanted}, but {places} has "
            f"{len(plan.styles)}"
        )
    sources: dict[str, str] = {}
    for name in contents:
        first = sources.setdefault(plan.output(name, 1), name)
        if first != name:
            raise InputError(
                f"{content / first} and {content / name} would both become "
                f"{output / plan.output(name, 1)}: rename one of them"
            )
    return plan


def find_styles(*paths: Path) -> dict[str, StyleSource]:
    """The styles in files and folders, by name.

    The name of a style is that of its file, or its path below the folder, with / on every system;
    of several paths, those of a folder begin with its name. Those of a bank add their number, as
    in `bank.safetensors 2`.

    Raises:
        InputError: there are none, a style file is unusable, or two have the same name. Pictures
            are not looked into.
    """
    styles: dict[str, StyleSource] = {}
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist")
        root = path if path.is_dir() and len(paths) == 1 else path.parent
        files = [path]
        if path.is_dir():
            files = files_below(path, READABLE_SUFFIXES | {STYLE_SUFFIX})
        for style in style_sources(files):
            name = style.path.relative_to(root).as_posix()
            name = name if style.number is None else f"{name} {style.number}"
            if styles.setdefault(name, style) != style:
                raise InputError(f"{styles[name]} and {style} would both be the style {name!r}")
    return styles

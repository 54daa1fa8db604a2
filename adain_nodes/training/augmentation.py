"""Sets of pictures in random styles, to train networks on shapes rather than textures (Geirhos et
al., ImageNet-trained CNNs are biased towards texture, ICLR 2019).

    plan = make_plan(Path("photos"), [Path("art")], Path("stylized"))
    for outcome in augment(load_model(), plan):
        print(outcome.status, outcome.result.output)

The styles of a content are drawn from the seed and the content's path below its folder. So shards,
restarts and further contents change nothing; a further style may change any result. Results that
are there already are left as they are. `MANIFEST`, beside them, says how each was made: it follows
from the plan alone, so it is written before the first result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any, Literal

from ..files.folders import files_below
from ..files.pictures import (
    READABLE_SUFFIXES,
    WRITABLE_SUFFIXES,
    check_writable,
    read_picture,
    write_picture,
)
from ..files.styles import STYLE_SUFFIX, StyleSource, style_sources
from ..host.errors import InputError
from ..host.options import check_size
from ..host.writing import write_text
from ..models.model import Model
from ..pipeline.checks import check_same_encoder
from ..pipeline.scaling import scaled_size
from ..pipeline.transfer import decode, encode, style_of, transfer
from ..pipeline.types import Features, Style

MANIFEST = "augmentation.jsonl"
"""Name of the file in the output folder with a line of JSON for each result: the fields of
`PlannedResult`, and size, style_size and model."""


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

    def results(self, content: str) -> list[PlannedResult]:
        """What becomes of one content. Of more styles per content, fewer would be the first."""
        names, (low, high) = tuple(self.styles), self.alpha
        # Python promises the same numbers from random() for ever, but not from sample().
        draw = Random(f"{self.seed}\0{content}".encode(errors="surrogatepass")).random
        alphas: dict[str, float] = {}
        while len(alphas) < self.styles_per_content:
            alphas.setdefault(names[int(draw() * len(names))], low + (high - low) * draw())
        return [
            PlannedResult(self.output(content, number), content, style, min(alpha, high))
            for number, (style, alpha) in enumerate(alphas.items(), 1)
        ]

    def output(self, content: str, number: int) -> str:
        """Path of a content's result: its own, with _1, _2 and so on before the suffix where there
        are several; formats that are not written become PNG, `scan.bmp` to `scan.bmp.png`."""
        path = PurePosixPath(content)
        suffix = path.suffix if path.suffix.lower() in WRITABLE_SUFFIXES else f"{path.suffix}.png"
        mark = f"_{number}" if self.styles_per_content > 1 else ""
        return str(path.with_name(f"{path.stem}{mark}{suffix}"))


@dataclass(frozen=True)
class Outcome:
    """What became of a planned result."""

    result: PlannedResult
    """What was planned."""

    status: Literal["written", "found", "skipped"]
    """`found` was there already; `skipped` has a content or a style that cannot be read."""

    problem: str = ""
    """Why it was skipped."""


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


def augment(model: Model, plan: Plan, *, rank: int = 0, ranks: int = 1) -> Iterator[Outcome]:
    """Makes the results of a plan that are not there yet, and their manifest. Each file is there
    whole or not at all.

    Every process needs the same plan and makes the same results, whatever their number: the
    contents from `rank` on in steps of `ranks`.

    Yields:
        One outcome for each result of this process, in the order of the contents.

    Raises:
        InputError: another model made a style file, a result is there that was made otherwise (see
            `record`), or one cannot be written.
    """
    for source in plan.styles.values():
        if source.style is not None:
            check_same_encoder(**{"the model": model.identity, str(source): source.style.encoder})

    @cache
    def encoded(path: Path) -> Style:
        return style_of(model, read_picture(path), shorter_side=plan.style_size)

    # A name alone could be that of another file by now.
    record(plan, f"{Path(model.name).name} ({model.decoder_sha256[:12]})")
    for content in plan.contents[rank::ranks]:
        features: Features | None = None
        for result in plan.results(content):
            path = plan.output_folder / result.output
            if path.exists():
                yield Outcome(result, "found")
                continue
            try:
                if features is None:
                    picture, size = read_picture(plan.content_folder / content), plan.size
                    height, width = picture.shape[1:3]
                    check_writable(path, scaled_size((height, width), size))
                    features = encode(model, picture, shorter_side=size)
                source = plan.styles[result.style]
                style = encoded(source.path) if source.style is None else source.style
            except InputError as error:
                yield Outcome(result, "skipped", str(error))
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, decode(model, transfer(features, style, alpha=result.alpha))[0])
            yield Outcome(result, "written")


def record(plan: Plan, model: str) -> None:
    """Writes `MANIFEST` into the output folder: how each result is made, whether it is there yet or
    not, and by which model. Lines on files of former runs, which are no part of this plan, are
    kept.

    Every process writes the same lines, before its first result: so no result is without one.

    Raises:
        InputError: a file is where a result is to go, and its line in `MANIFEST` is another or
            missing; or `MANIFEST` is damaged.
    """
    folder, path = plan.output_folder, plan.output_folder / MANIFEST
    common = {"size": plan.size, "style_size": plan.style_size, "model": model}
    results = (result for content in plan.contents for result in plan.results(content))
    lines = {result.output: json.dumps({**asdict(result), **common}) for result in results}
    # Before the lines are read: another process may be at work, and writes them before its results.
    there = [name for name in lines if (folder / name).exists()]
    former = _former_lines(path)
    conflicts = [name for name in there if former.get(name) != lines[name]]
    if conflicts:
        name = conflicts[0]
        others = f" (and {len(conflicts) - 1} more)" if len(conflicts) > 1 else ""
        raise InputError(f"{folder / name}{others} {_conflict(former.get(name), lines[name])}")
    for name in former.keys() - lines.keys():
        if (folder / name).exists():
            lines[name] = former[name]
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(f"{lines[name]}\n" for name in sorted(lines)))


def _former_lines(path: Path) -> dict[str, str]:
    """Lines of a manifest by output; none if there is no such file."""
    if not path.exists():
        return {}
    try:
        return {json.loads(line)["output"]: line for line in path.read_text().splitlines()}
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error!r}): give another output folder") from error


def _conflict(former: str | None, line: str) -> str:
    """What to say of a result that is there and whose line is not the one of the plan."""
    if former is None:
        return f"is there, but {MANIFEST} does not say how it was made: give another output folder"
    old, new = json.loads(former), json.loads(line)
    changed = [key for key in new if old.get(key) != new[key]]
    was, now = (", ".join(f"{key} {values.get(key)}" for key in changed) for values in (old, new))
    return (
        f"was made with {was}, now it would be {now}: give the former options and styles or "
        "another output folder, or remove such files"
    )

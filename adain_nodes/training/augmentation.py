"""Sets of pictures in random styles, to train networks on shapes rather than textures (Geirhos et
al., ImageNet-trained CNNs are biased towards texture, ICLR 2019).

    plan = make_plan(Path("photos"), [Path("art")], Path("stylized"))
    for outcome in augment(load_model(), plan):
        print(outcome.status, outcome.result.output)

Results that are there already are left as they are. `MANIFEST`, beside them, says how each was
made: it follows from the plan and the styles that cannot be read, so it is written before the first
result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..files.metadata import Metadata, read_metadata
from ..files.pictures import check_writable, read_picture, write_picture
from ..host.errors import InputError
from ..host.json_text import parse_json
from ..host.writing import write_text
from ..models.model import Model
from ..pipeline.checks import check_same_encoder
from ..pipeline.scaling import scaled_size
from ..pipeline.transfer import decode, encode, style_of, transfer
from ..pipeline.types import Features, Style
from .augmentation_plan import Plan, PlannedResult

MANIFEST = "augmentation.jsonl"
"""Name of the file in the output folder with a line of JSON for each result: the fields of
`augmentation_plan.PlannedResult`, and size, style_size and model."""

BROKEN = "augmentation-broken.txt"
"""Name of the file beside it with the styles that could not be read, one in a line, if there are
any: what replaces them follows from the plan and this list."""


@dataclass(frozen=True)
class Outcome:
    """What became of a planned result."""

    result: PlannedResult
    """What was planned."""

    status: Literal["written", "found", "skipped"]
    """`found` was there already; `skipped` has a content that cannot be read."""

    problem: str = ""
    """Why it was skipped, or its style replaced."""


def augment(model: Model, plan: Plan, *, rank: int = 0, ranks: int = 1) -> Iterator[Outcome]:
    """Makes the results of a plan that are not there yet, and their manifest. Each file is there
    whole or not at all, and keeps the metadata of its content.

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

    def style_for(content: str, index: int) -> tuple[PlannedResult, Style, str]:
        """What a result of a content is to be; a style that cannot be read is noted and replaced,
        with the reason."""
        problem = ""
        while True:
            result = plan.results(content, broken)[index]
            source = plan.styles[result.style]
            try:
                style = encoded(source.path) if source.style is None else source.style
            except InputError as error:
                problem = str(error)
                broken.add(result.style)
                with (plan.output_folder / BROKEN).open("a", encoding="utf-8") as file:
                    file.write(f"{result.style}\n")
            else:
                return result, style, problem

    # A name alone could be that of another file by now.
    label = f"{Path(model.name).name} ({model.decoder_sha256[:12]})"
    broken = record(plan, label)
    known = len(broken)
    for content in plan.contents[rank::ranks]:
        features: Features | None = None
        metadata: Metadata | None = None
        for index, result in enumerate(plan.results(content, broken)):
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
                    metadata = read_metadata(plan.content_folder / content)
            except InputError as error:
                yield Outcome(result, "skipped", str(error))
                continue
            planned, style, problem = style_for(content, index)
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = decode(model, transfer(features, style, alpha=planned.alpha))
            write_picture(path, picture, metadata=metadata)
            yield Outcome(planned, "written", problem)
    if len(broken) > known:
        record(plan, label)


def record(plan: Plan, model: str) -> set[str]:
    """Writes `MANIFEST` into the output folder: how each result is made, whether it is there yet or
    not, and by which model. Lines on files of former runs, which are no part of this plan, are
    kept.

    Every process writes the same lines, before its first result, so that none is without one; and
    again at its end if it has found styles that cannot be read.

    Returns:
        The styles in `BROKEN`.

    Raises:
        InputError: a file is where a result is to go, and its line in `MANIFEST` is another or
            missing; or `MANIFEST` is damaged.
    """
    folder, path = plan.output_folder, plan.output_folder / MANIFEST
    common = {"size": plan.size, "style_size": plan.style_size, "model": model}
    listed = folder / BROKEN
    broken = set(listed.read_text("utf-8").splitlines() if listed.exists() else ())
    broken &= plan.styles.keys()
    results = (result for content in plan.contents for result in plan.results(content, broken))
    lines = {result.output: _line(result, common) for result in results}
    # Before the lines are read: another process may be at work, and writes them before its results.
    there = [name for name in lines if (folder / name).exists()]
    former = _former_lines(path)
    stale = {name for name, line in former.items() if json.loads(line).get("style") in broken}
    conflicts = [name for name in there if name not in stale and former.get(name) != lines[name]]
    if conflicts:
        name = conflicts[0]
        others = f" (and {len(conflicts) - 1} more)" if len(conflicts) > 1 else ""
        raise InputError(f"{folder / name}{others} {_conflict(former.get(name), lines[name])}")
    for name in former.keys() - lines.keys():
        if (folder / name).exists():
            lines[name] = former[name]
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(f"{lines[name]}\n" for name in sorted(lines)))
    return broken


def _line(result: PlannedResult, common: dict[str, Any]) -> str:
    fields = {name: value for name, value in asdict(result).items() if value is not None}
    return json.dumps({**fields, **common})


def _former_lines(path: Path) -> dict[str, str]:
    """Lines of a manifest by output; none if there is no such file."""
    if not path.exists():
        return {}
    try:
        return {parse_json(line)["output"]: line for line in path.read_text().splitlines()}
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

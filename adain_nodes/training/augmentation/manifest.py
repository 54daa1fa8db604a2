"""How each result of an augmented set of pictures was made: a file of JSON lines beside them.

It follows from the plan alone, so it is written whole, before the first result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ...host.errors import InputError
from ...host.writing import written_whole
from .plan import Plan

MANIFEST = "augmentation.jsonl"
"""Name of the file in the output folder: one line of JSON for each result, the fields of
`augmentation_plan.PlannedResult` and size, style_size and model."""


def record(plan: Plan, model: str) -> None:
    """Writes `MANIFEST` into the output folder: how each result is made, whether it is there yet or
    not. Lines on files of former runs, which are no part of this plan, are kept.

    Every process writes the same lines, before its first result: so no result is without one.

    Args:
        plan: what is to be made.
        model: what to call the model in use; to tell it from all others.

    Raises:
        InputError: a file is where a result is to go, and its line in `MANIFEST` is another or
            missing.
    """
    folder = plan.output_folder
    path = folder / MANIFEST
    lines = dict(_lines(plan, model))
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
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary, temporary.open("w") as file:
        file.writelines(f"{lines[name]}\n" for name in sorted(lines))


def _lines(plan: Plan, model: str) -> Iterator[tuple[str, str]]:
    """Output and line of each result."""
    common = {"size": plan.options.size, "style_size": plan.options.style_size, "model": model}
    for content in plan.contents:
        for result in plan.results(content):
            yield result.output, json.dumps({**asdict(result), **common})


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

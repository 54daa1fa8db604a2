from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adain_nodes.files.styles import StyleSource
from adain_nodes.host.errors import InputError
from adain_nodes.training.augmentation import manifest
from adain_nodes.training.augmentation.manifest import MANIFEST, record
from adain_nodes.training.augmentation.plan import AugmentationOptions, Plan


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Of which the first result is there."""
    contents = tuple(f"{letter}.jpg" for letter in "abcdef")
    styles = {name: StyleSource(Path(name)) for name in ("ink.png", "oil.png")}
    plan = Plan(tmp_path / "in", tmp_path / "out", contents, styles, AugmentationOptions())
    record(plan, "tiny")
    (plan.output_folder / "a.jpg").touch()
    return plan


def lines(plan: Plan) -> dict[str, dict[str, object]]:
    text = (plan.output_folder / MANIFEST).read_text()
    return {(line := json.loads(row))["output"]: line for row in text.splitlines()}


def test_every_process_writes_the_same(plan: Plan) -> None:
    path = plan.output_folder / MANIFEST
    before = path.read_bytes()
    record(plan, "tiny")
    assert path.read_bytes() == before
    assert list(lines(plan)) == list(plan.contents)
    assert sorted(child.name for child in plan.output_folder.iterdir()) == ["a.jpg", MANIFEST]


def test_a_result_of_another_process_at_work_is_no_conflict(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(plan, output_folder=tmp_path / "new")
    read = manifest._former_lines

    def overtaken(path: Path) -> dict[str, str]:
        lines = read(path)
        path.parent.mkdir()
        (path.parent / "b.jpg").touch()
        return lines

    monkeypatch.setattr(manifest, "_former_lines", overtaken)
    record(plan, "tiny")
    assert list(lines(plan)) == list(plan.contents)


def test_lines_on_other_results_stay_as_long_as_those(plan: Plan) -> None:
    other = replace(plan, contents=("e.jpg", "f.jpg", "g.jpg"))
    (plan.output_folder / "b.jpg").touch()
    record(other, "other")
    assert list(lines(plan)) == ["a.jpg", "b.jpg", "e.jpg", "f.jpg", "g.jpg"]
    assert [line["model"] for line in lines(plan).values()] == ["tiny"] * 2 + ["other"] * 3
    (plan.output_folder / "b.jpg").unlink()
    record(other, "other")
    assert list(lines(plan)) == ["a.jpg", "e.jpg", "f.jpg", "g.jpg"]


@pytest.mark.parametrize(
    ("changes", "model", "message"),
    [
        ({"alpha": (0.5, 0.5)}, "tiny", "was made with alpha 1.0, now it would be alpha 0.5: "),
        (
            {"size": 8, "style_size": 9},
            "tiny",
            "was made with size 0, style_size 512, now .* 8, .* 9: ",
        ),
        ({}, "other", "was made with model tiny, now it would be model other: "),
    ],
)
def test_results_that_are_there_must_be_those_of_the_plan(
    plan: Plan, changes: dict[str, object], model: str, message: str
) -> None:
    other = replace(plan, options=replace(plan.options, **changes))  # type: ignore[arg-type]
    before = lines(plan)
    with pytest.raises(InputError, match=f"a.jpg {message}"):
        record(other, model)
    (plan.output_folder / "b.jpg").touch()
    with pytest.raises(InputError, match=rf"a.jpg \(and 1 more\) {message}"):
        record(other, model)
    assert lines(plan) == before
    for name in ("a.jpg", "b.jpg"):
        (plan.output_folder / name).unlink()
    record(other, model)
    assert lines(plan) != before


def test_another_seed_is_refused_where_it_changes_what_is_there(plan: Plan) -> None:
    result = plan.results("a.jpg")[0]
    outcomes = set()
    for seed in range(1, 10):
        other = replace(plan, options=replace(plan.options, seed=seed))
        same = other.results("a.jpg")[0] == result
        outcomes.add(same)
        if not same:
            with pytest.raises(InputError, match=f"was made with style {result.style}, now"):
                record(other, "tiny")
    assert outcomes == {True, False}


def test_files_of_others_are_in_the_way(plan: Plan) -> None:
    (plan.output_folder / MANIFEST).unlink()
    with pytest.raises(InputError, match=r"a\.jpg is there, but .* give another output folder"):
        record(plan, "tiny")
    assert not (plan.output_folder / MANIFEST).exists()


@pytest.mark.parametrize("text", ["{", "[]\n", "3\n", "{}\n"])
def test_a_damaged_manifest_is_refused(plan: Plan, text: str) -> None:
    path = plan.output_folder / MANIFEST
    path.write_text(text)
    with pytest.raises(InputError, match="is damaged"):
        record(plan, "tiny")
    assert path.read_text() == text

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adain_nodes.files.styles import StyleSource, save_style
from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Style
from adain_nodes.training import augmentation
from adain_nodes.training.augmentation import MANIFEST, record
from adain_nodes.training.augmentation_plan import Plan, find_styles, make_plan

STYLES = ("ink.png", "oil.png", "old/oil.png", "pen.png", "pop.png")


def plan_of(styles: tuple[str, ...] = STYLES, **options: Any) -> Plan:
    sources = {name: StyleSource(Path(name)) for name in styles}
    return Plan(Path("in"), Path("out"), (), sources, **options)


def contents(count: int) -> list[str]:
    return [f"class-{index % 7}/{index}.jpg" for index in range(count)]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_what_was_drawn_stays() -> None:
    """Results of an earlier version must be found again, not made anew in other styles."""
    plan = plan_of(seed=3, styles_per_content=2, alpha=(0.25, 0.75))
    drawn = [(result.style, round(result.alpha, 3)) for result in plan.results("a/b.jpg")]
    assert drawn == [("pen.png", 0.484), ("oil.png", 0.32)]


def test_styles_are_drawn_equally_often_and_alphas_evenly() -> None:
    results = [plan_of(alpha=(0.2, 0.6)).results(content)[0] for content in contents(2000)]
    counts = Counter(result.style for result in results)
    assert counts.keys() == set(STYLES)
    assert all(320 < count < 480 for count in counts.values())  # 400 +- 4.5 deviations
    quarters = Counter(int((result.alpha - 0.2) / 0.1) for result in results)
    assert quarters.keys() == {0, 1, 2, 3}
    assert all(410 < count < 590 for count in quarters.values())


def test_the_styles_of_a_content_differ() -> None:
    plan = plan_of(styles_per_content=len(STYLES))
    orders = {tuple(result.style for result in plan.results(name)) for name in contents(30)}
    assert all(sorted(order) == sorted(STYLES) for order in orders)
    assert len(orders) > 15


def test_a_fixed_alpha_is_that() -> None:
    assert {plan_of(alpha=(0.7, 0.7)).results(name)[0].alpha for name in contents(50)} == {0.7}


def test_seed_and_path_decide() -> None:
    first, second = (
        [plan_of(seed=seed).results(name)[0].style for name in contents(100)] for seed in (0, 1)
    )
    assert sum(map(str.__eq__, first, second)) < 50
    assert len({plan_of().results(f"{folder}/a.jpg")[0].alpha for folder in "abc"}) == 1
    assert len({plan_of().results(f"{folder}/a.jpg")[0].style for folder in "abcdefgh"}) > 1


def test_names_that_are_no_utf8_are_drawn_for() -> None:
    assert plan_of().results("photo-\udcff.jpg")[0].style in STYLES


def test_fewer_results_are_the_first_of_more() -> None:
    for name in contents(50):
        two, three = (plan_of(styles_per_content=k).results(name) for k in (2, 3))
        assert three[:2] == two


@pytest.mark.parametrize(
    ("content", "one", "second"),
    [
        ("cat.jpg", "cat.jpg", "cat_2.jpg"),
        ("a/b/cat.PNG", "a/b/cat.PNG", "a/b/cat_2.PNG"),
        ("a/cat.v1.webp", "a/cat.v1.webp", "a/cat.v1_2.webp"),
        ("scan.tif", "scan.tif.png", "scan_2.tif.png"),
    ],
)
def test_results_are_named_like_their_content(content: str, one: str, second: str) -> None:
    assert plan_of().results(content)[0].output == one
    assert plan_of(styles_per_content=2).results(content)[1].output == second


def test_contents_are_found_below_links_but_not_behind_dots(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    touch(folder, "b.jpg", "a/2.PNG", "a/1.png", "a/x/1.gif", "notes.txt", ".hidden.jpg")
    touch(folder, ".trash/1.jpg", "._b.jpg")
    touch(elsewhere, "1.jpg")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "a.jpg").symlink_to(elsewhere / "1.jpg")
    (folder / "gone.jpg").symlink_to(elsewhere / "none.jpg")
    (folder / "a" / "up").symlink_to(folder)
    (folder / "folder.jpg").mkdir()
    touch(tmp_path, "style.png")
    plan = make_plan(folder, [tmp_path / "style.png"], tmp_path / "out")
    found = ("a.jpg", "a/1.png", "a/2.PNG", "a/x/1.gif", "b.jpg", "gone.jpg", "linked/1.jpg")
    assert plan.contents == found


def test_styles_are_pictures_and_each_of_a_bank(tmp_path: Path) -> None:
    folder = tmp_path / "art"
    touch(folder, "b/oil.jpg", "ink.png", "notes.txt")
    for name, count in (("bank", 2), ("b/one", 1)):
        statistics = Statistics(torch.ones(count, 4), torch.ones(count, 4))
        style = Style(statistics, EncoderIdentity("5" * 64, "five"))
        save_style(folder / f"{name}.safetensors", style)
    bank = folder / "bank.safetensors"
    assert find_styles(folder) == {
        "b/oil.jpg": StyleSource(folder / "b/oil.jpg"),
        "b/one.safetensors": StyleSource(folder / "b/one.safetensors"),
        "bank.safetensors 1": StyleSource(bank, 1),
        "bank.safetensors 2": StyleSource(bank, 2),
        "ink.png": StyleSource(folder / "ink.png"),
    }
    assert list(find_styles(bank)) == ["bank.safetensors 1", "bank.safetensors 2"]
    several = find_styles(folder / "b", folder / "ink.png", bank)
    assert list(several) == [
        "b/oil.jpg", "b/one.safetensors", "ink.png", "bank.safetensors 1", "bank.safetensors 2",
    ]  # fmt: skip
    touch(tmp_path, "other/ink.png")
    with pytest.raises(InputError, match=r"art.ink\.png and .*other.ink\.png would both be"):
        find_styles(folder / "ink.png", tmp_path / "other/ink.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"styles_per_content": 0}, "at least 1, got 0"),
        ({"alpha": (0.6, 0.5)}, "got 0.6 to 0.5"),
        ({"alpha": (-0.1, 0.5)}, "got -0.1 to 0.5"),
        ({"alpha": (0.5, 1.1)}, "got 0.5 to 1.1"),
        ({"alpha": (0.5, float("nan"))}, "got 0.5 to nan"),
        ({"size": -1}, "size must be 0 .* got -1"),
        ({"style_size": -2}, "style size must be 0 .* got -2"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_of(**options)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("none", "art", "out"), "none does not exist"),
        (("empty", "art", "out"), "empty has no file that ends in .*.bmp, "),
        (("in/cat.png", "art", "out"), "cat.png is not a folder"),
        (("in", "none", "out"), "none does not exist"),
        (("in", "empty", "out"), "empty has no file"),
        (
            ("in", "damaged.safetensors", "out"),
            "damaged.safetensors is empty",
        ),
        (
            ("in", "art/oil.png", "out"),
            "2 styles per content need at least 2, but art.oil.png has 1",
        ),
        (("in", "art", "in"), "must not lie within each other"),
        (("in", "art", "in/out"), "must not lie within each other"),
        (("in", "art", "."), "must not lie within each other"),
        (("in", "art", "linked/out"), "must not lie within each other"),
        (("in", "art", "art/out"), "must not lie within each other"),
        (("in", "art", "notes.txt"), "notes.txt, where results are to go, is not a folder"),
    ],
)
def test_folders_that_do_not_do_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folders: tuple[str, str, str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "in/cat.png", "art/oil.png", "art/ink.png", "notes.txt", "damaged.safetensors")
    Path("empty").mkdir()
    Path("linked").symlink_to("in")
    content, style, output = map(Path, folders)
    with pytest.raises(InputError, match=message):
        make_plan(content, [style], output, styles_per_content=2)


def test_contents_of_one_name_keep_apart_or_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.jpg", "in/a.png", "in/a.bmp", "in/a.gif", "art/oil.png")
    folders = (tmp_path / "in", [tmp_path / "art"], tmp_path / "out")
    plan = make_plan(*folders)
    outputs = {result.output for name in plan.contents for result in plan.results(name)}
    assert outputs == {"a.jpg", "a.png", "a.bmp.png", "a.gif.png"}
    touch(tmp_path, "in/a.gif.png")
    with pytest.raises(InputError, match=r"a\.gif and .*a\.gif\.png would both become .*rename"):
        make_plan(*folders)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Of which the first result is there."""
    contents = tuple(f"{letter}.jpg" for letter in "abcdef")
    styles = {name: StyleSource(Path(name)) for name in ("ink.png", "oil.png")}
    plan = Plan(tmp_path / "in", tmp_path / "out", contents, styles)
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
    read = augmentation._former_lines

    def overtaken(path: Path) -> dict[str, str]:
        lines = read(path)
        path.parent.mkdir()
        (path.parent / "b.jpg").touch()
        return lines

    monkeypatch.setattr(augmentation, "_former_lines", overtaken)
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
    other = replace(plan, **changes)  # type: ignore[arg-type]
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
        other = replace(plan, seed=seed)
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

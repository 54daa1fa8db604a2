from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from adain_nodes.files.styles import StyleSource, save_style
from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Style
from adain_nodes.training.augmentation.plan import AugmentationOptions, Plan, find_styles, make_plan

STYLES = ("ink.png", "oil.png", "old/oil.png", "pen.png", "pop.png")


def plan_of(styles: tuple[str, ...] = STYLES, **options: Any) -> Plan:
    sources = {name: StyleSource(Path(name)) for name in styles}
    return Plan(Path("in"), Path("out"), (), sources, AugmentationOptions(**options))


def contents(count: int) -> list[str]:
    return [f"class-{index % 7}/{index}.jpg" for index in range(count)]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_draw_is_the_lottery_of_splitmix64() -> None:
    plan = plan_of(seed=3, styles_per_content=2, alpha=(0.25, 0.75))

    def numbers(text: str) -> tuple[int, int]:
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")

    def ticket(draw: int, style: str) -> int:
        value = draw ^ numbers(style)[0]
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    for content in contents(20):
        left = list(STYLES)
        for number, result in enumerate(plan.results(content), 1):
            draw, strength = numbers(f"3\0{content}\0{number}")
            winner = min(left, key=lambda style: ticket(draw, style))
            left.remove(winner)
            assert result.style == winner
            assert result.alpha == pytest.approx(0.25 + 0.5 * strength / 2**64)


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


def test_a_further_style_changes_only_what_it_wins() -> None:
    before, after = plan_of(), plan_of(("new.png", *STYLES))
    changed = 0
    for name in contents(300):
        old, new = before.results(name)[0], after.results(name)[0]
        assert new == old or new.style == "new.png"
        changed += new != old
    assert 25 < changed < 75  # 50 +- 4 deviations


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
    plan = make_plan(folder, tmp_path / "style.png", tmp_path / "out")
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
        (("empty", "art", "out"), "empty has no file that ends in .bmp, "),
        (("in/cat.png", "art", "out"), "cat.png is not a folder"),
        (("in", "none", "out"), "none does not exist"),
        (("in", "empty", "out"), "empty has no file"),
        (
            ("in", "damaged.safetensors", "out"),
            "damaged.safetensors cannot be read as a style file",
        ),
        (("in", "art/oil.png", "out"), "2 styles per content .* which has 1"),
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
    options = AugmentationOptions(styles_per_content=2)
    content, style, output = map(Path, folders)
    with pytest.raises(InputError, match=message):
        make_plan(content, style, output, options)


def test_contents_of_one_name_keep_apart_or_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.jpg", "in/a.png", "in/a.bmp", "in/a.gif", "art/oil.png")
    folders = (tmp_path / "in", tmp_path / "art", tmp_path / "out")
    plan = make_plan(*folders)
    outputs = {result.output for name in plan.contents for result in plan.results(name)}
    assert outputs == {"a.jpg", "a.png", "a.bmp.png", "a.gif.png"}
    touch(tmp_path, "in/a.gif.png")
    with pytest.raises(InputError, match=r"a\.gif and .*a\.gif\.png would both become .*rename"):
        make_plan(*folders)

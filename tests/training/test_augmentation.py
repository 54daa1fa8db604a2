from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import ExifTags, Image
from torch import Tensor

from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.files.styles import save_style
from adain_nodes.host.errors import InputError
from adain_nodes.models.model import Model
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.transfer import stack_styles
from adain_nodes.pipeline.types import Style
from adain_nodes.training import augmentation
from adain_nodes.training.augmentation import BROKEN, MANIFEST, Outcome, augment
from adain_nodes.training.augmentation_plan import Plan, make_plan

CONTENTS = ("a/1.png", "a/1.jpg", "a/b/2.webp", "3.png", "4.png", "5.png", "6.png")
STYLES = ("oil.png", "old/ink.png", "pen.png")
OPTIONS: dict[str, Any] = {"styles_per_content": 2, "alpha": (0.4, 1.0), "style_size": 16}

pytestmark = pytest.mark.usefixtures("pictures")


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree of contents of several sizes and a tree of styles, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate(CONTENTS):
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, torch.rand(17 + index, 30 - index, 3))
    for index, name in enumerate(STYLES, 1):
        path = Path("art", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, torch.rand(20, 24, 3) ** index)


def plan_into(output: str, options: dict[str, Any] = OPTIONS) -> Plan:
    return make_plan(Path("in"), [Path("art")], Path(output), **options)


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.result.output: outcome.status for outcome in outcomes}


def files(folder: str) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def identities(folder: str) -> dict[str, tuple[int, int]]:
    """What changes when a file is written anew."""
    return {
        name: (Path(folder, name).stat().st_ino, Path(folder, name).stat().st_mtime_ns)
        for name in files(folder)
        if name != MANIFEST
    }


def break_picture(path: str) -> None:
    """Cuts a picture short behind its head."""
    file = Path(path)
    file.write_bytes(file.read_bytes()[:-200])


def test_results_keep_the_metadata_of_their_content(model: Model) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "somebody"
    Image.new("RGB", (20, 20)).save("in/a/1.jpg", exif=exif)
    list(augment(model, plan_into("out", {"style_size": 16})))
    with Image.open("out/a/1.jpg") as image:
        assert image.getexif()[ExifTags.Base.Copyright] == "somebody"
    with Image.open("out/a/1.png") as image:
        assert not image.getexif()


def test_results_are_those_of_the_pipeline_in_a_tree_of_the_same_paths(model: Model) -> None:
    plan = plan_into("out")
    outcomes = list(augment(model, plan))
    assert {outcome.status for outcome in outcomes} == {"written"}
    names = {
        f"{name.rpartition('.')[0]}_{number}.{name.rpartition('.')[2]}"
        for name in CONTENTS
        for number in (1, 2)
    }
    assert files("out").keys() == names | {MANIFEST}
    for outcome in outcomes:
        result = outcome.result
        if result.output.endswith(".png"):
            content = transfer.encode(model, read_picture(Path("in", result.content)))
            art = read_picture(Path("art", result.style))
            style = transfer.style_of(model, art, shorter_side=16)
            expected = transfer.decode(model, transfer.transfer(content, style, alpha=result.alpha))
            shown = read_picture(Path("out", result.output))
            torch.testing.assert_close(shown, expected, atol=0.51 / 255, rtol=0)
    assert 0.4 <= min(o.result.alpha for o in outcomes) < max(o.result.alpha for o in outcomes) <= 1


def test_another_decoder_of_the_same_name_is_refused(model: Model) -> None:
    list(augment(model, plan_into("out")))
    # The same model by another path is none.
    list(augment(replace(model, name=f"./{model.name}"), plan_into("out")))
    other = replace(model, decoder_sha256="0" * 64)
    with pytest.raises(InputError, match=r"was made with model tiny \(.*now .* tiny \(000000"):
        list(augment(other, plan_into("out")))


def test_contents_are_scaled(model: Model) -> None:
    list(augment(model, plan_into("out", {"size": 12})))
    sizes = {name: read_picture(Path("out", name)).shape[1:3] for name in CONTENTS}
    assert {min(size) for size in sizes.values()} == {12}
    assert sizes["a/1.png"] == (12, 21)


def test_transparency_stays(model: Model) -> None:
    picture = torch.rand(16, 16, 4)
    write_picture(Path("in/clear.png"), picture)
    list(augment(model, plan_into("out")))
    shown = read_picture(Path("out/clear_1.png"))[0]
    torch.testing.assert_close(shown[..., 3], picture[..., 3], atol=0.51 / 255, rtol=0)


@pytest.mark.parametrize("ranks", [2, 3, 9])
def test_shards_are_disjoint_and_together_the_single_run(model: Model, ranks: int) -> None:
    list(augment(model, plan_into("single")))
    seen: list[str] = []
    for rank in reversed(range(ranks)):
        outcomes = list(augment(model, plan_into("shards"), rank=rank, ranks=ranks))
        assert {outcome.status for outcome in outcomes} <= {"written"}
        assert len(outcomes) in (2 * (len(CONTENTS) // ranks), 2 * (len(CONTENTS) // ranks + 1))
        seen += [outcome.result.output for outcome in outcomes]
    assert len(seen) == len(set(seen)) == 2 * len(CONTENTS)
    assert files("shards") == files("single")


def test_shards_may_run_at_the_same_time(model: Model) -> None:
    list(augment(model, plan_into("single")))
    shards: list[Iterator[Outcome]] = [
        augment(model, plan_into("shards"), rank=rank, ranks=2) for rank in (0, 1)
    ]
    while shards:
        shards = [shard for shard in shards if next(shard, None) is not None]
    assert files("shards") == files("single")


def test_a_run_that_was_stopped_goes_on_and_rewrites_nothing(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(augment(model, plan_into("single")))
    assert len(list(islice(augment(model, plan_into("out")), 5))) == 5
    Path("out/a").mkdir(exist_ok=True)
    Path("out/a/.1_1.jpg.partial").write_bytes(b"half")  # as a killed process leaves it
    before = identities("out")
    assert len(before) == 6
    read = []

    def noted(path: Path) -> Tensor:
        read.append(path.as_posix())
        return read_picture(path)

    monkeypatch.setattr(augmentation, "read_picture", noted)
    outcomes = list(augment(model, plan_into("out")))
    found = [name for name, status in statuses(outcomes).items() if status == "found"]
    assert sorted(found) == sorted(name for name in before if not name.endswith(".partial"))
    assert all(identities("out")[name] == before[name] for name in found)
    # A content is read once if something of it is missing, otherwise never.
    unfinished = {o.result.content for o in outcomes if o.status == "written"}
    contents = sorted(name for name in read if name.startswith("in/"))
    assert contents == sorted(f"in/{name}" for name in unfinished)
    assert unfinished < set(CONTENTS)
    single = files("single")
    assert {name: data for name, data in files("out").items() if name in single} == single


def test_what_is_killed_while_writing_leaves_nothing_that_counts(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(image: Image.Image, file: BytesIO, *_: object, **__: object) -> None:
        file.write(image.tobytes()[:10])
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", cut_short)
        with pytest.raises(InputError, match="cannot be written: no space left"):
            list(augment(model, plan_into("out")))
    assert files("out").keys() == {MANIFEST}
    list(augment(model, plan_into("single")))
    list(augment(model, plan_into("out")))
    assert files("out") == files("single")


def test_further_contents_change_nothing_else(model: Model) -> None:
    list(augment(model, plan_into("out")))
    before, kept = files("out"), identities("out")
    for name in ("0.png", "a/0.jpg", "4.webp"):
        write_picture(Path("in", name), torch.rand(16, 16, 3))
    new = statuses(list(augment(model, plan_into("out"))))
    assert sum(status == "written" for status in new.values()) == 6
    after = files("out")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert kept.items() <= identities("out").items()


def test_a_broken_content_is_skipped_and_done_once_it_is_repaired(model: Model) -> None:
    whole = Path("in/4.png").read_bytes()
    break_picture("in/4.png")
    outcomes = list(augment(model, plan_into("out")))
    skipped = [outcome for outcome in outcomes if outcome.status == "skipped"]
    assert [outcome.result.output for outcome in skipped] == ["4_1.png", "4_2.png"]
    assert all("in/4.png cannot be read as a picture" in outcome.problem for outcome in skipped)
    assert len(files("out")) == 2 * len(CONTENTS) - 2 + 1
    Path("in/4.png").write_bytes(whole)
    list(augment(model, plan_into("out")))
    list(augment(model, plan_into("single")))
    assert files("out") == files("single")


def test_a_broken_style_is_replaced_by_another_draw(model: Model) -> None:
    drawn = {r.output: r for c in CONTENTS for r in plan_into("out", {}).results(c)}
    break_picture("art/pen.png")
    outcomes = list(augment(model, plan_into("out", {})))
    assert {outcome.status for outcome in outcomes} == {"written"}
    assert files("out").keys() == {*CONTENTS, MANIFEST, BROKEN}
    assert Path("out", BROKEN).read_text().splitlines() == ["pen.png"]
    assert sum("pen.png cannot be read" in outcome.problem for outcome in outcomes) == 1
    rows = Path("out", MANIFEST).read_text().splitlines()
    lines = {(line := json.loads(row))["output"]: line for row in rows}
    replaced = {name for name, result in drawn.items() if result.style == "pen.png"}
    assert 0 < len(replaced) < len(CONTENTS)
    for name, result in drawn.items():
        assert lines[name].get("replaces") == ("pen.png" if name in replaced else None)
        assert (lines[name]["style"] == result.style) == (name not in replaced)
    for outcome in outcomes:
        assert lines[outcome.result.output]["style"] == outcome.result.style


@pytest.mark.parametrize("ranks", [2, 3])
def test_processes_and_restarts_replace_it_alike(model: Model, ranks: int) -> None:
    break_picture("art/pen.png")
    list(augment(model, plan_into("single")))
    for rank in range(ranks):
        # A process that is killed has written some results, and not its manifest again.
        list(islice(augment(model, plan_into("out"), rank=rank, ranks=ranks), 2))
    for rank in reversed(range(ranks)):
        list(augment(model, plan_into("out"), rank=rank, ranks=ranks))
    assert files("out") == files("single")


def test_no_style_left_is_an_error(model: Model) -> None:
    for path in Path("art").rglob("*.png"):
        break_picture(str(path))
    with pytest.raises(InputError, match=r"styles per content need at least .* cannot be read"):
        list(augment(model, plan_into("out")))


def test_each_style_is_encoded_once(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def counted(model: Model, picture: Tensor, *, shorter_side: int) -> Style:
        shapes.append(tuple(picture.shape))
        return transfer.style_of(model, picture, shorter_side=shorter_side)

    monkeypatch.setattr(augmentation, "style_of", counted)
    used = {outcome.result.style for outcome in augment(model, plan_into("out"))}
    assert used == set(STYLES)
    assert len(shapes) == len(STYLES)


def test_style_files_stand_for_their_pictures(model: Model) -> None:
    arts = [read_picture(Path("art", name)) for name in STYLES]
    bank = [transfer.style_of(model, art, shorter_side=16) for art in arts]
    save_style(Path("bank.safetensors"), stack_styles(bank))
    plan = make_plan(Path("in"), [Path("bank.safetensors")], Path("out"), **OPTIONS)
    outcomes = list(augment(model, plan))
    assert {o.result.style for o in outcomes} == {f"bank.safetensors {n}" for n in (1, 2, 3)}
    result = next(o.result for o in outcomes if o.result.content == "3.png")
    content = transfer.encode(model, read_picture(Path("in/3.png")))
    style = bank[int(result.style[-1]) - 1]
    expected = transfer.decode(model, transfer.transfer(content, style, alpha=result.alpha))
    shown = read_picture(Path("out", result.output))
    torch.testing.assert_close(shown, expected, atol=0.51 / 255, rtol=0)


def test_a_style_of_another_encoder_is_refused_before_anything_is_written(model: Model) -> None:
    style = transfer.style_of(model, read_picture(Path("art/oil.png")))
    stranger = Style(style.statistics, EncoderIdentity("5" * 64, "stranger"))
    save_style(Path("art/stranger.safetensors"), stranger)
    with pytest.raises(InputError, match=r"stranger\.safetensors from stranger"):
        list(augment(model, plan_into("out")))
    assert not Path("out").exists()


def test_the_manifest_says_how_each_result_was_made(model: Model) -> None:
    outcomes = list(augment(model, plan_into("out")))
    lines = [json.loads(line) for line in Path("out", MANIFEST).read_text().splitlines()]
    label = f"tiny ({model.decoder_sha256[:12]})"
    expected = [
        {**vars(outcome.result), "size": 0, "style_size": 16, "model": label}
        for outcome in sorted(outcomes, key=lambda outcome: outcome.result.output)
    ]
    assert [{**line, "replaces": None} for line in lines] == expected
    assert not any("replaces" in line for line in lines)

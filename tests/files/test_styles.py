"""Styles on file: what comes back, what is refused, and names that stay in their folder."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open

from adain_nodes.files.styles import (
    describe_style,
    find_style,
    list_styles,
    load_style,
    new_style_path,
    save_style,
)
from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity, write_tensors
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Style

ONE = EncoderIdentity("1" * 64, "one")
OTHER = EncoderIdentity("2" * 64, "other")


def bank_of(count: int) -> Style:
    return Style(Statistics(torch.randn(count, 6), torch.rand(count, 6) + 0.1), ONE)


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        metadata: dict[str, str] = file.metadata()
        return metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oil.safetensors"


@pytest.mark.parametrize("count", [1, 3])
def test_a_style_comes_back_bit_by_bit(path: Path, count: int) -> None:
    style = bank_of(count)
    save_style(path, style)
    again = load_style(path)
    assert torch.equal(again.statistics.mean, style.statistics.mean)
    assert torch.equal(again.statistics.std, style.statistics.std)
    assert again.statistics.mean.dtype == torch.float32
    assert (again.encoder, again.encoder.name) == (ONE, "one")
    info = describe_style(path)
    assert (info.encoder, info.count, info.sources, info.preview) == (ONE, count, (), None)


def test_a_file_says_where_its_styles_come_from(path: Path) -> None:
    pictures = [torch.rand(40, 60, 3), torch.rand(30, 20, 1)]
    save_style(path, bank_of(2), sources=["öl, matt.jpg", "ink.png"], preview=pictures)
    info = describe_style(path)
    assert info.sources == ("öl, matt.jpg", "ink.png")
    assert info.preview is not None
    with Image.open(io.BytesIO(info.preview)) as preview:
        assert preview.format == "JPEG"
    # Where ComfyUI's model library looks for a picture and a title.
    metadata = metadata_of(path)
    head, _, encoded = metadata["modelspec.thumbnail"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(encoded) == info.preview
    assert not any(key.endswith(("title", "name")) for key in metadata)


def test_a_file_is_small(path: Path) -> None:
    style = Style(Statistics(torch.randn(1, 512), torch.rand(1, 512) + 0.1), ONE)
    save_style(path, style, preview=[torch.rand(200, 300, 3)])
    assert path.stat().st_size < 20_000


def test_a_style_in_use_does_not_change_with_its_file(path: Path) -> None:
    save_style(path, bank_of(1))
    style = load_style(path)
    before = style.statistics.mean.clone()
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(style.statistics.mean, before)


def test_a_style_of_another_encoder_is_refused_by_both_names(path: Path) -> None:
    save_style(path, bank_of(1))
    assert load_style(path, encoder=replace(ONE, name="alias")).encoder == ONE
    with pytest.raises(InputError) as error:
        load_style(path, encoder=OTHER)
    for part in (str(path), "one (111111111111)", "the model", "other (222222222222)"):
        assert part in str(error.value)


def test_sources_for_some_styles_only_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="got 1 for 2"):
        save_style(path, bank_of(2), sources=["oil.jpg"])
    assert not path.exists()


def test_a_write_that_fails_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_style(path, bank_of(1))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match=r"oil\.safetensors cannot be written: disk full"):
        save_style(path, bank_of(2))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(path: Path, length: int) -> None:
    save_style(path, bank_of(1))
    path.write_bytes(path.read_bytes()[:length])
    for read in (load_style, describe_style):
        with pytest.raises(InputError, match=r"oil\.safetensors cannot be read as a style file"):
            read(path)


def test_what_is_no_style_file_is_refused(path: Path, tmp_path: Path) -> None:
    for read in (load_style, describe_style):
        with pytest.raises(InputError, match=r"oil\.safetensors cannot be read"):
            read(path)
        with pytest.raises(InputError, match=r"cannot be read"):
            read(tmp_path)
    write_tensors(path, {"mean": torch.zeros(1, 2)}, {"format": "adain-decoder"})
    for read in (load_style, describe_style):
        with pytest.raises(InputError, match=r"oil\.safetensors is not a style file"):
            read(path)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        (torch.zeros(4), torch.ones(4)),
        (torch.zeros(1, 4), torch.ones(1, 3)),
        (torch.zeros(1, 4), torch.zeros(1, 4)),
        (torch.full((1, 4), float("nan")), torch.ones(1, 4)),
        (torch.zeros(1, 4), torch.full((1, 4), float("inf"))),
        (torch.zeros(1, 4).half(), torch.ones(1, 4).half()),
        (torch.zeros(0, 4), torch.ones(0, 4)),
    ],
)
def test_statistics_that_are_none_are_refused(
    path: Path, mean: torch.Tensor, std: torch.Tensor
) -> None:
    save_style(path, bank_of(1))
    write_tensors(path, {"mean": mean, "std": std}, metadata_of(path))
    with pytest.raises(InputError, match=r"oil\.safetensors is damaged"):
        load_style(path)


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": None},
        {"sources": None},
        {"sources": "oil.jpg"},
        {"sources": "3"},
        {"modelspec.thumbnail": "data:image/jpeg;base64,?"},
    ],
)
def test_damaged_metadata_is_refused(path: Path, change: dict[str, str | None]) -> None:
    style = bank_of(1)
    save_style(path, style)
    changed = {**metadata_of(path), **change}
    metadata = {key: value for key, value in changed.items() if value is not None}
    tensors = {"mean": style.statistics.mean, "std": style.statistics.std}
    write_tensors(path, tensors, metadata)
    with pytest.raises(InputError, match=r"oil\.safetensors is damaged"):
        describe_style(path)


def test_styles_of_all_folders_and_subfolders_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("one/b", "one/art/a", "two/B2", "two/b", "two/.hidden"):
        save_style(tmp_path / f"{name}.safetensors", bank_of(1))
    (tmp_path / "one" / "notes.txt").write_text("")
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "missing"]
    names = ["art/a.safetensors", "b.safetensors", "B2.safetensors"]
    assert list_styles(folders) == names
    assert find_style("b.safetensors", folders) == tmp_path / "one" / "b.safetensors"
    assert find_style("B2.safetensors", folders) == tmp_path / "two" / "B2.safetensors"
    assert find_style("art/a.safetensors", folders) == tmp_path / "one" / "art" / "a.safetensors"


@pytest.mark.parametrize("name", ["../oil.safetensors", "sub/../oil.safetensors", "", ".", "oil"])
def test_a_style_is_found_by_a_listed_name_only(tmp_path: Path, name: str) -> None:
    save_style(tmp_path / "oil.safetensors", bank_of(1))
    folder = tmp_path / "styles"
    save_style(folder / "ink.safetensors", bank_of(1))
    with pytest.raises(InputError, match=r"there is no style .*; there are ink\.safetensors"):
        find_style(name, [folder])
    with pytest.raises(InputError, match="there is no style"):
        find_style(str(tmp_path / "oil.safetensors"), [folder])


def test_a_missing_style_is_told_from_few_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are none yet"):
        find_style("oil.safetensors", [tmp_path])
    for number in range(12):
        (tmp_path / f"{number:02}.safetensors").touch()
    with pytest.raises(InputError, match=r"09\.safetensors and 2 more$"):
        find_style("oil.safetensors", [tmp_path])


def test_new_files_are_numbered_past_those_of_every_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "own", tmp_path / "extra"]
    first = new_style_path("art/oil", folders)
    assert first == tmp_path / "own" / "art" / "oil_00001_.safetensors"
    save_style(first, bank_of(1))
    save_style(tmp_path / "extra" / "art" / "OIL_00041_.safetensors", bank_of(1))
    save_style(tmp_path / "own" / "art" / "oil_paint_00099_.safetensors", bank_of(1))
    save_style(tmp_path / "own" / "oil_00070_.safetensors", bank_of(1))
    second = new_style_path("art/oil", folders)
    assert second == tmp_path / "own" / "art" / "oil_00042_.safetensors"


@pytest.mark.parametrize(
    "prefix",
    [
        "", "/", "/etc/oil", "art/", "art//oil", ".", "..", "../oil", "art/../../oil", "art/..",
        "..\\oil", "art\\oil", "C:oil", "C:/oil", "//server/oil", "\\\\server\\oil", "~/../oil",
        "oil\0", "oil\n", "\ud800", "oil*", "oil?", "a|b", "<oil>", 'a"b', ".oil", "oil.", "oil ",
        "con", "CON.x", "art/Aux/oil", "nul .txt", "com1", "LPT9",
    ],
)  # fmt: skip
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(InputError, match="the style name"):
        new_style_path(prefix, [tmp_path / "own"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "prefix", ["oil", "art/oil", "Öl auf Holz", "油画", "console", "a.b", "%x"]
)
def test_a_name_that_every_system_takes_is_taken(tmp_path: Path, prefix: str) -> None:
    path = new_style_path(prefix, [tmp_path])
    save_style(path, bank_of(1))
    assert list_styles([tmp_path]) == [f"{prefix}_00001_.safetensors"]
    assert find_style(f"{prefix}_00001_.safetensors", [tmp_path]) == path


def test_without_a_folder_there_are_no_names() -> None:
    assert list_styles([]) == []
    with pytest.raises(InputError, match="no folder for styles here"):
        new_style_path("oil", [])
    with pytest.raises(InputError, match="no folder"):
        find_style("oil.safetensors", [])


@pytest.mark.parametrize("name", ["oil", "oil.png"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"must end in \.safetensors"):
        save_style(tmp_path / name, bank_of(1))
    assert list(tmp_path.iterdir()) == []

"""Style files: what comes back, what is refused, where styles come from, and previews."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from torch import Tensor

from adain_nodes.files.pictures import write_picture
from adain_nodes.files.styles import (
    PREVIEW_SIDE,
    StyleSource,
    load_style,
    read_style_file,
    save_style,
    style_sources,
)
from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity, read_tensors, write_tensors
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
    file = read_style_file(path)
    again = file.style
    assert torch.equal(again.statistics.mean, style.statistics.mean)
    assert torch.equal(again.statistics.std, style.statistics.std)
    assert again.statistics.mean.dtype == torch.float32
    assert (again.encoder, again.encoder.name) == (ONE, "one")
    assert (file.sources, file.preview) == ((), None)


def test_a_file_says_where_its_styles_come_from(path: Path) -> None:
    pictures = [torch.rand(40, 60, 3), torch.rand(30, 20, 1)]
    save_style(path, bank_of(2), sources=["öl, matt.jpg", "ink.png"], preview=pictures)
    file = read_style_file(path)
    assert file.sources == ("öl, matt.jpg", "ink.png")
    assert file.preview is not None
    with Image.open(io.BytesIO(file.preview)) as preview:
        assert preview.format == "JPEG"
    # Where ComfyUI's model library looks for a picture and a title.
    metadata = metadata_of(path)
    head, _, encoded = metadata["modelspec.thumbnail"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(encoded) == file.preview
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


@pytest.mark.parametrize("length", [7, 100, -1])
def test_a_truncated_file_is_refused(path: Path, length: int) -> None:
    save_style(path, bank_of(1))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"oil\.safetensors cannot be read as safetensors"):
        load_style(path)


def test_what_is_no_style_file_is_refused(path: Path, tmp_path: Path) -> None:
    for missing in (path, tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load_style(missing)
    write_tensors(path, {"mean": torch.zeros(1, 2)}, {"format": "adain-decoder"})
    with pytest.raises(InputError, match=r"oil\.safetensors is not a style file"):
        load_style(path)


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
        {"sources": '["oil.jpg", "ink.jpg"]'},
        {"modelspec.thumbnail": "data:image/jpeg;base64,?"},
        {"modelspec.thumbnail": "\u00e9"},
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
        read_style_file(path)


@pytest.mark.parametrize("name", ["oil", "oil.png"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"must end in \.safetensors"):
        save_style(tmp_path / name, bank_of(1))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """A folder with a picture, a file of one style and a bank of two, which knows its pictures."""
    write_picture(tmp_path / "ink.png", torch.rand(4, 5, 3))
    save_style(tmp_path / "one.safetensors", bank_of(1))
    save_style(tmp_path / "bank.safetensors", bank_of(2), sources=["a.jpg", "b.jpg"])
    return tmp_path


def test_a_bank_gives_each_of_its_styles(art: Path) -> None:
    picture, one, bank = (art / name for name in ("ink.png", "one.safetensors", "bank.safetensors"))
    styles = style_sources([str(bank), picture, one])
    assert styles == (
        StyleSource(bank, 1),
        StyleSource(bank, 2),
        StyleSource(picture),
        StyleSource(one),
    )
    assert [style.label for style in styles] == ["bank-1", "bank-2", "ink", "one"]
    assert [style.is_picture for style in styles] == [False, False, True, False]
    assert [style.picture_name for style in styles] == ["a.jpg", "b.jpg", None, None]
    assert [str(style) for style in styles] == [f"{bank} 1", f"{bank} 2", str(picture), str(one)]


def test_sources_of_a_style_file_hold_its_styles(art: Path) -> None:
    sources = style_sources([art / "bank.safetensors", art / "ink.png"])
    bank = load_style(art / "bank.safetensors")
    for index in (0, 1):
        style = sources[index].style
        assert style is not None
        assert torch.equal(style.statistics.mean, bank[index].statistics.mean)
        assert torch.equal(style.statistics.std, bank[index].statistics.std)
    assert sources[2].style is None


def test_style_files_are_read_and_pictures_are_not(art: Path) -> None:
    (art / "text.png").touch()
    assert style_sources([art / "text.png"]) == (StyleSource(art / "text.png"),)
    (art / "one.safetensors").unlink()
    with pytest.raises(InputError, match=r"one\.safetensors cannot be read"):
        style_sources([art / "one.safetensors"])


RED, GREEN, BLUE = (torch.eye(3)[i].expand(30, 50, 3) for i in range(3))


def preview_of(path: Path, pictures: Tensor | list[Tensor]) -> bytes:
    save_style(path, bank_of(1), preview=pictures)
    preview = read_style_file(path).preview
    assert preview is not None
    return preview


def color_at(preview: bytes, column: float, row: float) -> list[bool]:
    """Which of red, green and blue are strong at a place, given in shares of the sides."""
    with Image.open(io.BytesIO(preview)) as image:
        pixel = image.getpixel((int(column * image.width), int(row * image.height)))
    assert isinstance(pixel, tuple)
    return [value > 128 for value in pixel]


def test_one_picture_fills_the_preview(path: Path) -> None:
    preview = preview_of(path, RED)
    assert color_at(preview, 0.05, 0.05) == color_at(preview, 0.95, 0.95) == [True, False, False]
    assert preview_of(path, RED[None]) == preview_of(path, [RED]) == preview


def test_several_pictures_stand_in_a_grid_row_by_row(path: Path) -> None:
    preview = preview_of(path, torch.stack([RED, GREEN, BLUE]))
    assert color_at(preview, 0.25, 0.25) == [True, False, False]
    assert color_at(preview, 0.75, 0.25) == [False, True, False]
    assert color_at(preview, 0.25, 0.75) == [False, False, True]
    assert color_at(preview, 0.75, 0.75) == [True, True, True]
    assert preview_of(path, [RED, torch.stack([GREEN, BLUE])]) == preview


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (300, 200)])
def test_any_picture_has_a_small_preview(path: Path, channels: int, size: tuple[int, int]) -> None:
    encoded = preview_of(path, torch.rand(*size, channels))
    assert len(encoded) < 12_000  # 16 kB in base64
    with Image.open(io.BytesIO(encoded)) as preview:
        assert preview.size == (PREVIEW_SIDE, PREVIEW_SIDE)


@pytest.mark.parametrize(("count", "side"), [(4, 2 * 64 + 6), (24, 5 * 64 + 4 * 6), (100, 634)])
def test_all_pictures_of_a_bank_are_shown(path: Path, count: int, side: int) -> None:
    preview = preview_of(path, [RED] * (count - 1) + [BLUE])
    columns = math.ceil(math.sqrt(count))
    with Image.open(io.BytesIO(preview)) as image:
        assert image.size == (side, side)
    row, column = divmod(count - 1, columns)
    middle = [(index + 0.5) / columns for index in (column, row)]
    assert color_at(preview, *middle) == [False, False, True]
    assert color_at(preview, middle[0] - 1 / columns, middle[1]) == [True, False, False]


def test_no_preview_is_more_than_comfyui_reads(path: Path) -> None:
    preview_of(path, list(torch.rand(121, 40, 40, 3)))
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert header < 2**20


def test_a_preview_of_no_picture_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match=r"preview must be .* shape \(3,\)"):
        save_style(path, bank_of(1), preview=[RED, torch.rand(3)])
    assert not path.exists()


def test_what_refine_needs_comes_back_and_older_readers_find_what_they_know(path: Path) -> None:
    lower = tuple(
        Statistics(torch.randn(2, channels), torch.rand(2, channels) + 0.1)
        for channels in (3, 4, 5)
    )
    style = replace(bank_of(2), lower=lambda: lower)
    save_style(path, style)
    for found, wanted in zip(load_style(path).layers(), style.layers(), strict=True):
        assert torch.equal(found.mean, wanted.mean)
        assert torch.equal(found.std, wanted.std)
    with safe_open(path, framework="pt") as file:
        assert torch.equal(file.get_tensor("mean"), style.statistics.mean)
        assert torch.equal(file.get_tensor("std"), style.statistics.std)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: tensors.update({"relu2_1.std": -tensors["relu2_1.std"]}),
        lambda tensors: tensors.update({"relu1_1.mean": torch.zeros(1, 3)}),
        lambda tensors: tensors.update({name: values[:1] for name, values in tensors.items()
                                        if name.startswith("relu3_1")}),
        lambda tensors: tensors.pop("relu3_1.mean"),
    ],
)  # fmt: skip
def test_a_file_with_damaged_layers_is_refused(
    path: Path, spoil: Callable[[dict[str, Tensor]], object]
) -> None:
    lower = tuple(Statistics(torch.zeros(2, 3), torch.ones(2, 3)) for _ in range(3))
    save_style(path, replace(bank_of(2), lower=lambda: lower))
    tensors, metadata = read_tensors(path)
    spoil(tensors)
    write_tensors(path, tensors, metadata)
    with pytest.raises(InputError, match=rf"{path} (is damaged|cannot be read .* relu3_1\.mean)"):
        read_style_file(path)

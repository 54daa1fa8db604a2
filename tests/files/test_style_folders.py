"""Styles by name: what is listed and found, and names that stay in their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adain_nodes.files.style_folders import find_style, list_styles, new_style_path
from adain_nodes.files.styles import save_style
from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Style

STYLE = Style(Statistics(torch.zeros(1, 6), torch.ones(1, 6)), EncoderIdentity("1" * 64, "one"))


def test_styles_of_all_folders_and_subfolders_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("one/b", "one/art/a", "two/B2", "two/b", "two/.hidden"):
        save_style(tmp_path / f"{name}.safetensors", STYLE)
    (tmp_path / "one" / "notes.txt").write_text("")
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "missing"]
    names = ["art/a.safetensors", "b.safetensors", "B2.safetensors"]
    assert list_styles(folders) == names
    assert find_style("b.safetensors", folders) == tmp_path / "one" / "b.safetensors"
    assert find_style("B2.safetensors", folders) == tmp_path / "two" / "B2.safetensors"
    assert find_style("art/a.safetensors", folders) == tmp_path / "one" / "art" / "a.safetensors"


@pytest.mark.parametrize("name", ["../oil.safetensors", "sub/../oil.safetensors", "", ".", "oil"])
def test_a_style_is_found_by_a_listed_name_only(tmp_path: Path, name: str) -> None:
    save_style(tmp_path / "oil.safetensors", STYLE)
    folder = tmp_path / "styles"
    save_style(folder / "ink.safetensors", STYLE)
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
    save_style(first, STYLE)
    save_style(tmp_path / "extra" / "art" / "OIL_00041_.safetensors", STYLE)
    save_style(tmp_path / "own" / "art" / "oil_paint_00099_.safetensors", STYLE)
    save_style(tmp_path / "own" / "oil_00070_.safetensors", STYLE)
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
    save_style(path, STYLE)
    assert list_styles([tmp_path]) == [f"{prefix}_00001_.safetensors"]
    assert find_style(f"{prefix}_00001_.safetensors", [tmp_path]) == path


def test_without_a_folder_there_are_no_names() -> None:
    assert list_styles([]) == []
    with pytest.raises(InputError, match="no folder for styles here"):
        new_style_path("oil", [])
    with pytest.raises(InputError, match="no folder"):
        find_style("oil.safetensors", [])

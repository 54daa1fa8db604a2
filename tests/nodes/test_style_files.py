"""Styles saved, loaded and stacked in a graph."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from adain_nodes.files.styles import read_style_file, save_style
from adain_nodes.host import surroundings
from adain_nodes.host.errors import InputError
from adain_nodes.host.plain import Host
from adain_nodes.models.model import Model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.nodes.style_files import style_picture
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.types import Style

LOAD: Any = NODE_CLASS_MAPPINGS["AdaINLoadStyle"]


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Those of the host: its own, and one from elsewhere."""
    folders = [tmp_path / "own", tmp_path / "extra"]

    class WithFolders(Host):
        def style_folders(self) -> list[Path]:
            return folders

    monkeypatch.setattr(surroundings, "current", WithFolders)
    return folders


@pytest.fixture
def style(model: Model) -> Style:
    return transfer.style_of(model, torch.rand(1, 20, 18, 3))


def run(name: str, **inputs: Any) -> Any:
    node = NODE_CLASS_MAPPINGS[name]()
    return getattr(node, node.FUNCTION)(**inputs)


def assert_same(one: Style, other: Style) -> None:
    assert torch.equal(one.statistics.mean, other.statistics.mean)
    assert torch.equal(one.statistics.std, other.statistics.std)
    assert one.encoder == other.encoder


def test_a_saved_style_is_offered_and_comes_back(folders: list[Path], style: Style) -> None:
    for _ in range(2):
        run("AdaINSaveStyle", style=style, filename_prefix="art/oil")
    names = ["art/oil_00001_.safetensors", "art/oil_00002_.safetensors"]
    offered = LOAD.INPUT_TYPES()["required"]["style_name"][0]
    assert [name for name in offered if name.startswith("art/")] == names
    assert_same(run("AdaINLoadStyle", style_name=names[1])[0], style)
    assert not folders[1].exists()


def test_the_name_of_the_file_is_shown(folders: list[Path], style: Style) -> None:
    shown = run("AdaINSaveStyle", style=style, filename_prefix="art/oil")
    assert shown == {"ui": {"text": ("art/oil_00001_.safetensors",)}}
    assert (folders[0] / "art" / "oil_00001_.safetensors").is_file()


def test_a_preview_travels_with_the_style(folders: list[Path], style: Style) -> None:
    run("AdaINSaveStyle", style=style, filename_prefix="oil", preview=torch.rand(2, 9, 9, 4))
    assert read_style_file(folders[0] / "oil_00001_.safetensors").preview is not None


def test_a_preview_that_is_no_picture_is_refused(folders: list[Path], style: Style) -> None:
    with pytest.raises(InputError, match="preview must be"):
        run("AdaINSaveStyle", style=style, filename_prefix="oil", preview=torch.rand(9, 9))
    assert not folders[0].exists()


def test_styles_of_further_folders_load_too(folders: list[Path], style: Style) -> None:
    save_style(folders[1] / "ink.safetensors", style)
    assert_same(run("AdaINLoadStyle", style_name="ink.safetensors")[0], style)


def test_a_name_out_of_the_folder_is_refused(folders: list[Path], style: Style) -> None:
    save_style(folders[0].parent / "secret.safetensors", style)
    with pytest.raises(InputError, match="the style name"):
        run("AdaINSaveStyle", style=style, filename_prefix="../oil")
    with pytest.raises(InputError, match="there is no style"):
        run("AdaINLoadStyle", style_name="../secret.safetensors")


def test_a_missing_file_is_told_before_the_graph_runs(folders: list[Path], style: Style) -> None:
    save_style(folders[0] / "ink.safetensors", style)
    # ComfyUI looks for these names among the positional ones.
    assert inspect.getfullargspec(LOAD.VALIDATE_INPUTS).args == ["cls", "style_name"]
    assert LOAD.VALIDATE_INPUTS(style_name="ink.safetensors") is True
    assert LOAD.VALIDATE_INPUTS(style_name=None) is True
    verdict = LOAD.VALIDATE_INPUTS(style_name="oil.safetensors")
    assert verdict.startswith("there is no style 'oil.safetensors'")
    assert "there are ink.safetensors, agate.safetensors, " in verdict


def test_a_replaced_file_is_loaded_again(folders: list[Path], style: Style) -> None:
    path = folders[0] / "ink.safetensors"
    save_style(path, style)
    before = LOAD.IS_CHANGED(style_name=path.name)
    assert LOAD.IS_CHANGED(style_name=path.name) == before
    statistics = Statistics(style.statistics.mean + 1, style.statistics.std)
    save_style(path, Style(statistics, style.encoder))
    assert LOAD.IS_CHANGED(style_name=path.name) != before


@pytest.mark.usefixtures("folders")
def test_a_name_that_is_linked_is_always_looked_up() -> None:
    # What equals nothing, not even itself, is never taken from the cache.
    assert math.isnan(LOAD.IS_CHANGED(style_name=None))


def test_a_style_of_another_encoder_is_refused_where_it_is_used(
    folders: list[Path], model: Model, style: Style
) -> None:
    stranger = Style(style.statistics, type(style.encoder)("5" * 64, "stranger"))
    save_style(folders[0] / "ink.safetensors", stranger)
    loaded = run("AdaINLoadStyle", style_name="ink.safetensors")[0]
    with pytest.raises(InputError, match=r"tiny .* stranger"):
        transfer.transfer(transfer.encode(model, torch.rand(1, 16, 16, 3)), loaded)


def test_styles_stack_to_a_bank_that_gives_a_picture_for_each(model: Model) -> None:
    styles = [transfer.style_of(model, torch.rand(1, 20, 18, 3)) for _ in range(5)]
    first = run("AdaINStackStyles", style_1=styles[0], style_3=styles[1])[0]
    bank = run(
        "AdaINStackStyles", style_1=first, style_2=styles[2], style_3=styles[3], style_4=styles[4]
    )[0]
    content = transfer.encode(model, torch.rand(1, 20, 28, 3))
    pictures = transfer.decode(model, transfer.transfer(content, bank))
    assert len(pictures) == 5
    for index, style in enumerate(styles):
        single = transfer.decode(model, transfer.transfer(content, style))
        torch.testing.assert_close(pictures[index], single[0])


@pytest.mark.usefixtures("folders")
def test_ready_made_styles_load_from_the_first_start() -> None:
    offered = LOAD.INPUT_TYPES()["required"]["style_name"][0]
    assert len(offered) >= 24
    assert len(run("AdaINLoadStyle", style_name="swirls.safetensors")[0]) == 1


def test_what_the_page_shows_is_the_preview_of_the_style(folders: list[Path], style: Style) -> None:
    save_style(folders[0] / "oil.safetensors", style, preview=torch.rand(9, 9, 3))
    preview = read_style_file(folders[0] / "oil.safetensors").preview
    assert style_picture("oil.safetensors") == preview
    save_style(folders[0] / "mixture.safetensors", style)
    with pytest.raises(InputError, match=r"mixture\.safetensors has no preview"):
        style_picture("mixture.safetensors")
    with pytest.raises(InputError, match="there is no style"):
        style_picture("../oil.safetensors")


def test_variables_of_the_host_are_filled_in(
    folders: list[Path], style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dated(_: Host, prefix: str) -> str:
        return prefix.replace("%year%", "2031")

    monkeypatch.setattr(Host, "file_name", dated)
    run("AdaINSaveStyle", style=style, filename_prefix="%year%/oil")
    assert (folders[0] / "2031" / "oil_00001_.safetensors").is_file()

"""When a graph loads a model anew."""

from __future__ import annotations

import inspect
import math
import os
from pathlib import Path
from typing import Any

import pytest

from adain_nodes.host import surroundings
from adain_nodes.host.errors import InputError
from adain_nodes.host.plain import Host
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.nodes.loaders import example_picture

LOAD: Any = NODE_CLASS_MAPPINGS["AdaINModelLoader"]


@pytest.fixture
def folder(tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's model folder, with one model, tiny-model."""

    class WithFolder(Host):
        def model_folders(self) -> list[Path]:
            return [tmp_path]

    monkeypatch.setattr(surroundings, "current", WithFolder)
    return tiny_model_folder


def state(name: str) -> str:
    """With the other widgets, as ComfyUI asks."""
    result: str = LOAD.IS_CHANGED(model_name=name, precision="auto", tile_size=0)
    return result


@pytest.mark.parametrize("file", ["encoder.safetensors", "decoder.safetensors"])
def test_a_model_whose_file_was_replaced_is_another(folder: Path, file: str) -> None:
    before = state(folder.name)
    assert state(folder.name) == before
    status = (folder / file).stat()
    os.utime(folder / file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert state(folder.name) != before


def test_a_model_of_the_manifest_stays_what_it_is(folder: Path) -> None:
    before = state("adain-vgg16")
    (folder.parent / "adain-vgg16-decoder.safetensors").write_bytes(b"no weights")
    assert state("adain-vgg16") == before


def test_a_name_that_is_linked_is_always_looked_up() -> None:
    # What equals nothing, not even itself, is never taken from the cache.
    assert math.isnan(LOAD.IS_CHANGED(model_name=None))


def test_a_model_that_is_not_offered_is_told_before_the_graph_runs(folder: Path) -> None:
    # ComfyUI looks for these names among the positional ones.
    assert inspect.getfullargspec(LOAD.VALIDATE_INPUTS).args == ["cls", "model_name"]
    assert LOAD.VALIDATE_INPUTS(model_name=folder.name) is True
    assert LOAD.VALIDATE_INPUTS(model_name=None) is True
    (folder.parent / "vgg.pth").write_bytes(b"PK\x03\x04")
    verdict = LOAD.VALIDATE_INPUTS(model_name="vgg.pth")
    assert "vgg.pth is a PyTorch file" in verdict
    assert "adain-nodes models convert" in verdict


def test_example_pictures_are_served_by_their_names_alone() -> None:
    assert example_picture("content-cat.jpg").startswith(b"\xff\xd8")
    assert example_picture("mask-astronaut-person.png").startswith(b"\x89PNG")
    for name in ("none.jpg", "", "../../README.md", "SOURCES.md"):
        with pytest.raises(InputError, match="there is no example picture"):
            example_picture(name)

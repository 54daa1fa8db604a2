"""Styles saved and loaded in ComfyUI."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
from pathlib import Path

import pytest

from adain_nodes.files.styles import load_style, save_style
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Style

from .server import Prompt, Server
from .test_execution import small_graph

NAME = "tests/oil_00001_.safetensors"


def saving(prefix: str) -> Prompt:
    """Saves a style of the model tiny."""
    prompt = small_graph("style-poppies.jpg")
    del prompt["stylize"], prompt["show"]
    encode = {"model": ["model", 0], "image": ["small", 0], "shorter_side": 0}
    prompt["encode"] = {"class_type": "AdaINEncode", "inputs": encode}
    style = {"features": ["encode", 0], "mask_resize": "area"}
    prompt["style"] = {"class_type": "AdaINStyle", "inputs": style}
    save = {"style": ["style", 0], "filename_prefix": prefix, "preview": ["small", 0]}
    prompt["save"] = {"class_type": "AdaINSaveStyle", "inputs": save}
    return prompt


@pytest.fixture(scope="module")
def saved(comfyui: Server, base: Path) -> Path:
    """The file of a style that a graph has saved."""
    run = comfyui.run(saving("tests/oil"))
    assert run.end["type"] == "execution_success", run.end
    assert run.history["outputs"]["save"] == {"text": [NAME]}
    return base / "models" / "adain_styles" / NAME


def loading(name: str) -> Prompt:
    """Shows a picture in a style on file."""
    prompt = small_graph("content-cat.jpg")
    prompt["load"] = {"class_type": "AdaINLoadStyle", "inputs": {"style_name": name}}
    prompt["stylize"]["inputs"]["style"] = ["load", 0]
    del prompt["stylize"]["inputs"]["style_image"]
    return prompt


def test_a_saved_style_is_offered_with_its_preview(comfyui: Server, saved: Path) -> None:
    assert saved.is_file()
    info = comfyui.get_json("/object_info/AdaINLoadStyle")["AdaINLoadStyle"]
    assert NAME in info["input"]["required"]["style_name"][0]
    query = urllib.parse.urlencode({"filename": NAME})
    metadata = comfyui.get_json(f"/view_metadata/adain_styles?{query}")
    assert metadata["modelspec.thumbnail"].startswith("data:image/jpeg;base64,")


def test_a_replaced_file_runs_again_and_an_unchanged_one_does_not(
    comfyui: Server, saved: Path
) -> None:
    first = comfyui.run(loading(NAME))
    assert first.end["type"] == "execution_success", first.end
    assert "load" in first.executed
    assert comfyui.run(loading(NAME)).executed == set()
    style = load_style(saved)
    statistics = Statistics(style.statistics.mean + 1, style.statistics.std)
    save_style(saved, Style(statistics, style.encoder))
    assert {"load", "stylize", "show"} <= comfyui.run(loading(NAME)).executed


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("name", ["none.safetensors", "../../main.py", f"../adain_styles/{NAME}"])
def test_a_missing_file_is_refused_before_the_graph_runs(comfyui: Server, name: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        comfyui.post("/prompt", {"prompt": loading(name)})
    with error.value as answer:
        errors = json.loads(answer.read())["node_errors"]["load"]["errors"]
    assert f"there is no style '{name}'" in errors[0]["details"]
    assert NAME in errors[0]["details"]

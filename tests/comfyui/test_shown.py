"""What the nodes show before and after a run, and what they say of input that cannot be used."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
from pathlib import Path

import pytest

from adain_nodes.files.ready_made import ready_made_styles

from .conftest import PACK, ROOT
from .server import Prompt, Server
from .test_execution import small_graph


def refusal(comfyui: Server, prompt: Prompt, node: str) -> str:
    """Why ComfyUI does not run a graph."""
    with pytest.raises(urllib.error.HTTPError) as error:
        comfyui.post("/prompt", {"prompt": prompt})
    with error.value as answer:
        errors = json.loads(answer.read())["node_errors"][node]["errors"]
    details: str = errors[0]["details"]
    return details


def test_the_page_gets_the_pictures_of_the_widgets(comfyui: Server) -> None:
    kind, picture = comfyui.get("/adain/example?name=content-cat.jpg")
    assert kind == "image/jpeg"
    assert picture == (ROOT / "examples" / "images" / "content-cat.jpg").read_bytes()
    kind, picture = comfyui.get("/adain/example?name=mask-astronaut-person.png")
    assert kind == "image/png"
    for name in ready_made_styles():
        kind, picture = comfyui.get(f"/adain/style?name={name}.safetensors")
        assert kind == "image/jpeg"
        assert picture.startswith(b"\xff\xd8")


@pytest.mark.parametrize("address", ["example?name=../SOURCES.md", "style?name=none", "style"])
def test_the_page_gets_nothing_else(comfyui: Server, address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        comfyui.get(f"/adain/{address}")
    with error.value as answer:
        assert answer.code == 404


def test_the_script_is_served(comfyui: Server) -> None:
    scripts = comfyui.get_json("/extensions")
    assert f"/extensions/{PACK}/adain.js" in scripts
    _, script = comfyui.get(f"/extensions/{PACK}/adain.js")
    assert b"registerExtension" in script


def test_every_picture_of_the_help_is_served(comfyui: Server) -> None:
    docs = ROOT / "adain_nodes" / "nodes" / "web" / "docs"
    for path in docs.glob("pictures/*.webp"):
        _, picture = comfyui.get(f"/extensions/{PACK}/docs/pictures/{path.name}")
        assert picture == path.read_bytes()


def test_an_empty_mask_is_told_on_the_node(comfyui: Server) -> None:
    prompt = small_graph("content-cat.jpg")
    mask = {"value": 0.0, "width": 64, "height": 64}
    prompt["mask"] = {"class_type": "SolidMask", "inputs": mask}
    prompt["stylize"]["inputs"]["mask"] = ["mask", 0]
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_success", run.end
    (line,) = run.history["outputs"]["stylize"]["text"]
    assert line.startswith("The mask is empty (0 everywhere)")


def test_a_file_that_is_no_model_says_why(comfyui: Server, base: Path) -> None:
    (base / "models" / "adain" / "vgg_normalised.pth").write_bytes(b"PK\x03\x04")
    prompt = small_graph("content-cat.jpg")
    prompt["model"]["inputs"]["model_name"] = "vgg_normalised.pth"
    details = refusal(comfyui, prompt, "model")
    assert "is a PyTorch file: make a model of it by `adain-nodes models convert" in details
    before = comfyui.log().count("Not offered as an AdaIN model")
    for _ in range(2):
        comfyui.get_json("/object_info/AdaINModelLoader")
    assert comfyui.log().count("vgg_normalised.pth is a PyTorch file") >= 1
    assert comfyui.log().count("Not offered as an AdaIN model") <= before + 1


def test_variables_in_the_name_of_a_style_are_filled_in(comfyui: Server, base: Path) -> None:
    prompt = small_graph("style-poppies.jpg")
    del prompt["stylize"], prompt["show"]
    encode = {"model": ["model", 0], "image": ["small", 0], "shorter_side": 0}
    prompt["encode"] = {"class_type": "AdaINEncode", "inputs": encode}
    style = {"features": ["encode", 0], "mask_resize": "area"}
    prompt["style"] = {"class_type": "AdaINStyle", "inputs": style}
    save = {"style": ["style", 0], "filename_prefix": "%year%/oil"}
    prompt["save"] = {"class_type": "AdaINSaveStyle", "inputs": save}
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_success", run.end
    (name,) = run.history["outputs"]["save"]["text"]
    assert name == f"{time.localtime().tm_year}/oil_00001_.safetensors"
    assert (base / "models" / "adain_styles" / name).is_file()
    query = urllib.parse.urlencode({"name": name})
    with pytest.raises(urllib.error.HTTPError):  # it was saved without a preview
        comfyui.get(f"/adain/style?{query}")


def test_a_name_that_leads_out_is_refused_with_variables_too(comfyui: Server) -> None:
    prompt = small_graph("style-poppies.jpg")
    del prompt["stylize"], prompt["show"]
    prompt["load"] = {"class_type": "AdaINLoadStyle", "inputs": {"style_name": "wave.safetensors"}}
    save = {"style": ["load", 0], "filename_prefix": "../%year%/oil"}
    prompt["save"] = {"class_type": "AdaINSaveStyle", "inputs": save}
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_error"
    assert "leads out of its folder" in run.end["data"]["exception_message"]


def test_a_linked_alpha_out_of_range_is_an_error(comfyui: Server) -> None:
    prompt = small_graph("content-cat.jpg")
    number = {"value": 1.5}
    prompt["number"] = {"class_type": "PrimitiveFloat", "inputs": number}
    prompt["stylize"]["inputs"]["alpha"] = ["number", 0]
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_error"
    assert "alpha must be a number from 0" in run.end["data"]["exception_message"]

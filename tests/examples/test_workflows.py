"""The example workflows, checked against the nodes as they are; no ComfyUI is needed.

After a change to workflows, `tools/build_workflows.py` writes what goes with them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adain_nodes.nodes import NODE_CLASS_MAPPINGS

from ..node_inputs import Spec, inputs_of

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
WORKFLOWS = EXAMPLES / "workflows"
COPIES = ROOT / "example_workflows"
IMAGES = EXAMPLES / "images"

NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
NOTE = "MarkdownNote"  # drawn by the UI, unknown to the API


def ui_format(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def api_format(name: str) -> dict[str, Any]:
    path = WORKFLOWS / "api" / f"{name}.json"
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def is_widget(spec: Spec) -> bool:
    return isinstance(spec[0], list) or spec[0] in ("INT", "FLOAT", "STRING", "BOOLEAN")


def our_nodes(name: str) -> list[dict[str, Any]]:
    return [node for node in ui_format(name)["nodes"] if node["type"].startswith("AdaIN")]


def sources(workflow: dict[str, Any]) -> dict[int, tuple[str, int]]:
    """For each link: the id of the node that it comes from, and its output."""
    return {number: (str(node), slot) for number, node, slot, _, _, _ in workflow["links"]}


def test_there_are_workflows_and_each_has_its_files() -> None:
    assert NAMES
    assert sorted(path.stem for path in WORKFLOWS.glob("*.jpg")) == NAMES
    assert sorted(path.stem for path in (WORKFLOWS / "api").glob("*.json")) == NAMES


def test_the_copies_are_equal_and_real() -> None:
    files = sorted(path for path in WORKFLOWS.iterdir() if path.is_file())
    copies = sorted(COPIES.iterdir())
    assert [path.name for path in copies] == [path.name for path in files]
    assert not COPIES.is_symlink() and not any(path.is_symlink() for path in copies)
    for original, copy in zip(files, copies, strict=True):
        assert original.read_bytes() == copy.read_bytes(), copy.name


def test_no_workflow_lies_where_comfyui_would_list_it_twice() -> None:
    assert not list(EXAMPLES.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_thumbnails_are_small_pictures(name: str) -> None:
    path = WORKFLOWS / f"{name}.jpg"
    with Image.open(path) as image:
        assert image.format == "JPEG"
        assert image.size == (400, 400)
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize("name", NAMES)
def test_nodes_of_ours_have_the_sockets_of_their_class(name: str) -> None:
    nodes = our_nodes(name)
    assert nodes
    for node in nodes:
        kind = NODE_CLASS_MAPPINGS[node["type"]]
        sockets = {key: spec[0] for key, spec in inputs_of(kind).items() if not is_widget(spec)}
        drawn = [socket for socket in node["inputs"] if "widget" not in socket]
        assert {socket["name"]: socket["type"] for socket in drawn} == sockets
        outputs = [(socket["name"], socket["type"]) for socket in node["outputs"]]
        names, types = kind.RETURN_NAMES, kind.RETURN_TYPES  # type: ignore[attr-defined]
        assert outputs == list(zip(names, types, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_widgets_of_ours_hold_what_they_offer(name: str) -> None:
    for node in our_nodes(name):
        widgets = {
            key: spec
            for key, spec in inputs_of(NODE_CLASS_MAPPINGS[node["type"]]).items()
            if is_widget(spec)
        }
        values = dict(zip(widgets, node["widgets_values"], strict=True))
        for key, (kind, options) in widgets.items():
            where = f"{node['type']}.{key}"
            if isinstance(kind, list):
                assert values[key] in kind, where
            elif kind in ("INT", "FLOAT"):
                assert options["min"] <= values[key] <= options["max"], where


@pytest.mark.parametrize("name", NAMES)
def test_links_join_equal_sockets_and_both_ends_know_them(name: str) -> None:
    workflow = ui_format(name)
    nodes = {node["id"]: node for node in workflow["nodes"]}
    seen = set()
    for number, source, slot, target, place, kind in workflow["links"]:
        output, socket = nodes[source]["outputs"][slot], nodes[target]["inputs"][place]
        assert output["type"] == socket["type"] == kind
        assert number in output["links"]
        assert socket["link"] == number
        seen.add(number)
    for node in nodes.values():
        ends = {socket["link"] for socket in node["inputs"] if socket["link"] is not None}
        ends |= {link for socket in node["outputs"] for link in socket["links"] or ()}
        assert ends <= seen
    assert workflow["last_node_id"] == max(nodes)
    assert workflow["last_link_id"] == max(seen)


@pytest.mark.parametrize("name", NAMES)
def test_required_sockets_are_linked(name: str) -> None:
    for node in our_nodes(name):
        required = NODE_CLASS_MAPPINGS[node["type"]].INPUT_TYPES()["required"]  # type: ignore[attr-defined]
        for socket in node["inputs"]:
            optional = "widget" in socket or socket["name"] not in required
            assert socket["link"] is not None or optional


@pytest.mark.parametrize("name", NAMES)
def test_both_formats_describe_the_same_graph(name: str) -> None:
    workflow, prompt = ui_format(name), api_format(name)
    links = sources(workflow)
    nodes = {str(node["id"]): node for node in workflow["nodes"] if node["type"] != NOTE}
    assert nodes.keys() == prompt.keys()
    for identity, node in nodes.items():
        entry = prompt[identity]
        assert entry["class_type"] == node["type"]
        linked = {
            socket["name"]: list(links[socket["link"]])
            for socket in node["inputs"]
            if socket["link"] is not None
        }
        inputs = entry["inputs"]
        assert {key: value for key, value in inputs.items() if isinstance(value, list)} == linked
        widgets = {key: value for key, value in inputs.items() if key not in linked}
        # The UI keeps the values of widgets that are linked; here they come first.
        hidden = sum("widget" in each and each["link"] is not None for each in node["inputs"])
        assert list(widgets.values()) == node["widgets_values"][hidden:]
        if node["type"] in NODE_CLASS_MAPPINGS:
            assert list(widgets) == [
                key
                for key, spec in inputs_of(NODE_CLASS_MAPPINGS[node["type"]]).items()
                if is_widget(spec)
            ]


@pytest.mark.parametrize("name", NAMES)
def test_only_pictures_of_this_repository_are_used(name: str) -> None:
    prompt = api_format(name)
    pictures = [
        entry["inputs"]["image"]
        for entry in prompt.values()
        if entry["class_type"] == "AdaINExampleImage"
    ]
    assert pictures
    assert all((IMAGES / picture).is_file() for picture in pictures)
    assert not any(entry["class_type"].startswith("LoadImage") for entry in prompt.values())


@pytest.mark.parametrize("name", NAMES)
def test_insets_are_example_pictures(name: str) -> None:
    kinds = {node["id"]: node["type"] for node in ui_format(name)["nodes"]}
    insets = ui_format(name)["extra"]["insets"]
    assert {kinds[node] for node in insets} <= {"AdaINExampleImage"}


def test_the_app_shows_content_style_and_alpha_and_the_result() -> None:
    (name,) = (name for name in NAMES if ui_format(name)["extra"].get("linearMode"))
    nodes = {node["id"]: node for node in ui_format(name)["nodes"]}
    shown = ui_format(name)["extra"]["linearData"]
    labels = [nodes[node].get("title", nodes[node]["type"]) for node, _ in shown["inputs"]]
    assert labels == ["Content", "Style", "AdaINStylize"]
    assert [widget for _, widget in shown["inputs"]] == ["image", "image", "alpha"]
    assert [nodes[node]["type"] for node in shown["outputs"]] == ["SaveImage"]


def test_every_example_picture_has_a_source() -> None:
    listed = (IMAGES / "SOURCES.md").read_text(encoding="utf-8")
    pictures = [path.name for path in IMAGES.iterdir() if path.suffix in (".jpg", ".png")]
    assert pictures
    assert [name for name in pictures if f"`{name}`" not in listed] == []

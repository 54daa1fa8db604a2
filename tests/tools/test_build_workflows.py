"""Workflows become API graphs and thumbnails; a stand-in answers for ComfyUI."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import build_workflows
import pytest
from build_workflows import ComfyUI, api_format, thumbnail
from PIL import Image

from adain_nodes.host.errors import InputError

Graph = dict[str, Any]

OBJECT_INFO: Graph = {
    "Blur": {
        "display_name": "Blur Image",
        "input": {
            "required": {"image": ["IMAGE"], "radius": ["INT", {"default": 1}]},
            "optional": {"mask": ["MASK"], "edge": [["mirror", "zero"]], "kind": ["COMBO", {}]},
        },
        "input_order": {"required": ["image", "radius"], "optional": ["mask", "edge", "kind"]},
    },
    "Picture": {
        "display_name": "",
        "input": {"required": {"image": [["a.png"]]}},
        "input_order": {"required": ["image"]},
    },
    "Save": {
        "display_name": "Save",
        "input": {"required": {"images": ["IMAGE"]}},
        "input_order": {"required": ["images"]},
    },
}


def workflow() -> Graph:
    """A picture, blurred and saved; the radius is linked, and its widget has a socket."""
    return {
        "nodes": [
            {"id": 10, "type": "Save", "inputs": [{"name": "images", "link": 3}], "mode": 0},
            {
                "id": 9,
                "type": "Blur",
                "mode": 0,
                "inputs": [
                    {"name": "image", "link": 1},
                    {"name": "mask", "link": None},
                    {"name": "radius", "link": 2, "widget": {"name": "radius"}},
                ],
                "widgets_values": [3, "zero", "box"],
            },
            {"id": 2, "type": "Picture", "title": "Start", "mode": 0, "widgets_values": ["a.png"]},
            {"id": 3, "type": "MarkdownNote", "mode": 0, "widgets_values": ["What to do"]},
        ],
        "links": [
            [1, 2, 0, 9, 0, "IMAGE"],
            [2, 2, 1, 9, 2, "INT"],
            [3, 9, 0, 10, 0, "IMAGE"],
        ],
        "extra": {"insets": [2]},
    }


API: Graph = {
    "2": {"class_type": "Picture", "inputs": {"image": "a.png"}, "_meta": {"title": "Start"}},
    "9": {
        "class_type": "Blur",
        "inputs": {"radius": ["2", 1], "edge": "zero", "kind": "box", "image": ["2", 0]},
        "_meta": {"title": "Blur Image"},
    },
    "10": {"class_type": "Save", "inputs": {"images": ["9", 0]}, "_meta": {"title": "Save"}},
}


def test_widgets_are_named_in_order_and_links_followed() -> None:
    assert json.dumps(api_format(workflow(), OBJECT_INFO)) == json.dumps(API)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": 4}, r"node 9 \(Blur\) is muted or bypassed"),
        ({"type": "Smear"}, r"node 9 \(Smear\): this ComfyUI has no node Smear"),
        ({"widgets_values": [3]}, r"node 9 \(Blur\) has the values \[3\], .*'edge', 'kind'"),
    ],
)
def test_nodes_that_cannot_be_run_are_refused(change: Graph, message: str) -> None:
    graph = workflow()
    graph["nodes"][1] |= change
    with pytest.raises(InputError, match=message):
        api_format(graph, OBJECT_INFO)


def test_a_thumbnail_has_a_strip_of_each_result_and_insets_below() -> None:
    results = [Image.new("RGB", (60, 40), color) for color in ("red", "lime", "blue")]
    with Image.open(io.BytesIO(thumbnail(results, [Image.new("RGB", (9, 9))]))) as image:
        assert (image.format, image.size) == ("JPEG", (400, 400))
        places = [(60, 200), (200, 200), (340, 200), (40, 360)]
        pixels = [image.getpixel(place) for place in places]
    expected = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]
    for pixel, color in zip(pixels, expected, strict=True):
        assert isinstance(pixel, tuple)
        assert all(abs(a - b) < 8 for a, b in zip(pixel, color, strict=True))


def test_of_many_frames_first_and_last_are_shown() -> None:
    frames = [Image.new("L", (8, 8), 25 * index).convert("RGB") for index in range(10)]
    with Image.open(io.BytesIO(thumbnail(frames, []))) as image:
        shown = [image.convert("L").getpixel((50 + 100 * index, 200)) for index in range(4)]
    assert shown == [0, 75, 150, 225]


def test_nine_results_are_a_square() -> None:
    results = [Image.new("L", (9, 9), 25 * index).convert("RGB") for index in range(9)]
    with Image.open(io.BytesIO(thumbnail(results, []))) as image:
        grey = image.convert("L")
        shown = [grey.getpixel((x, y)) for y in (66, 200, 334) for x in (66, 200, 334)]
    assert shown == pytest.approx([25 * index for index in range(9)], abs=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two workflows, and a ComfyUI that fails at graphs whose picture is lost."""
    for name in ("workflows", "workflows/api", "copies", "images"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "a.png")
    for name in ("WORKFLOWS", "COPIES", "IMAGES"):
        monkeypatch.setattr(build_workflows, name, tmp_path / name.lower())
    lost = workflow()
    lost["nodes"][2]["widgets_values"] = ["lost.png"]
    for name, graph in (("first", workflow()), ("second", lost)):
        (tmp_path / "workflows" / f"{name}.json").write_text(json.dumps(graph))

    def run(_: ComfyUI, prompt: Graph) -> Graph:
        if prompt["2"]["inputs"]["image"] != "a.png":
            raise InputError("the graph failed")
        preview, saved = ({"filename": kind, "type": kind} for kind in ("temp", "output"))
        return {"10": {"images": [saved]}, "9": {"images": [preview]}, "2": {"text": ["a.png"]}}

    def pictures(_: ComfyUI, image: dict[str, str]) -> list[Image.Image]:
        assert image["type"] == "output"
        return [Image.new("RGB", (40, 40), "red")]

    monkeypatch.setattr(ComfyUI, "run", run)
    monkeypatch.setattr(ComfyUI, "pictures", pictures)
    monkeypatch.setattr(ComfyUI, "ask", lambda *_: json.dumps(OBJECT_INFO).encode())
    return tmp_path


def build(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr("sys.argv", ["build_workflows.py", "--comfyui", "http://any", *names])
    build_workflows.main()


def written(folder: Path) -> set[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix() for path in files}


def test_a_workflow_gets_its_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(folder)
    build(monkeypatch, "first")
    made = {"workflows/api/first.json", "workflows/first.jpg", "copies/first.json"}
    assert written(folder) - before == {*made, "copies/first.jpg"}
    assert json.loads((folder / "workflows/api/first.json").read_text()) == API
    for suffix in ("json", "jpg"):
        original, copy = (folder / f"{place}/first.{suffix}" for place in ("workflows", "copies"))
        assert original.read_bytes() == copy.read_bytes()


def test_nothing_is_written_unless_every_graph_ran(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = written(folder)
    with pytest.raises(SystemExit, match="2"):
        build(monkeypatch)
    assert "error: second: the graph failed" in capsys.readouterr().err
    assert written(folder) == before

"""What ComfyUI shows of the pack."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote

from PIL import Image

from adain_nodes.nodes import NODE_CLASS_MAPPINGS

from .conftest import PACK, ROOT
from .server import Server


def test_the_pack_loads_without_errors(comfyui: Server) -> None:
    log = comfyui.log().split("got prompt")[0]  # of graphs, some of which are to fail
    assert f"seconds: {comfyui_pack_path(log)}" in log
    assert "IMPORT FAILED" not in log
    assert "Traceback" not in log
    assert comfyui.get_json("/object_info").keys() >= NODE_CLASS_MAPPINGS.keys()


def comfyui_pack_path(log: str) -> str:
    """The pack's folder as the log's list of import times names it."""
    lines = [line for line in log.splitlines() if line.endswith(f"custom_nodes/{PACK}")]
    return lines[-1].split(": ", 1)[1]


def test_every_template_is_listed_and_served(comfyui: Server) -> None:
    names = {path.stem for path in (ROOT / "examples" / "workflows").glob("*.json")}
    assert set(comfyui.get_json("/api/workflow_templates")[PACK]) == names
    for name in names:
        address = f"/api/workflow_templates/{PACK}/{quote(name)}"
        assert comfyui.get_json(f"{address}.json")["nodes"]
        kind, thumbnail = comfyui.get(f"{address}.jpg")
        assert kind == "image/jpeg"
        with Image.open(io.BytesIO(thumbnail)) as image:
            image.verify()


def test_the_blueprint_is_served(comfyui: Server, blueprints: dict[str, Any]) -> None:
    ((identity, entry),) = blueprints.items()
    assert entry["name"] == "Stylise a picture"
    served = comfyui.get_json(f"/global_subgraphs/{identity}")["data"]
    path = ROOT / "subgraphs" / "Stylise a picture.json"
    assert served == path.read_text(encoding="utf-8")


def test_every_input_and_output_is_explained(comfyui: Server) -> None:
    info = comfyui.get_json("/object_info")
    for name in NODE_CLASS_MAPPINGS:
        entry = info[name]
        assert entry["description"], name
        assert len(entry.get("output_tooltips", [])) == len(entry["output"]), name
        for group in ("required", "optional"):
            for key, (_, options) in entry["input"].get(group, {}).items():
                assert options.get("tooltip"), f"{name}.{key}"


def test_every_translation_is_served(comfyui: Server) -> None:
    served = comfyui.get_json("/i18n")
    for folder in (ROOT / "locales").iterdir():
        path = folder / "nodeDefs.json"
        expected = json.loads(path.read_text(encoding="utf-8"))
        nodes = served[folder.name]["nodeDefs"]
        assert {name: nodes[name] for name in expected} == expected

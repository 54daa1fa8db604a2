"""Write the example workflows by way of a running ComfyUI that has this pack:

    python examples/build_workflows.py --comfyui http://127.0.0.1:8188 [NAME ...]

It runs every graph of `workflow_graphs.py`, makes a thumbnail of the result, and writes
examples/workflows (UI format and thumbnails), its folder api (API format) and the copies in
example_workflows, where ComfyUI looks for templates. Nothing is written unless every graph ran.
Needs Pillow. To be run again after a change to graphs, nodes or weights.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, ImageSequence
from workflow_files import Workflow, WorkflowError
from workflow_graphs import GRAPHS

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "examples" / "images"
WORKFLOWS = ROOT / "examples" / "workflows"
COPIES = ROOT / "example_workflows"

THUMBNAIL = 400  # px, both sides: the cards of templates are square
STRIPS = 4  # at most, of several results
INSET = 64
MARGIN = 8
BORDER = 2
TIMEOUT = 900.0  # s for one graph


class ComfyUI:
    """A running ComfyUI.

    Args:
        address: such as http://127.0.0.1:8188.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def object_info(self) -> dict[str, Any]:
        """Every node class."""
        info: dict[str, Any] = json.loads(self._request("/object_info"))
        return info

    def run(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Runs a graph in API format and waits for it; gives the outputs by node id."""
        answer = json.loads(self._request("/prompt", json.dumps({"prompt": prompt}).encode()))
        identity = answer["prompt_id"]
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            history = json.loads(self._request(f"/history/{identity}"))
            if identity in history:
                status = history[identity]["status"]
                if status["status_str"] != "success":
                    raise WorkflowError(f"the graph failed: {status['messages'][-1]}")
                outputs: dict[str, Any] = history[identity]["outputs"]
                return outputs
            time.sleep(0.2)
        raise WorkflowError(f"the graph has not finished after {TIMEOUT:.0f} s")

    def pictures(self, image: dict[str, str]) -> list[Image.Image]:
        """A picture that a graph has put out, or the frames of a film."""
        data = self._request(f"/view?{urllib.parse.urlencode(image)}")
        with Image.open(io.BytesIO(data)) as film:
            return [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]

    def _request(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.address + path, body)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                data: bytes = response.read()
                return data
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")
            raise WorkflowError(f"{request.full_url}: {error.code}: {detail}") from error
        except (OSError, ValueError) as error:
            raise WorkflowError(f"{request.full_url} does not answer: {error}") from error


def thumbnail(results: Sequence[Image.Image], insets: Sequence[Image.Image]) -> bytes:
    """A JPEG of a result with small pictures at its lower edge.

    Args:
        results: the middle of each is shown; several are vertical strips, each its own part.
        insets: what the result was made of.
    """
    strips = results
    if len(results) > STRIPS:
        strips = [results[round(i * (len(results) - 1) / (STRIPS - 1))] for i in range(STRIPS)]
    canvas = Image.new("RGB", (THUMBNAIL, THUMBNAIL), "white")
    for index, result in enumerate(strips):
        square = ImageOps.fit(result, canvas.size, Image.Resampling.LANCZOS)
        left, right = (i * THUMBNAIL // len(strips) for i in (index, index + 1))
        inner = left + BORDER if index else 0
        canvas.paste(square.crop((inner, 0, right, THUMBNAIL)), (inner, 0))
    for index, inset in enumerate(insets):
        small = ImageOps.fit(inset, (INSET, INSET), Image.Resampling.LANCZOS)
        framed = ImageOps.expand(small, BORDER, "white")
        place = MARGIN + index * (framed.width + MARGIN), THUMBNAIL - framed.height - MARGIN
        canvas.paste(framed, place)
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def build(workflow: Workflow, comfyui: ComfyUI) -> dict[Path, bytes]:
    """Runs a workflow; gives its files."""
    graph = workflow.graph
    outputs = comfyui.run(workflow.api())
    results = [
        picture
        for node in graph.results
        for image in outputs[workflow.id_of(node)]["images"]
        for picture in comfyui.pictures(image)
    ]
    insets = [
        Image.open(IMAGES / str(node.inputs["image"])).convert("RGB") for node in graph.insets
    ]
    picture, layout = thumbnail(results, insets), _text(workflow.ui())
    return {
        WORKFLOWS / f"{graph.name}.json": layout,
        WORKFLOWS / f"{graph.name}.jpg": picture,
        WORKFLOWS / "api" / f"{graph.name}.json": _text(workflow.api()),
        COPIES / f"{graph.name}.json": layout,
        COPIES / f"{graph.name}.jpg": picture,
    }


def _text(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, data: bytes) -> None:
    """By way of a temporary file beside it: it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> None:
    """Write the named workflows, or all of them."""
    graphs = {graph.name: graph for graph in (make() for make in GRAPHS)}
    parser = argparse.ArgumentParser(description="Write the example workflows.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(graphs)}")
    parser.add_argument("--comfyui", required=True, metavar="URL", help="a running ComfyUI")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(graphs)):
        parser.error(f"no workflow named {', '.join(unknown)}; there are {', '.join(graphs)}")
    comfyui = ComfyUI(arguments.comfyui)
    files: dict[Path, bytes] = {}
    try:
        info = comfyui.object_info()
        workflows = [Workflow(graphs[name], info) for name in arguments.names or graphs]
        for workflow in workflows:
            start = time.monotonic()
            files |= build(workflow, comfyui)
            print(f"{workflow.graph.name}: {time.monotonic() - start:.1f} s", flush=True)
    except WorkflowError as error:
        sys.exit(f"build_workflows: {error}")
    for path, data in files.items():
        _write(path, data)


if __name__ == "__main__":
    main()

"""Makes what goes with the example workflows, by way of a running ComfyUI that has this pack:

    python tools/build_workflows.py --comfyui http://127.0.0.1:8188 [NAME ...]

The sources are examples/workflows/*.json, as ComfyUI's UI saves them. The script turns each into
the API format, runs that, and writes it, a thumbnail of the results, and the copies in
example_workflows, where ComfyUI looks for templates; all or nothing. `extra.insets` of a workflow
lists the ids of the example pictures that its thumbnail shows small.

Run it after a change to workflows, nodes or weights. ComfyUI must be at least as new as the one
that saved them, so that it knows every widget, and have examples/films/* in its input folder.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, ImageSequence

from adain_nodes.files.pictures import to_image
from adain_nodes.files.video import Video
from adain_nodes.host.errors import InputError, one_line
from adain_nodes.host.writing import written_whole

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "examples" / "images"
WORKFLOWS = ROOT / "examples" / "workflows"
COPIES = ROOT / "example_workflows"

NOTES = ("MarkdownNote", "Note")  # drawn by the UI, unknown to the API
WIDGETS = ("COMBO", "INT", "FLOAT", "STRING", "BOOLEAN")  # other types are sockets

THUMBNAIL, INSET, MARGIN, BORDER = 400, 64, 8, 2  # px; the cards of templates are square
STRIPS = 4  # at most, of several results


class ComfyUI:
    """A running ComfyUI at an address such as http://127.0.0.1:8188."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The answer to a request; a body is sent as JSON."""
        url, data = self.address + path, None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")
            raise InputError(f"{url} answers {error.code}: {detail}") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{url} does not answer: {error}") from error

    def run(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Runs a graph in API format to its end; gives the outputs by node id."""
        queued = json.loads(self.ask("/prompt", {"prompt": prompt}))
        if queued["node_errors"]:  # ComfyUI runs the rest of the graph all the same
            raise InputError(f"ComfyUI refuses a part of the graph: {queued['node_errors']}")
        identity = queued["prompt_id"]
        while not (history := json.loads(self.ask(f"/history/{identity}"))):
            time.sleep(0.2)
        status = history[identity]["status"]
        if status["status_str"] != "success":
            raise InputError(f"the graph failed: {status['messages'][-1]}")
        return dict(history[identity]["outputs"])

    def pictures(self, image: dict[str, str]) -> list[Image.Image]:
        """A picture that a graph has saved, or the frames of a film."""
        data = self.ask(f"/view?{urllib.parse.urlencode(image)}")
        if image["filename"].endswith(".mp4"):
            with tempfile.TemporaryDirectory() as folder:
                (path := Path(folder, "film.mp4")).write_bytes(data)
                return [to_image(frame) for frame in Video(path)]
        with Image.open(io.BytesIO(data)) as film:
            return [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]


def api_format(workflow: dict[str, Any], object_info: dict[str, Any]) -> dict[str, Any]:
    """A workflow as ComfyUI's API runs it, by what /object_info says of every node class."""
    sources = {number: [str(node), slot] for number, node, slot, *_ in workflow["links"]}
    prompt: dict[str, Any] = {}
    for node in sorted(workflow["nodes"], key=lambda node: int(node["id"])):
        if node["type"] in NOTES:
            continue
        where = f"node {node['id']} ({node.get('title', node['type'])})"
        if node.get("mode"):
            raise InputError(f"{where} is muted or bypassed; switch it on or remove it")
        if (info := object_info.get(node["type"])) is None:
            raise InputError(f"{where}: this ComfyUI has no node {node['type']}")
        names, values = _widgets(info), node.get("widgets_values", [])
        if len(names) != len(values):
            raise InputError(
                f"{where} has the values {values}, but this ComfyUI has the widgets {names} there"
            )
        inputs: dict[str, Any] = dict(zip(names, values, strict=True))
        for socket in node.get("inputs", ()):
            if socket["link"] is not None:
                inputs[socket["name"]] = sources[socket["link"]]
        meta = {"title": node.get("title") or info["display_name"] or node["type"]}
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs, "_meta": meta}
    return prompt


def _widgets(info: dict[str, Any]) -> list[str]:
    """Names of a node class's widgets, in the order in which the UI saves their values."""
    return [
        name
        for group in ("required", "optional")
        for name in info["input_order"].get(group, ())
        if isinstance(kind := info["input"][group][name][0], list) or kind in WIDGETS
    ]


def thumbnail(results: list[Image.Image], insets: list[Image.Image]) -> bytes:
    """A JPEG of a result, of strips of several or of a square of nine, and small at its lower edge
    the pictures that they were made of."""
    canvas = Image.new("RGB", (THUMBNAIL, THUMBNAIL), "white")
    rows, columns = (3, 3) if len(results) == 9 else (1, min(len(results), STRIPS))
    size = -(-THUMBNAIL // rows)
    for index in range(rows * columns):
        result = results[round(index * (len(results) - 1) / max(rows * columns - 1, 1))]
        square = ImageOps.fit(result, (size, size), Image.Resampling.LANCZOS)
        top, left = divmod(index, columns)
        top, left, right = (each * THUMBNAIL // columns for each in (top, left, left + 1))
        left += BORDER if left else 0
        part = square.crop((left % size, 0, left % size + right - left, size))
        canvas.paste(part, (left, top + (BORDER if top else 0)))
    for index, inset in enumerate(insets):
        small = ImageOps.fit(inset, (INSET, INSET), Image.Resampling.LANCZOS)
        framed = ImageOps.expand(small, BORDER, "white")
        place = MARGIN + index * (framed.width + MARGIN), THUMBNAIL - framed.height - MARGIN
        canvas.paste(framed, place)
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def build(name: str, comfyui: ComfyUI, object_info: dict[str, Any]) -> dict[Path, bytes]:
    """Runs a workflow; gives the files that go with it."""
    source = (WORKFLOWS / f"{name}.json").read_bytes()
    workflow = json.loads(source)
    prompt = api_format(workflow, object_info)
    outputs = comfyui.run(prompt)
    results = [
        picture
        for identity in sorted(outputs, key=int)
        for image in outputs[identity].get("images", ())
        if image["type"] == "output"  # others are previews
        for picture in comfyui.pictures(image)
    ]
    if not results:
        raise InputError("no node of the graph saves a picture")
    pictures = [prompt[str(node)]["inputs"]["image"] for node in workflow["extra"]["insets"]]
    text = json.dumps(prompt, indent=2, ensure_ascii=False)
    shown = thumbnail(results, [Image.open(IMAGES / each).convert("RGB") for each in pictures])
    return {
        WORKFLOWS / "api" / f"{name}.json": f"{text}\n".encode(),
        WORKFLOWS / f"{name}.jpg": shown,
        COPIES / f"{name}.json": source,
        COPIES / f"{name}.jpg": shown,
    }


def main() -> None:
    """Makes the files of the named workflows, or of all."""
    known = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
    parser = argparse.ArgumentParser(description="Makes what goes with the example workflows.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them without it")
    parser.add_argument("--comfyui", required=True, metavar="URL", help="a running ComfyUI")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(known)):
        parser.error(f"no workflow named {', '.join(unknown)}; there are {', '.join(known)}")
    comfyui, where = ComfyUI(arguments.comfyui), "--comfyui"
    files: dict[Path, bytes] = {}
    try:
        object_info = json.loads(comfyui.ask("/object_info"))
        for where in arguments.names or known:
            print(where, flush=True)
            files |= build(where, comfyui, object_info)
    except ValueError as error:  # InputError, or that of a file that is not JSON
        parser.error(f"{where}: {one_line(error)}")
    for path, data in files.items():
        with written_whole(path) as temporary:
            temporary.write_bytes(data)


if __name__ == "__main__":
    main()

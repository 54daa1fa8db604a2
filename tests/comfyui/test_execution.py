"""Graphs that run in ComfyUI."""

from __future__ import annotations

import io
import json
import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ..files.videos import sound_of, times_of, write_video
from ..models.hub_server import HubServer
from .conftest import ROOT, size_of_absent
from .server import Event, Prompt, Server

API = ROOT / "examples" / "workflows" / "api"
IMAGES = ROOT / "examples" / "images"

RESULTS = {
    "10 A bank of styles": (4, (601, 400)),
    "11 A square of four styles": (9, (256, 256)),
    "16 A film": (1, (398, 320)),  # 528x424 after its crops, shorter side scaled
}
"""How many pictures a graph saves, and their size, where it is not one of the content's size."""

FRAMES = 2000  # more than any machine gets through before the test cancels


def graph(name: str) -> Prompt:
    prompt: Prompt = json.loads((API / f"{name}.json").read_text(encoding="utf-8"))
    return prompt


def ids(prompt: Prompt, kind: str) -> set[str]:
    return {identity for identity, node in prompt.items() if node["class_type"] == kind}


def only(prompt: Prompt, kind: str) -> str:
    (identity,) = ids(prompt, kind)
    return identity


def expected_size(prompt: Prompt) -> tuple[int, int]:
    """Of the results: that of the content picture, unless the graph scales it."""
    (content,) = {
        node["inputs"]["image"]
        for node in prompt.values()
        if str(node["inputs"].get("image")).startswith("content-")
    }
    with Image.open(IMAGES / content) as image:
        width, height = image.size
    for node in prompt.values():
        if node["class_type"] == "ImageScaleToTotalPixels":
            scale = (node["inputs"]["megapixels"] * 1024 * 1024 / (width * height)) ** 0.5
            width, height = round(width * scale), round(height * scale)
    return width, height


def widgets(prompt: Prompt, kind: str) -> dict[str, Any]:
    """Settings of the only node of its kind."""
    inputs = prompt[only(prompt, kind)]["inputs"]
    return {key: value for key, value in inputs.items() if not isinstance(value, list)}


def small_graph(image: str, precision: str = "fp32") -> Prompt:
    """Shows a picture stylised with the model tiny."""
    example = graph("01 Stylise a picture")
    loader = {**widgets(example, "AdaINModelLoader"), "model_name": "tiny", "precision": precision}
    scale = {"upscale_method": "area", "width": 64, "height": 48, "crop": "disabled"}
    stylize = {
        **widgets(example, "AdaINStylize"),
        "style_size": 0,
        "model": ["model", 0],
        "content": ["small", 0],
        "style_image": ["small", 0],
    }
    return {
        "model": {"class_type": "AdaINModelLoader", "inputs": loader},
        "picture": {"class_type": "AdaINExampleImage", "inputs": {"image": image}},
        "small": {"class_type": "ImageScale", "inputs": {"image": ["picture", 0], **scale}},
        "stylize": {"class_type": "AdaINStylize", "inputs": stylize},
        "show": {"class_type": "PreviewImage", "inputs": {"images": ["stylize", 0]}},
    }


NAMES = sorted(path.stem for path in API.glob("*.json"))
FILMS = [name for name in NAMES if ids(graph(name), "SaveVideo")]


@pytest.mark.parametrize("name", FILMS)
def test_every_film_example_runs_to_a_film_of_all_frames(
    comfyui: Server, name: str, tmp_path: Path
) -> None:
    prompt = graph(name)
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_success", run.end
    (saved,) = run.images(only(prompt, "SaveVideo"))
    result = tmp_path / "film.mp4"
    result.write_bytes(comfyui.view(saved))
    film = ROOT / "examples" / "films" / prompt[only(prompt, "LoadVideo")]["inputs"]["file"]
    assert times_of(result) == pytest.approx(times_of(film), abs=1e-3)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FILMS])
def test_every_example_runs_to_pictures_of_the_right_size(comfyui: Server, name: str) -> None:
    prompt = graph(name)
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_success", run.end
    saved = ids(prompt, "SaveImage") | ids(prompt, "SaveAnimatedWEBP")
    assert saved
    count, size = RESULTS.get(name) or (1, expected_size(prompt))
    for node in saved:
        images = run.images(node)
        assert len(images) == count
        for image in images:
            with Image.open(io.BytesIO(comfyui.view(image))) as picture:
                assert picture.size == size
                assert picture.convert("L").getextrema() != (0, 0)


def test_a_changed_alpha_runs_only_adain_and_what_follows(comfyui: Server) -> None:
    prompt = graph("03 AdaIN step by step")
    comfyui.run(prompt)
    transfer = only(prompt, "AdaINTransfer")
    prompt[transfer]["inputs"]["alpha"] = 0.5
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_success"
    assert run.executed == {transfer, only(prompt, "AdaINDecode"), only(prompt, "SaveImage")}


def test_a_download_is_cancelled_though_the_server_is_silent(
    comfyui: Server, hub: HubServer
) -> None:
    hub.fault, hub.faults = "stall", 1
    cancelled = False

    def cancel(event: Event) -> None:
        nonlocal cancelled
        if not cancelled and event["type"] == "progress" and hub.requests["GET"]:
            cancelled = True
            comfyui.post("/interrupt", {})

    run = comfyui.run(small_graph("content-cat.jpg"), cancel)
    assert cancelled
    assert run.end["type"] == "execution_interrupted", run.end
    assert run.end["data"]["node_id"] == "model"
    assert hub.left.wait(60)


def test_a_download_moves_and_goes_on_after_a_cancel(
    comfyui: Server, hub: HubServer, held: threading.Event
) -> None:
    prompt = small_graph("content-cat.jpg")
    prompt["model"]["inputs"]["model_name"] = "absent"
    size = size_of_absent(hub)
    seen: set[int] = set()

    def cancel(event: Event) -> None:
        if event["type"] == "progress" and event["data"]["node"] == "model":
            seen.add(event["data"]["value"])
            if event["data"]["value"] >= size // 2 and not held.is_set():
                comfyui.post("/interrupt", {})
                held.set()

    first = comfyui.run(prompt, cancel)
    assert first.end["type"] == "execution_interrupted", first.end
    assert len(seen) > 1  # from 0 to half of the file
    sent = hub.sent
    second = comfyui.run(prompt, cancel)
    assert second.end["type"] == "execution_success", second.end
    assert hub.sent - sent < 1.6 * size  # half of the encoder, and the decoder
    requests = hub.requests.total()
    # Another precision makes the loader run again.
    prompt["model"]["inputs"]["precision"] = "bf16"
    third = comfyui.run(prompt)
    assert third.end["type"] == "execution_success", third.end
    assert "model" in third.executed
    assert hub.requests.total() == requests


def test_a_download_that_fails_is_said_on_the_node(comfyui: Server, hub: HubServer) -> None:
    hub.status = 503
    run = comfyui.run(small_graph("content-cat.jpg"))
    hub.status = None
    assert run.end["type"] == "execution_error", run.end
    message = run.end["data"]["exception_message"]
    assert message.startswith("tiny-encoder.safetensors cannot be fetched: HTTP 503: ")
    assert f"Page: {hub.endpoint}/someone/tiny/blob/" in message


def test_a_picture_that_is_being_refined_is_shown(comfyui: Server) -> None:
    prompt = small_graph("content-cat.jpg")
    prompt["stylize"]["inputs"]["refine_steps"] = 10
    run = comfyui.run(prompt)
    assert run.end["type"] == "execution_success", run.end
    assert len(run.previews) == 3  # the start, and after 5 and 10 steps
    for preview in run.previews:
        with Image.open(io.BytesIO(preview[8:])) as picture:
            assert (picture.format, picture.size) == ("JPEG", (64, 48))


def test_a_cancelled_film_stops_and_the_next_prompt_runs(comfyui: Server) -> None:
    prompt = small_graph("content-dahlia.jpg")
    film = deepcopy(prompt)
    film["film"] = {
        "class_type": "RepeatImageBatch",
        "inputs": {"image": ["small", 0], "amount": FRAMES},
    }
    film["stylize"]["inputs"]["content"] = ["film", 0]
    cancelled = False

    def cancel(event: Event) -> None:
        nonlocal cancelled
        if not cancelled and event["type"] == "progress" and event["data"]["node"] == "stylize":
            cancelled = True
            comfyui.post("/interrupt", {})

    run = comfyui.run(film, cancel)
    assert cancelled
    assert run.end["type"] == "execution_interrupted", run.end
    assert run.end["data"]["node_id"] == "stylize"
    assert "execution_interrupted" in [kind for kind, _ in run.history["status"]["messages"]]
    assert comfyui.run(prompt).end["type"] == "execution_success"


def video_graph(name: str) -> Prompt:
    """Stylises a video of the input folder with the model tiny and saves it."""
    prompt = small_graph("content-cat.jpg")
    inputs = dict(prompt["stylize"]["inputs"])
    del inputs["content"]
    return {
        **{node: prompt[node] for node in ("model", "picture", "small")},
        "load": {"class_type": "LoadVideo", "inputs": {"file": name}},
        "stylize": {
            "class_type": "AdaINStylizeVideo",
            "inputs": {**inputs, "video": ["load", 0]},
        },
        "save": {
            "class_type": "SaveVideo",
            "inputs": {
                "video": ["stylize", 0], "filename_prefix": "film", "format": "auto",
                "codec": "auto",
            },
        },
    }  # fmt: skip


def test_a_video_is_stylised_with_its_sound(comfyui: Server, base: Path, tmp_path: Path) -> None:
    write_video(base / "input" / "film.mp4", frames=12)
    before = set(base.glob("temp/*"))
    run = comfyui.run(video_graph("film.mp4"))
    assert run.end["type"] == "execution_success", run.end
    (saved,) = run.images("save")
    result = tmp_path / "film.mp4"
    result.write_bytes(comfyui.view(saved))
    assert times_of(result) == pytest.approx(times_of(base / "input" / "film.mp4"))
    assert sound_of(result) == sound_of(base / "input" / "film.mp4")
    assert any(
        event["type"] == "progress" and event["data"]["node"] == "stylize" for event in run.events
    )
    (made,) = set(base.glob("temp/*")) - before
    assert made.suffix == ".mp4"


def test_a_cancelled_video_leaves_no_file(comfyui: Server, base: Path) -> None:
    write_video(base / "input" / "long.mp4", frames=FRAMES, sound=None)
    before = sorted((base / "temp").iterdir())
    cancelled = False

    def cancel(event: Event) -> None:
        nonlocal cancelled
        if not cancelled and event["type"] == "progress" and event["data"]["node"] == "stylize":
            cancelled = True
            comfyui.post("/interrupt", {})

    run = comfyui.run(video_graph("long.mp4"), cancel)
    assert cancelled
    assert run.end["type"] == "execution_interrupted", run.end
    assert sorted((base / "temp").iterdir()) == before

"""A ComfyUI with this pack in it, started once for all tests here.

COMFYUI_DIR=<folder of ComfyUI> <ComfyUI's python> -m pytest tests/comfyui

COMFYUI_FRONTEND=<folder with index.html> takes another frontend than the installed one.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from ..models.hub_server import HubServer
from ..models.tiny_models import describe_model, write_model
from .server import Server

ROOT = Path(__file__).parents[2]
PACK = "adain-nodes"
"""Folder of the pack; as most clones, no Python identifier."""

PARTS = (
    "__init__.py",
    "weights_manifest.json",
    "adain_nodes",
    "examples",
    "example_workflows",
    "locales",
    "subgraphs",
)


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """A Hub with the models tiny, of a few kilobytes, and absent, adain-vgg16 by another name."""
    if "COMFYUI_DIR" not in os.environ:
        pytest.skip("COMFYUI_DIR names no ComfyUI")
    root = tmp_path_factory.mktemp("hub")
    folder = root / "someone" / "tiny"
    write_model(folder / "tiny-encoder.safetensors", folder / "tiny-decoder.safetensors", seed=0)
    for kind in ("encoder", "decoder"):
        weights = ROOT / "adain_nodes" / "models" / "weights" / f"adain-vgg16-{kind}.safetensors"
        shutil.copy(weights, folder / f"absent-{kind}.safetensors")
    with HubServer(root) as server:
        yield server


@pytest.fixture(scope="session")
def base(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh base directory. The pack's manifest knows the models of the Hub besides its own."""
    base = tmp_path_factory.mktemp("comfyui")
    (base / "input").mkdir()
    shutil.copy(ROOT / "examples" / "films" / "boat.mp4", base / "input")  # templates load it
    pack = base / "custom_nodes" / PACK
    pack.mkdir(parents=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, pack / part, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        else:
            shutil.copy(ROOT / part, pack / part)
    path = pack / "weights_manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for name in ("tiny", "absent"):
        folder = hub.root / "someone" / "tiny"
        entry = asdict(describe_model(name, folder, published=True, embedded=False))
        entry["encoder"]["identity"] = entry.pop("identity")
        manifest["models"][entry.pop("name")] = entry
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return base


def size_of_absent(hub: HubServer) -> int:
    """Bytes of the encoder of the model absent."""
    return (hub.root / "someone" / "tiny" / "absent-encoder.safetensors").stat().st_size


@pytest.fixture
def held(hub: HubServer, base: Path) -> Iterator[threading.Event]:
    """Nothing is in the Hub's cache, and of each file the Hub sends half, until this is set."""
    shutil.rmtree(base / "huggingface", ignore_errors=True)
    free = threading.Event()
    half = size_of_absent(hub) // 2

    def pace(sent: int) -> None:
        if sent > half and not free.is_set():
            free.wait()
            raise BrokenPipeError  # whoever asked has gone by now

    hub.pace, hub.sent = pace, 0
    yield free
    free.set()
    hub.pace = lambda _: None


@pytest.fixture(scope="session")
def comfyui(hub: HubServer, base: Path) -> Iterator[Server]:
    """ComfyUI with that base directory, whose Hub is the loopback one."""
    environment = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(base / "huggingface"),
        "HF_HUB_OFFLINE": "0",
        "NO_PROXY": "127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    frontend = os.environ.get("COMFYUI_FRONTEND")
    with Server(Path(os.environ["COMFYUI_DIR"]), base, environment, frontend) as server:
        yield server


@pytest.fixture(scope="session")
def blueprints(comfyui: Server) -> dict[str, Any]:
    """What ComfyUI knows of subgraph blueprints; by id."""
    try:
        known: dict[str, Any] = comfyui.get_json("/global_subgraphs")
    except HTTPError:
        pytest.skip("this ComfyUI takes no blueprints from packs")
    return known

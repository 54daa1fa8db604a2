"""A stand-in for a running ComfyUI."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from adain_nodes.host import surroundings


@pytest.fixture
def fresh_host() -> Iterator[None]:
    """The choice is made once in a process; tests that change the surroundings undo it."""
    surroundings.current.cache_clear()
    yield
    surroundings.current.cache_clear()
    sys.modules.pop("adain_nodes.host.comfy", None)


@pytest.fixture
def comfy(
    fresh_host: None,  # noqa: ARG001  a fixture
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Enough of a ComfyUI to be the host."""
    folders = {"adain": ["extra"], "adain_styles": ["extra"]}
    paths: Any = ModuleType("folder_paths")
    paths.models_dir = str(tmp_path)
    paths.add_model_folder_path = lambda name, folder: folders[name].append(folder)
    paths.get_folder_paths = folders.get
    monkeypatch.setitem(sys.modules, "folder_paths", paths)

    class Patcher:
        def __init__(self, model: nn.Module, **_: object) -> None:
            self.model = model

    package = ModuleType("comfy")
    parts: dict[str, dict[str, Any]] = {
        "model_management": {
            "should_use_fp16": lambda device: device.type == "xpu",
            "unet_offload_device": lambda: torch.device("cpu"),
            "load_models_gpu": lambda _: None,
        },
        "model_patcher": {"ModelPatcher": Patcher},
        "utils": {},
    }
    monkeypatch.setitem(sys.modules, "comfy", package)
    for name, contents in parts.items():
        module = ModuleType(name)
        vars(module).update(contents)
        setattr(package, name, module)
        monkeypatch.setitem(sys.modules, f"comfy.{name}", module)

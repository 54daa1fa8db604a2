"""Choice of host."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from adain_nodes.host import surroundings
from adain_nodes.host.plain import Host


@pytest.mark.usefixtures("fresh_host")
def test_a_plain_process_is_its_own_host() -> None:
    assert type(surroundings.current()) is Host
    assert surroundings.current().model_folders() == surroundings.current().style_folders() == []
    assert surroundings.current().progress() is None


@pytest.mark.usefixtures("comfy")
def test_a_running_comfyui_is_the_host_and_gets_our_folders(tmp_path: Path) -> None:
    extra = Path("extra")  # of extra_model_paths.yaml
    host = surroundings.current()
    assert type(host).__name__ == "ComfyHost"
    assert host.model_folders() == [extra, tmp_path / "adain"]
    assert (tmp_path / "adain").is_dir()
    # New styles go into the first.
    assert host.style_folders() == [tmp_path / "adain_styles", extra]
    assert (tmp_path / "adain_styles").is_dir()


@pytest.mark.usefixtures("comfy")
def test_a_network_is_on_its_device_even_if_comfyui_moves_nothing() -> None:
    device = torch.device("meta")
    resident = surroundings.current().resident(nn.Linear(2, 3), device)
    assert resident.load().weight.device == device


@pytest.mark.usefixtures("comfy")
def test_notes_go_to_the_node_that_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings.current().note("of a ComfyUI that cannot tell")
    told: list[tuple[str, str]] = []
    utils: Any = ModuleType("comfy_execution.utils")
    utils.get_executing_context = lambda: SimpleNamespace(node_id="7")
    monkeypatch.setitem(sys.modules, "comfy_execution", ModuleType("comfy_execution"))
    monkeypatch.setitem(sys.modules, "comfy_execution.utils", utils)
    server = SimpleNamespace(send_progress_text=lambda *text: told.append(text))
    module: Any = ModuleType("server")
    module.PromptServer = SimpleNamespace(instance=server)
    monkeypatch.setitem(sys.modules, "server", module)
    surroundings.current().note("frame 3 of 9")
    utils.get_executing_context = lambda: None
    surroundings.current().note("at no work")
    assert told == [("frame 3 of 9", "7")]

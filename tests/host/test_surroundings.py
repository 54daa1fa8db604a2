"""Choice of host."""

from __future__ import annotations

from pathlib import Path

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

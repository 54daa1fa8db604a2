"""Choice of host and of precision."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from adain_nodes import host
from adain_nodes.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture
def fresh_host() -> Iterator[None]:
    """The choice is made once in a process; tests that change the surroundings undo it."""
    host.current.cache_clear()
    yield
    host.current.cache_clear()


@pytest.mark.usefixtures("fresh_host")
def test_a_plain_process_is_its_own_host() -> None:
    assert type(host.current()) is host.Host
    assert host.current().model_folders() == host.current().style_folders() == []
    assert host.current().progress() is None


@pytest.mark.usefixtures("fresh_host")
def test_a_running_comfyui_is_the_host_and_gets_our_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    extra = tmp_path / "from_extra_model_paths"
    folders = {"adain": [str(extra)], "adain_styles": [str(extra)]}
    paths: Any = ModuleType("folder_paths")
    paths.models_dir = str(tmp_path)
    paths.add_model_folder_path = lambda name, folder: folders[name].append(folder)
    paths.get_folder_paths = folders.get
    monkeypatch.setitem(sys.modules, "folder_paths", paths)
    monkeypatch.setitem(sys.modules, "comfy.model_management", ModuleType("model_management"))

    assert isinstance(host.current(), host.ComfyHost)
    assert host.current().model_folders() == [extra, tmp_path / "adain"]
    assert (tmp_path / "adain").is_dir()
    # New styles go into the first.
    assert host.current().style_folders() == [tmp_path / "adain_styles", extra]
    assert (tmp_path / "adain_styles").is_dir()


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_a_precision_is_taken_at_its_word(precision: host.Precision, dtype: torch.dtype) -> None:
    assert host.compute_dtype(precision, CPU) == dtype


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({}, torch.float32),
        ({"avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
    ],
)
def test_auto_takes_bf16_on_cpus_made_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    host._cpu_has_bf16.cache_clear()
    try:
        assert host.compute_dtype("auto", CPU) == dtype
    finally:
        host._cpu_has_bf16.cache_clear()


@pytest.mark.parametrize(
    ("name", "capability", "dtype"),
    [
        ("NVIDIA H100", (9, 0), torch.float16),
        ("NVIDIA GeForce RTX 2060", (7, 5), torch.float16),
        ("NVIDIA GeForce GTX 1650", (7, 5), torch.float32),
        ("NVIDIA GeForce GTX 1080", (6, 1), torch.float32),
    ],
)
def test_auto_takes_fp16_on_gpus_that_are_good_at_it(
    monkeypatch: pytest.MonkeyPatch, name: str, capability: tuple[int, int], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: name)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert host.compute_dtype("auto", torch.device("cuda")) == dtype
    assert host.compute_dtype("auto", torch.device("mps")) == torch.float16


@pytest.fixture
def comfy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Enough of a ComfyUI to be the host."""
    paths: Any = ModuleType("folder_paths")
    paths.models_dir = str(tmp_path)
    paths.add_model_folder_path = lambda *_: None
    package, management, patcher = (
        ModuleType(name) for name in ("comfy", "model_management", "model_patcher")
    )
    vars(package).update(model_management=management, model_patcher=patcher)
    for name, module in (
        ("folder_paths", paths),
        ("comfy", package),
        ("comfy.model_management", management),
    ):
        monkeypatch.setitem(sys.modules, name, module)

    class Patcher:
        def __init__(self, model: nn.Module, **_: object) -> None:
            self.model = model

    vars(patcher).update(ModelPatcher=Patcher)
    vars(management).update(
        should_use_fp16=lambda device: device.type == "xpu",
        unet_offload_device=lambda: CPU,
        load_models_gpu=lambda _: None,
    )


@pytest.mark.usefixtures("fresh_host", "comfy")
def test_auto_follows_comfyui() -> None:
    assert host.compute_dtype("auto", torch.device("xpu")) == torch.float16
    assert host.compute_dtype("auto", torch.device("cuda")) == torch.float32


@pytest.mark.usefixtures("fresh_host", "comfy")
def test_a_network_is_on_its_device_even_if_comfyui_moves_nothing() -> None:
    device = torch.device("meta")
    resident = host.current().resident(nn.Linear(2, 3), device)
    assert resident.load().weight.device == device


def test_an_unknown_precision_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"bf16.*got 'fp8'"):
        host.compute_dtype("fp8", CPU)  # type: ignore[arg-type]

"""Choice of host and of precision."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

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


def test_auto_takes_fp16_on_gpus() -> None:
    assert host.compute_dtype("auto", torch.device("cuda")) == torch.float16
    assert host.compute_dtype("auto", torch.device("mps")) == torch.float16


def test_an_unknown_precision_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"bf16.*got 'fp8'"):
        host.compute_dtype("fp8", CPU)  # type: ignore[arg-type]

"""Choice of device and of precision."""

from __future__ import annotations

import pytest
import torch

from adain_nodes.host import devices, surroundings
from adain_nodes.host.errors import InputError
from adain_nodes.host.options import Precision

CPU = torch.device("cpu")


def test_a_device_is_taken_at_its_word() -> None:
    assert devices.chosen_device("cpu") == CPU
    foreign = torch.device("meta")  # hosts may have kinds that we do not know
    assert devices.chosen_device(foreign) is foreign


@pytest.mark.parametrize("device", ["auto", None])
def test_without_a_device_the_host_chooses(
    monkeypatch: pytest.MonkeyPatch, device: str | None
) -> None:
    monkeypatch.setattr(surroundings.current(), "device", lambda: torch.device("cuda:1"))
    assert devices.chosen_device(device) == torch.device("cuda:1")


def test_gpus_are_taken_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.chosen_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError) as caught:
        devices.chosen_device("cuda:2")
    assert str(caught.value) == (
        "device cuda:2 is not available here; there are auto, cpu, cuda, cuda:0, cuda:1"
    )


@pytest.mark.parametrize(
    ("device", "problem"),
    [
        ("cuda", "is not available"),
        ("cuda:0", "is not available"),
        ("mps", "is not available"),
        ("tpu", "is unknown"),
        ("cuda:x", "is unknown"),
        ("", "is unknown"),
    ],
)
def test_a_device_that_is_not_there_is_an_error_that_lists_those_there_are(
    monkeypatch: pytest.MonkeyPatch, device: str, problem: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"^device {device} {problem}.*; there are auto, cpu$"):
        devices.chosen_device(device)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_a_precision_is_taken_at_its_word(precision: Precision, dtype: torch.dtype) -> None:
    assert devices.compute_dtype(precision, CPU) == dtype
    assert devices.name_of(dtype) == precision


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
    devices._cpu_has_bf16.cache_clear()
    try:
        assert devices.compute_dtype("auto", CPU) == dtype
    finally:
        devices._cpu_has_bf16.cache_clear()


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
    assert devices.compute_dtype("auto", torch.device("cuda")) == dtype
    assert devices.compute_dtype("auto", torch.device("mps")) == torch.float16


@pytest.mark.usefixtures("comfy")
def test_auto_follows_comfyui() -> None:
    assert devices.compute_dtype("auto", torch.device("xpu")) == torch.float16
    assert devices.compute_dtype("auto", torch.device("cuda")) == torch.float32


def test_an_unknown_precision_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"bf16.*got 'fp8'"):
        devices.compute_dtype("fp8", CPU)  # type: ignore[arg-type]

"""What the benchmark counts and compares; how long anything takes is not tested."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from adain_nodes.cli import benchmark
from adain_nodes.cli.benchmark import (
    PLAIN,
    STYLE_CACHED,
    STYLE_ENCODED,
    Setting,
    Timing,
    convolution_flops,
    measure,
    memory_in_a_fresh_process,
    peak_flops,
    prepare,
    process_memory,
    settings,
)
from adain_nodes.cli.benchmark_refine import measure_memory
from adain_nodes.host import devices
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import VGG19, Architecture, Encoder

MIB = 1 << 20


@pytest.fixture
def setting(tiny_model_folder: Path) -> Setting:
    return Setting(str(tiny_model_folder), "cpu", "fp32", PLAIN, 40)


@pytest.mark.parametrize("architecture", [Architecture(VGG19.depths, (3, 5, 7, 9))])
@pytest.mark.parametrize("size", [(64, 64), (9, 30), (5, 41)])
@pytest.mark.parametrize("encoded", [1, 2])
def test_flops_are_those_of_every_tap(
    architecture: Architecture, size: tuple[int, int], encoded: int
) -> None:
    """Added up while the networks run, position by position."""
    total = 0

    def count(convolution: nn.Module, _: object, y: Tensor) -> None:
        nonlocal total
        assert isinstance(convolution, nn.Conv2d)
        for _row in range(y.shape[2]):
            for _column in range(y.shape[3]):
                total += 2 * convolution.weight.numel()

    encoder, decoder = Encoder(architecture), Decoder(architecture)
    for network in (encoder, decoder):
        for child in network.children():
            child.register_forward_hook(count)
    pictures = torch.rand(1, 3, max(9, size[0]), max(9, size[1]))
    for _ in range(encoded):
        features = encoder(pictures)
    decoder(features)
    assert convolution_flops(architecture, size, encoded=encoded, folded=False) == total


def test_folding_leaves_four_taps_of_nine_in_three_layers() -> None:
    architecture = Architecture(VGG19.depths, (1, 1, 1, 1))
    whole, left = (
        convolution_flops(architecture, (64, 64), encoded=3, folded=folded)
        for folded in (False, True)
    )
    assert whole - left == 2 * (9 - 4) * (64**2 + 32**2 + 16**2)


@pytest.mark.parametrize(
    ("automatic", "precisions"),
    [
        (torch.bfloat16, ["fp32", "auto", "auto", "fp32", "fp32"]),
        (torch.float32, ["fp32"] * 3),
    ],
)
def test_ours_is_measured_in_fp32_and_in_what_is_fastest(
    monkeypatch: pytest.MonkeyPatch, automatic: torch.dtype, precisions: list[str]
) -> None:
    monkeypatch.setattr(devices, "compute_dtype", lambda *_: automatic)
    chosen = settings("name", "cpu", 32)
    assert [setting.precision for setting in chosen] == precisions
    ours = [STYLE_ENCODED, STYLE_CACHED] * (len(chosen) // 2)
    assert [setting.method for setting in chosen] == [PLAIN, *ours]
    assert {setting.size for setting in chosen} == {32}


def test_all_methods_give_the_same_picture(setting: Setting) -> None:
    expected = prepare(setting)()
    assert expected.shape == (1, 40, 40, 3)
    for method in (STYLE_ENCODED, STYLE_CACHED):
        torch.testing.assert_close(prepare(replace(setting, method=method))(), expected)


def test_every_setting_has_its_turn_in_every_round(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(benchmark, "prepare", lambda setting: lambda: calls.append(setting.method))
    chosen = [setting, replace(setting, method=STYLE_CACHED)]
    timings = measure(chosen, rounds=3)
    assert calls == [PLAIN, STYLE_CACHED] * 4  # the first calls count on their own
    assert [timing.setting for timing in timings] == chosen
    assert [len(timing.seconds) for timing in timings] == [3, 3]
    assert timings[0].flops > timings[1].flops  # one picture more to encode
    assert timings[0].flops == timings[0].folded_flops
    assert timings[1].flops > timings[1].folded_flops


def test_the_median_is_that_of_the_rounds(setting: Setting) -> None:
    assert Timing(setting, 1, 1, 9.0, [3.0, 1.0, 2.0]).median == 2


def test_the_peak_is_positive() -> None:
    assert peak_flops("cpu", torch.float32, rounds=1, side=16) > 0


@pytest.mark.skipif(process_memory("VmHWM") is None, reason="the system does not tell")
def test_memory_is_that_of_a_process_of_its_own(setting: Setting) -> None:
    small = memory_in_a_fresh_process(replace(setting, size=16))
    large = memory_in_a_fresh_process(replace(setting, size=1024))
    assert small is not None and large is not None
    # Two pictures of 12 MiB, and feature maps.
    assert small < 20 * MIB < 24 * MIB < large


def test_refining_needs_memory_for_what_it_remembers(tiny_model_folder: Path) -> None:
    needed = measure_memory(str(tiny_model_folder), "cpu", "fp32", 512)
    if process_memory("VmHWM") is None:
        assert needed is None
        return
    assert needed is not None
    # Six pictures of 3 MiB at the least, which L-BFGS keeps.
    assert 18 * MIB < needed < 1024 * MIB


def test_a_figure_that_is_not_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert process_memory("VmNone") is None
    monkeypatch.setattr(benchmark, "_STATUS", tmp_path / "status")
    assert process_memory("VmRSS") is None
    (tmp_path / "status").write_text("VmPeak:\t 9 kB\nVmRSS:\t   12 kB\n")
    assert process_memory("VmRSS") == 12 << 10

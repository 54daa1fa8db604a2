"""The training command, on tiny networks and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from adain_nodes.cli import encoders, main
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.tensors import identify, read_tensors

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def command(tiny_model_folder: Path, tmp_path: Path) -> list[str]:
    """A run of three steps, without its folder."""
    for kind in ("content", "style"):
        (tmp_path / kind).mkdir()
        for index in range(3):
            write_picture(tmp_path / kind / f"{index}.png", torch.rand(20, 24, 3))
    folders = ["--content", str(tmp_path / "content"), "--style", str(tmp_path / "style")]
    encoder = ["--encoder", str(tiny_model_folder / "encoder.safetensors")]
    sizes = ["--crop", "16", "--batch", "2", "--steps", "3"]
    return ["train", *folders, *encoder, *sizes, "--preview-interval", "0", "--device", "cpu"]


def steps_logged(run: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]


def test_names_to_exclude_that_no_picture_has_are_told(
    command: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = tmp_path / "held-out.txt"
    names.write_text("0.png\nmispelt.png\n")
    assert main([*command, "--exclude", str(names), "--output", str(tmp_path / "run")]) == 0
    assert "1 of the 2 pictures named in" in caplog.text and "such as mispelt.png" in caplog.text


def test_a_run_trains_exports_and_goes_on(
    command: list[str], tiny_model_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert main([*command, "--output", str(run)]) == 0
    assert steps_logged(run) == [3]
    assert main([*command, "--output", str(run), "--steps", "5"]) == 0
    assert steps_logged(run) == [3, 5]

    # The encoder beside the checkpoint is the one that was given.
    encoder, _ = read_tensors(tiny_model_folder / "encoder.safetensors")
    for name, tensor in read_tensors(run / "encoder.safetensors")[0].items():
        assert torch.equal(tensor, encoder[name]), name
    exported = tmp_path / "decoder.safetensors"
    checkpoint = str(run / "checkpoint.safetensors")
    assert main(["models", "export-decoder", checkpoint, "-o", str(exported)]) == 0
    tensors, metadata = read_tensors(exported)
    assert metadata["steps"] == "5"
    assert metadata["encoder"] == identify(encoder, "").sha256
    trained, _ = read_tensors(run / "checkpoint.safetensors")
    for name, tensor in tensors.items():
        assert torch.equal(tensor, trained[f"ema.{name}"].half().float()), name


def test_a_run_can_start_from_a_decoder(
    command: list[str], tiny_model_folder: Path, tmp_path: Path
) -> None:
    decoder = tiny_model_folder / "decoder.safetensors"
    run = tmp_path / "run"
    arguments = [*command, "--output", str(run), "--decoder", str(decoder)]
    # Adam cannot move a weight by more than its rate in a step.
    assert main([*arguments, "--learning-rate", "1e-6", "--reconstruction-steps", "0"]) == 0
    trained, _ = read_tensors(run / "checkpoint.safetensors")
    for name, tensor in read_tensors(decoder)[0].items():
        torch.testing.assert_close(trained[f"decoder.{name}"], tensor, rtol=0, atol=1e-5)


def test_options_reach_the_run_and_its_checkpoint(command: list[str], tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "schedule": "inverse",
        "tv_weight": 0.5,
        "smoothness_weight": 1.5,
        "identity_weight": 2.0,
        "ema": 0.9,
        "learning_rate": 0.01,
        "reference": "torch",
        "reconstruction_steps": 1,
        "photographs_as_styles": 0.5,
        "seed": 7,
    }
    words = [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    emphasis = ["--emphasis", "*.png=2", "--emphasis", "1*=0.5"]
    assert main([*command, "--output", str(tmp_path / "run"), *words, *emphasis]) == 0
    _, metadata = read_tensors(tmp_path / "run" / "checkpoint.safetensors")
    options = json.loads(metadata["options"])
    assert {name: options[name] for name in given} == given
    assert options["emphasis"] == {"*.png": 2.0, "1*": 0.5}
    line = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert {"total_variation", "smoothness", "identity"} <= line.keys()


def test_previews_and_a_plot_are_made_on_the_way_and_at_the_end(
    command: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    run = tmp_path / "run"
    assert main([*command, "--output", str(run), "--preview-interval", "2"]) == 0
    sheets = sorted((run / "previews").iterdir())
    assert [sheet.name for sheet in sheets] == ["step-000002.jpg", "step-000003.jpg"]
    first, last = (read_picture(sheet) for sheet in sheets)
    assert not torch.equal(first, last)
    assert (run / "plot.png").exists()


def test_previews_are_not_made_unless_wanted(command: list[str], tmp_path: Path) -> None:
    assert main([*command, "--output", str(tmp_path / "run")]) == 0
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"checkpoint.safetensors", "encoder.safetensors", "log.jsonl"}


def test_broken_pictures_are_listed_at_the_end(
    command: list[str], tmp_path: Path, capsys: Capture
) -> None:
    broken = [tmp_path / "content" / "0.png", tmp_path / "style" / "2.png"]
    for path in broken:
        path.write_bytes(path.read_bytes()[:100])
    assert main([*command, "--output", str(tmp_path / "run"), "--steps", "12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3] == "skipped pictures that cannot be read:"
    assert lines[-2:] == [f"  {path}" for path in broken]


def test_a_run_does_not_go_on_with_another_encoder(
    command: list[str], encoder: Encoder, tmp_path: Path, capsys: Capture
) -> None:
    output = ["--output", str(tmp_path / "run")]
    assert main([*command, *output]) == 0
    before = (tmp_path / "run" / "encoder.safetensors").read_bytes()
    torch.save(vgg(encoder).state_dict(), tmp_path / "vgg.pth")
    assert main([*command, *output, "--encoder", str(tmp_path / "vgg.pth")]) == 2
    assert "was trained with the encoder of identity" in capsys.readouterr().err
    assert (tmp_path / "run" / "encoder.safetensors").read_bytes() == before


def vgg(encoder: Encoder) -> nn.Module:
    """A trunk with these tensors and torchvision's names."""
    places = (0, 2, 5, 7, 10, 12, 14, 17)
    features = nn.Module()
    for place, layer in zip(places, encoder.children(), strict=True):
        features.add_module(str(place), layer)
    network = nn.Module()
    network.add_module("features", features)
    return network


def test_a_foreign_trunk_is_converted_as_the_other_command_does(
    command: list[str], encoder: Encoder, tmp_path: Path
) -> None:
    source, converted = tmp_path / "vgg.pth", tmp_path / "converted.safetensors"
    torch.save(vgg(encoder).state_dict(), source)
    run = ["--output", str(tmp_path / "run"), "--seed", "3", "--encoder", str(source)]
    assert main([*command, *run]) == 0
    calibration = ["--calibration", str(tmp_path / "content"), "--seed", "3"]
    assert main(["models", "convert", str(source), "-o", str(converted), *calibration]) == 0
    used, metadata = read_tensors(tmp_path / "run" / "encoder.safetensors")
    expected, other_metadata = read_tensors(converted)
    assert metadata == other_metadata
    for name, tensor in expected.items():
        assert torch.equal(used[name], tensor), name
    assert main([*command, *run, "--steps", "4"]) == 0


def test_an_encoder_is_known_by_the_name_of_its_model() -> None:
    tensors, metadata = encoders.encoder_tensors("adain-vgg16", (), 0)
    assert identify(tensors, "").sha256 == metadata["identity"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--emphasis", "cubism"),
        ("--crop", "15"),
        ("--content", "nowhere"),
        ("--encoder", "adain-vgg61"),
        ("--encoder", "timm/vgg19.tv_in1k@main"),
        ("--device", "cuda:99"),
        ("--preview-interval", "-1"),
        ("--ema", "1.5"),
    ],
)
def test_a_wrong_option_is_one_line_and_no_folder(
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
) -> None:
    assert main([*command, "--output", str(tmp_path / "run"), option, value]) == 2
    message = capsys.readouterr().err
    assert value in message and message.count("\n") == 1
    assert not (tmp_path / "run").exists()

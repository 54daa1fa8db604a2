"""The training command, on tiny networks and pictures."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from adain_nodes.cli import main, train
from adain_nodes.cli.progress import StepProgress
from adain_nodes.cli.training import training_options
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.host.writing import claimed
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.tensors import identify, read_tensors, write_tensors
from adain_nodes.training import data
from adain_nodes.training.data import RandomCrops
from adain_nodes.training.encoders import encoder_tensors
from adain_nodes.training.options import PAPER, TrainingOptions

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
    names.write_text("content/0.png\nmispelt.png\n")
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
        "initialization": "random",
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
    assert names == {".lock", "checkpoint.safetensors", "encoder.safetensors", "log.jsonl"}


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
    assert "not for this run's encoder" in capsys.readouterr().err
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
    tensors, metadata = encoder_tensors("adain-vgg16", (), 0)
    assert identify(tensors, "").sha256 == metadata["identity"]


def test_pictures_are_excluded_by_path(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    used: list[list[str]] = []

    class Noted(RandomCrops):
        def __init__(self, paths: Sequence[Path], **settings: Any) -> None:
            used.append([path.relative_to(tmp_path).as_posix() for path in paths])
            super().__init__(paths, **settings)

    monkeypatch.setattr(data, "RandomCrops", Noted)
    names = tmp_path / "held-out.txt"
    names.write_text("content/0.png\n")
    run = ["--exclude", str(names), "-o", str(tmp_path / "run")]
    assert main([*command, *run]) == 0
    assert used == [["content/1.png", "content/2.png"], [f"style/{n}.png" for n in range(3)]]
    names.write_text("".join(f"style/{n}.png\n" for n in range(3)))
    assert main([*command, *run]) == 2
    assert "held-out.txt excludes all pictures of --style" in capsys.readouterr().err


def test_folders_and_pictures_may_be_given_together_or_apart(
    command: list[str], tmp_path: Path
) -> None:
    more = [str(write_one(tmp_path / f"more/{n}.png")) for n in range(2)]
    run = tmp_path / "run"
    assert main([*command, "--style", *more, "--content", more[0], "-o", str(run)]) == 0
    assert steps_logged(run) == [3]


def write_one(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_picture(path, torch.rand(20, 24, 3))
    return path


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "log.jsonl"])
def test_a_damaged_run_is_one_line(
    command: list[str], tmp_path: Path, capsys: Capture, name: str
) -> None:
    run = tmp_path / "run"
    assert main([*command, "-o", str(run)]) == 0
    (run / name).write_text("broken\n")
    assert main([*command, "-o", str(run), "--steps", "4"]) == 2
    message = capsys.readouterr().err
    assert str(run / name) in message and message.count("\n") == 1


def test_a_decoder_of_another_encoder_is_refused(
    command: list[str], tiny_model_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    tensors, metadata = read_tensors(tiny_model_folder / "decoder.safetensors")
    stranger = tmp_path / "stranger.safetensors"
    write_tensors(stranger, tensors, {**metadata, "encoder": "5" * 64, "encoder_name": "five"})
    assert main([*command, "--decoder", str(stranger), "-o", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert "stranger.safetensors was trained for the encoder five (555555555555), not" in message
    assert "encoder.safetensors (" in message and message.count("\n") == 1


README = Path(__file__).parents[2] / "README.md"


def parsed(arguments: str) -> TrainingOptions:
    """What a command line makes of the hyper-parameters."""
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    inputs = "train --content c --style s --encoder e -o o "
    options = parser.parse_args((inputs + arguments).split())
    return training_options(options, TrainingOptions())


def test_the_commands_defaults_are_the_librarys() -> None:
    assert replace(parsed(""), emphasis={}) == TrainingOptions()


def test_the_readmes_choices_of_the_paper_are_the_papers() -> None:
    text = README.read_text(encoding="utf-8")
    flags = text.partition("For the paper's choices, use `")[2].partition("`")[0]
    assert replace(parsed(flags), emphasis={}) == PAPER


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_leaves_a_checkpoint_at_once(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    times: int,
) -> None:
    """The second one does not wait for it."""
    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    update = StepProgress.update

    def signalling(self: StepProgress, step: int, latest: dict[str, float]) -> None:
        update(self, step, latest)
        if step == 2:
            for _ in range(times):
                signal.raise_signal(number)

    monkeypatch.setattr(StepProgress, "update", signalling)
    run = tmp_path / "run"
    assert main([*command, "--output", str(run)]) == 128 + number
    checkpoint = run / "checkpoint.safetensors"
    if times == 1:
        assert read_tensors(checkpoint)[1]["step"] == "2"
    assert checkpoint.exists() == (times == 1)
    assert not list(run.glob(".*.partial"))
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == handlers
    monkeypatch.undo()
    assert main([*command, "--output", str(run)]) == 0
    assert read_tensors(checkpoint)[1]["step"] == "3"


def test_two_runs_do_not_share_a_folder(
    command: list[str], tmp_path: Path, capsys: Capture
) -> None:
    run = tmp_path / "run"
    with claimed(run):
        assert main([*command, "--output", str(run)]) == 2
    assert f"{run} is in use" in capsys.readouterr().err
    assert not (run / "checkpoint.safetensors").exists()

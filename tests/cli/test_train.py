"""The training command, on tiny networks and pictures."""

import json
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.image_files import write_picture
from adain_nodes.weights.files import read_tensors


@pytest.fixture
def command(tiny_model_folder: Path, tmp_path: Path) -> list[str]:
    """A run of three steps, without its folder."""
    for kind in ("content", "style"):
        (tmp_path / kind).mkdir()
        for index in range(3):
            write_picture(tmp_path / kind / f"{index}.png", torch.rand(20, 24, 3))
    folders = ["--content", str(tmp_path / "content"), "--style", str(tmp_path / "style")]
    encoder = ["--encoder", str(tiny_model_folder / "encoder.safetensors")]
    return ["train", *folders, *encoder, "--crop", "16", "--batch", "2", "--steps", "3"]


def steps_logged(run: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_run_trains_exports_and_goes_on(
    command: list[str], tiny_model_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert main([*command, "--output", str(run)]) == 0
    assert steps_logged(run) == [3]
    assert main([*command, "--output", str(run), "--steps", "5"]) == 0
    assert steps_logged(run) == [3, 5]

    exported = tmp_path / "decoder.safetensors"
    encoder = ["--encoder", str(tiny_model_folder / "encoder.safetensors")]
    checkpoint = str(run / "checkpoint.safetensors")
    assert main(["models", "export-decoder", checkpoint, "-o", str(exported), *encoder]) == 0
    tensors, metadata = read_tensors(exported)
    assert metadata["steps"] == "5"
    trained, _ = read_tensors(run / "checkpoint.safetensors")
    for name, tensor in tensors.items():
        torch.testing.assert_close(tensor, trained[f"decoder.{name}"].half().float())


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


@pytest.mark.parametrize(
    ("option", "value"), [("--emphasis", "cubism"), ("--crop", "15"), ("--content", "nowhere")]
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

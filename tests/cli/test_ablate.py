"""The command of the ablation, on tiny networks and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.files.sheets import GAP
from adain_nodes.training.ablation.variants import VARIANTS

CELL = 256


@pytest.fixture
def command(tiny_model_folder: Path, tmp_path: Path) -> list[str]:
    """An ablation of two steps each, one content and two styles held out, without its folder."""
    for kind in ("content", "style"):
        (tmp_path / kind).mkdir()
        for index in range(4):
            write_picture(tmp_path / kind / f"{kind}-{index}.png", torch.rand(20, 24, 3))
    names = tmp_path / "held-out.txt"
    names.write_text("content-1.png\nstyle-0.png\nstyle-3.png\n")
    folders = ["--content", str(tmp_path / "content"), "--style", str(tmp_path / "style")]
    encoder = ["--encoder", str(tiny_model_folder / "encoder.safetensors")]
    settings = ["--crop", "16", "--batch", "2", "--steps", "2", "--device", "cpu"]
    return ["ablate", *folders, *encoder, "--exclude", str(names), *settings]


def test_an_ablation_leaves_a_report_and_goes_on(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "ablation"
    assert main([*command, "--output", str(output)]) == 0
    report = json.loads((output / "results.json").read_text())
    names = ["Content unchanged", *(variant.name for variant in VARIANTS)]
    assert [row["name"] for row in report["results"]] == names
    assert (report["options"]["held_out_contents"], report["options"]["held_out_styles"]) == (1, 2)
    table = (output / "results.md").read_text().split("\n\n")[0]
    assert table in capsys.readouterr().out
    # One content in two styles, and beside them what four decoders make.
    size = (2 * CELL + GAP, 6 * CELL + 5 * GAP)
    assert read_picture(output / "sheet.png").shape == (1, *size, 3)

    written = {path: path.read_bytes() for path in output.rglob("checkpoint.safetensors")}
    assert len(written) == len(VARIANTS)
    picture = [str(tmp_path / "content" / "content-0.png")]
    sheet = ["--sheet-content", *picture, "--sheet-style", *picture]
    assert main([*command, "--output", str(output), *sheet]) == 0
    assert read_picture(output / "sheet.png").shape[1:3] == (CELL, size[1])
    assert {path: path.read_bytes() for path in written} == written
    assert json.loads((output / "results.json").read_text()) == report


def test_what_is_held_out_must_be_readable_before_anything_is_trained(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "style/style-3.png").write_text("no picture")
    shown = ["--sheet-style", str(tmp_path / "style/style-0.png")]
    assert main([*command, *shown, "--output", str(tmp_path / "ablation")]) == 2
    assert "style-3.png" in capsys.readouterr().err
    assert not (tmp_path / "ablation").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--crop", "15"), ("--content", "nowhere"), ("--sheet-style", "absent.png")],
)
def test_a_wrong_option_is_one_line_and_no_folder(
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
) -> None:
    assert main([*command, "--output", str(tmp_path / "ablation"), option, value]) == 2
    message = capsys.readouterr().err
    assert value in message and message.count("\n") == 1
    assert not (tmp_path / "ablation").exists()


def test_other_options_need_another_folder(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["--output", str(tmp_path / "ablation")]
    assert main([*command, *output]) == 0
    capsys.readouterr()
    assert main([*command, *output, "--seed", "1"]) == 2
    assert "seed 0, not 1" in capsys.readouterr().err

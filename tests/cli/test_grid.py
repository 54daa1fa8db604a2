"""The sheet of contents x styles."""

from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.cli.grid import GAP, arranged
from adain_nodes.image_files import read_picture, write_picture


def test_a_sheet_shows_styles_contents_and_results(
    tiny_model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = []
    for index in range(5):
        paths.append(tmp_path / f"{index}.png")
        write_picture(paths[-1], torch.rand(20, 30, 3))
    sheet = tmp_path / "sheet.png"
    contents, styles = [str(path) for path in paths[:2]], [str(path) for path in paths[2:]]
    arguments = ["grid", "--content", *contents, "--style", *styles, "-o", str(sheet)]

    assert (
        main([*arguments, "--model", str(tiny_model_folder), "--size", "16", "--cell", "16"]) == 0
    )

    assert read_picture(sheet).shape == (1, 3 * 16 + 2 * GAP, 4 * 16 + 3 * GAP, 3)
    assert "2 contents x 3 styles" in capsys.readouterr().out


def test_pictures_are_cropped_to_their_middle_and_gaps_are_white() -> None:
    picture = torch.zeros(1, 8, 12, 3)
    picture[:, :, 2:10] = 0.5
    sheet = arranged([[None, picture]], 8)
    assert sheet.shape == (8, 16 + GAP, 3)
    assert (sheet[:, : 8 + GAP] == 1).all()
    torch.testing.assert_close(sheet[:, 8 + GAP :], torch.full((8, 8, 3), 0.5))


def test_a_sheet_of_unknown_format_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "a.png"
    write_picture(picture, torch.rand(9, 9, 3))
    arguments = ["grid", "--content", str(picture), "--style", str(picture)]
    assert main([*arguments, "-o", str(tmp_path / "sheet.xyz")]) == 2
    assert ".xyz" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [picture]

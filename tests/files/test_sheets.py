"""Sheets of pictures."""

import torch

from adain_nodes.files.sheets import GAP, arranged


def test_pictures_are_cropped_to_their_middle_and_gaps_are_white() -> None:
    picture = torch.zeros(1, 8, 12, 3)
    picture[:, :, 2:10] = 0.5
    sheet = arranged([[None, picture]], 8)
    assert sheet.shape == (8, 16 + GAP, 3)
    assert (sheet[:, : 8 + GAP] == 1).all()
    torch.testing.assert_close(sheet[:, 8 + GAP :], torch.full((8, 8, 3), 0.5))

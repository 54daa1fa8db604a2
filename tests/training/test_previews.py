from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from adain_nodes.files.pictures import write_picture
from adain_nodes.files.sheets import GAP
from adain_nodes.host.errors import InputError
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.ops.adain import adain
from adain_nodes.ops.statistics import channel_statistics
from adain_nodes.training.objective import target_alone
from adain_nodes.training.previews import Previews

SIZE = 16


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Twelve plain pictures, each of its own grey."""
    paths = [tmp_path / f"{index:02}.png" for index in range(12)]
    for index, path in enumerate(paths):
        write_picture(path, torch.full((20, 30, 3), index / 12))
    return paths


def greys(previews: Previews) -> list[int]:
    return [round(12 * picture.mean().item()) for picture in previews.contents]


def test_pictures_are_spread_over_the_run(paths: list[Path]) -> None:
    previews = Previews(paths, paths[:2], count=3, size=SIZE)
    assert greys(previews) == [0, 4, 8]
    assert len(previews.styles) == 2


def test_broken_files_are_passed_over(paths: list[Path]) -> None:
    paths[4].write_bytes(b"<html>not found</html>")
    assert greys(Previews(paths, paths[:1], count=3, size=SIZE)) == [0, 5, 8]
    with pytest.raises(InputError, match="none of the 1 pictures"):
        Previews(paths, paths[4:5], size=SIZE)


@torch.no_grad()
def test_the_sheet_shows_results_where_contents_and_styles_meet(
    encoder: Encoder, decoder: Decoder, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{index}.png" for index in range(3)]
    for path in paths:
        write_picture(path, torch.rand(SIZE, SIZE, 3))
    previews = Previews(paths[:1], paths[1:], size=SIZE)
    sheet = previews.sheet(encoder, decoder, target_alone)
    pitch = SIZE + GAP
    assert sheet.shape == (2 * pitch - GAP, 3 * pitch - GAP, 3)
    content, style = (x.movedim(-1, 0)[None] for x in (previews.contents[0], previews.styles[1]))
    target = adain(encoder(content), channel_statistics(encoder(style)))
    expected = decoder(target)[0].movedim(0, -1).clamp(0, 1)
    torch.testing.assert_close(sheet[pitch:, 2 * pitch :], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(sheet[pitch:, :SIZE], previews.contents[0], rtol=1e-4, atol=1e-4)


def test_a_sheet_leaves_running_statistics_and_mode_as_they_are(
    encoder: Encoder, decoder: Decoder, paths: list[Path]
) -> None:
    network = nn.Sequential(nn.BatchNorm2d(10), decoder).train()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    Previews(paths, paths, count=1, size=SIZE).sheet(encoder, network, target_alone)
    assert network.training
    for name, buffer in network.named_buffers():
        assert torch.equal(buffer, before[name]), name

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adain_nodes.files.animations import Animation
from adain_nodes.files.films import PictureSequence, natural_order, open_film, write_film
from adain_nodes.files.pictures import write_picture
from adain_nodes.files.video import Video
from adain_nodes.host.errors import InputError

from .videos import write_video


def test_numbers_are_ordered_as_numbers() -> None:
    names = ["a/f10", "a/f9", "a/F1", "a/f02", "a/f2", "a/f2.1", "b", "a/f10b", "10", "9"]
    ordered = sorted(map(Path, names), key=natural_order)
    expected = ["9", "10", "a/F1", "a/f02", "a/f2", "a/f2.1", "a/f9", "a/f10", "a/f10b", "b"]
    assert [path.as_posix() for path in ordered] == expected


def test_a_sequence_of_pictures(tmp_path: Path) -> None:
    frames = (torch.rand(3, 5, 7, 3) * 255).round() / 255
    paths = [tmp_path / f"{number}.png" for number in (100, 20, 3)]
    for path, frame in zip(paths, frames, strict=True):
        write_picture(path, frame)
    film = PictureSequence(paths)
    assert (len(film), film.size) == (3, (5, 7))
    for _ in range(2):
        torch.testing.assert_close(torch.stack(list(film)), frames.flip(0))


def test_its_pictures_are_of_one_size(tmp_path: Path) -> None:
    for number, width in ((1, 7), (2, 7), (3, 8)):
        write_picture(tmp_path / f"{number}.png", torch.rand(5, width, 3))
    with pytest.raises(InputError, match=r"3\.png is 8x5 px, .*1\.png is 7x5 px"):
        PictureSequence(tmp_path.iterdir())


def test_files_are_told_apart(tmp_path: Path) -> None:
    pytest.importorskip("av")
    frames = torch.rand(2, 8, 8, 3)
    write_picture(tmp_path / "still.png", frames[0])
    write_film(
        tmp_path / "moving.png",
        Animation(tmp_path, (8, 8), False, (9.0, 9.0), 0),
        iter(frames),
        (8, 8),
    )
    write_video(tmp_path / "video.MP4", frames=2)
    assert open_film(tmp_path / "still.png") is None
    assert isinstance(open_film(tmp_path / "moving.png"), Animation)
    assert isinstance(open_film(str(tmp_path / "video.MP4")), Video)
    with pytest.raises(InputError, match="does not exist"):
        open_film(tmp_path / "none.png")

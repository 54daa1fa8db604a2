from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from adain_nodes.files.animations import ANIMATION_SUFFIXES, Animation, open_animation
from adain_nodes.files.film_source import Film
from adain_nodes.files.films import PictureSequence, natural_order, open_film, write_film
from adain_nodes.files.pictures import write_picture
from adain_nodes.files.video import VIDEO_SUFFIXES, Video
from adain_nodes.files.video_writing import VIDEO_FORMATS
from adain_nodes.host.errors import InputError

from ..limits import files_limited
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


SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".gif", ".webp", ".png")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["pictures", "gif", "mkv"])
def test_any_film_is_written_as_any_other(tmp_path: Path, kind: str, suffix: str) -> None:
    pytest.importorskip("av")
    colors = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.8, 0.2], [0.2, 0.1, 0.9]])
    frames = colors[:, None, None].expand(3, 16, 24, 3)
    film: Film = sequence(tmp_path, frames, fps=12.5)
    if kind != "pictures":
        write_film(tmp_path / f"a.{kind}", film, frames, (16, 24))
        opened = open_film(tmp_path / f"a.{kind}")
        assert opened is not None
        film = opened
    output = tmp_path / f"b{suffix}"
    write_film(output, film, iter(film), film.size)
    result = open_film(output)
    assert result is not None
    assert result.size == (16, 24)
    for frame, color in zip(result, colors, strict=True):
        torch.testing.assert_close(frame.mean((0, 1)), color, rtol=0, atol=6 / 255)
    assert result.times == pytest.approx([0, 0.08, 0.16], abs=1e-3)
    assert result.last_duration == pytest.approx(0.08, abs=1e-3)


def sequence(folder: Path, frames: Tensor, fps: float) -> PictureSequence:
    paths = [folder / f"{number}.png" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        write_picture(path, frame)
    return PictureSequence(paths, fps)


def test_pictures_with_and_without_transparency_are_one_film(tmp_path: Path) -> None:
    film = sequence(tmp_path, torch.rand(3, 8, 9, 3), 25)
    assert not film.has_alpha
    picture = torch.rand(8, 9, 4)
    write_picture(film.paths[1], picture)
    write_picture(film.paths[2], torch.rand(8, 9, 1))
    film = PictureSequence(film.paths)
    write_film(tmp_path / "film.png", film, iter(film), (8, 9))
    result = open_animation(tmp_path / "film.png")
    assert result is not None
    assert result.has_alpha
    alpha = torch.stack(list(result))[..., 3]
    assert (alpha[[0, 2]] == 1).all()
    torch.testing.assert_close(alpha[1], picture[..., 3], rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize(
    ("fps", "rate"), [(25, Fraction(25)), (29.97, Fraction(30000, 1001)), (0.5, Fraction(1, 2)),
                      (23.976, Fraction(24000, 1001)), (12.5, Fraction(25, 2))],
)  # fmt: skip
def test_frames_per_second(tmp_path: Path, fps: float, rate: Fraction) -> None:
    assert sequence(tmp_path, torch.rand(2, 8, 8, 3), fps).rate == rate


@pytest.mark.parametrize("fps", [0.0, -1.0, float("inf"), float("nan")])
def test_frames_per_second_are_checked(tmp_path: Path, fps: float) -> None:
    with pytest.raises(InputError, match=r"fps must be a number of frames per second above 0, got"):
        sequence(tmp_path, torch.rand(2, 8, 8, 3), fps)


@pytest.mark.parametrize(("fps", "total"), [(29.97, 400), (24, 500), (50, 240), (60, 240)])
def test_a_gif_keeps_the_speed_up_to_50_frames_per_second(
    tmp_path: Path, fps: float, total: float
) -> None:
    film = sequence(tmp_path, torch.rand(12, 4, 4, 3), fps)
    write_film(tmp_path / "a.gif", film, iter(film), (4, 4))
    result = open_animation(tmp_path / "a.gif")
    assert result is not None
    assert min(result.durations) >= 20
    assert sum(result.durations) == total


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_of_no_duration_are_not_written(tmp_path: Path, suffix: str) -> None:
    """Browsers would show them for 100 ms. A video can have frames that follow so quickly."""
    paths = [tmp_path / f"{index}.png" for index in range(5)]
    for path, shade in zip(paths, torch.rand(5), strict=True):
        write_picture(path, shade.expand(4, 4, 3))
    film = PictureSequence(paths)
    film.times, film.last_duration = [0, 0.04, 0.0401, 0.0402, 1], 0.04
    write_film(tmp_path / f"a{suffix}", film, iter(film), (4, 4))
    result = open_animation(tmp_path / f"a{suffix}")
    assert result is not None
    assert min(result.durations) == 20
    assert sum(result.durations) == pytest.approx(1040, abs=0.1)


def test_the_documentation_lists_what_is_read_and_written() -> None:
    """docs/files.md, in its table of films."""
    text = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("|")]
    listed = {name.strip(): (read, written) for name, read, written in rows}

    def suffixes(cell: str) -> set[str]:
        return {part.strip() for part in cell.split(",")}

    read, written = map(suffixes, listed["animation"])
    assert read == written == ANIMATION_SUFFIXES
    read, written = map(suffixes, listed["video"])
    assert read == VIDEO_SUFFIXES
    assert written == set(VIDEO_FORMATS)


@pytest.mark.parametrize("suffix", sorted(ANIMATION_SUFFIXES | frozenset(VIDEO_FORMATS)))
@pytest.mark.parametrize("missing", [1, 5000])
def test_a_film_for_which_the_disk_has_no_room_is_not_written(
    tmp_path: Path, suffix: str, missing: int
) -> None:
    if suffix in VIDEO_FORMATS:
        pytest.importorskip("av")
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        write_picture(path, torch.rand(64, 96, 3))
    film = PictureSequence(paths)
    output = tmp_path / f"film{suffix}"
    write_film(output, film, film, film.size)
    size = output.stat().st_size
    output.unlink()
    with files_limited(size - missing), pytest.raises(InputError, match="File too large"):
        write_film(output, film, film, film.size)
    assert sorted(tmp_path.iterdir()) == sorted(paths)

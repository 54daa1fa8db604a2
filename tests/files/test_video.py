"""Video files, with the real FFmpeg."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from adain_nodes.files import video_writing
from adain_nodes.files.films import write_film
from adain_nodes.files.video import Video
from adain_nodes.host.errors import InputError

from ..limits import files_limited
from .videos import RATE, SIZE, sound_of, times_of, write_video

av: Any = pytest.importorskip("av")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    write_video(path)
    return path


def copied(path: Path, output: Path) -> Video:
    """A video whose pictures have been encoded anew."""
    source = Video(path)
    write_film(output, source, iter(source), source.size)
    return Video(output)


def frames_of(film: Video) -> Tensor:
    return torch.stack(list(film))


def test_frames_are_read(path: Path) -> None:
    film = Video(path)
    assert (film.size, len(film)) == (SIZE, 12)
    frames = frames_of(film)
    assert frames.shape == (12, *SIZE, 3)
    expected = (40 + 10 * torch.arange(12.0)) / 255
    torch.testing.assert_close(frames[:, 30:, 40:].mean((1, 2, 3)), expected, rtol=0, atol=2 / 255)
    torch.testing.assert_close(
        frames[:, 4:10, 4:16].mean((0, 1, 2)), torch.tensor([230, 20, 20]) / 255, rtol=0,
        atol=4 / 255,
    )  # fmt: skip


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_pictures_times_and_sound_are_kept(path: Path, suffix: str) -> None:
    output = path.with_name(f"b{suffix}")
    result = copied(path, output)
    assert (result.size, len(result)) == (SIZE, 12)
    difference = frames_of(result) - frames_of(Video(path))
    assert difference.abs().mean() < 2 / 255
    before, after = sound_of(path), sound_of(output)
    shift, tolerance = 0.0, 1e-6
    if suffix == ".mkv":
        # Times in ms. Before FFmpeg 9 a film begins with the sound, here ahead of the pictures.
        shift, tolerance = (0.0 if after[0][0] < 0 else -before[0][0]), 0.0011
    expected = [at + shift for at in times_of(path)]
    assert times_of(output) == pytest.approx(expected, abs=tolerance)
    assert [data for _, data in after] == [data for _, data in before]
    expected = [at + shift for at, _ in before]
    assert [at for at, _ in after] == pytest.approx(expected, abs=tolerance)
    with av.open(str(output)) as file:
        assert file.streams.video[0].average_rate == pytest.approx(RATE, rel=1e-3)
    assert sorted(each.name for each in path.parent.iterdir()) == sorted(["a.mp4", output.name])


def test_frames_at_uneven_times_stay_there(tmp_path: Path) -> None:
    times = [0, 1001, 5000, 5500, 12000]
    write_video(tmp_path / "a.mp4", frames=5, times=times)
    copied(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert times_of(tmp_path / "b.mp4") == pytest.approx([at / 24000 for at in times])


def test_a_silent_video(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", sound=None)
    assert len(copied(tmp_path / "a.mp4", tmp_path / "b.mp4")) == 12


@pytest.mark.parametrize("encoder", ["libvpx-vp9", "libvpx"])
def test_webm(tmp_path: Path, encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_writing, "_CHOICES", {"webm": (encoder,)})
    write_video(tmp_path / "a.webm", codec="libvpx-vp9", sound="libopus", frames=4)
    result = copied(tmp_path / "a.webm", tmp_path / "b.webm")
    assert len(result) == 4
    assert (frames_of(result) - frames_of(Video(tmp_path / "a.webm"))).abs().mean() < 3 / 255
    assert [data for _, data in sound_of(tmp_path / "b.webm")] == [
        data for _, data in sound_of(tmp_path / "a.webm")
    ]


@pytest.mark.parametrize("matrix", [1, 2, 5])
def test_colours_and_their_matrix_are_kept(tmp_path: Path, matrix: int) -> None:
    write_video(tmp_path / "a.mp4", matrix=matrix)
    result = frames_of(copied(tmp_path / "a.mp4", tmp_path / "b.mp4"))
    color = result[:, 4:10, 4:16].mean((0, 1, 2))
    torch.testing.assert_close(color, torch.tensor([230, 20, 20]) / 255, rtol=0, atol=4 / 255)
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert file.streams.video[0].codec_context.colorspace == matrix


def test_an_unusual_matrix_becomes_a_usual_one(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", matrix=7)
    result = frames_of(copied(tmp_path / "a.mp4", tmp_path / "b.mp4"))
    difference = result - frames_of(Video(tmp_path / "a.mp4"))
    assert difference.abs().mean() < 2 / 255
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert file.streams.video[0].codec_context.colorspace == 1


@pytest.mark.parametrize(("rotation", "corner"), [(90, (1, 0)), (180, (1, 1)), (-90, (0, 1))])
def test_frames_are_turned_upright(tmp_path: Path, rotation: int, corner: tuple[int, int]) -> None:
    """The red corner is at the top left as stored; `corner` says where it is shown."""
    try:
        write_video(tmp_path / "a.mp4", rotation=rotation)
    except AttributeError:
        pytest.skip("this PyAV reads rotations, and cannot write them")
    result = copied(tmp_path / "a.mp4", tmp_path / "b.mp4")
    height, width = SIZE if rotation == 180 else SIZE[::-1]
    assert Video(tmp_path / "a.mp4").size == result.size == (height, width)
    for film in (Video(tmp_path / "a.mp4"), result):
        frame = frames_of(film)[0]
        redness = frame[..., 0] - frame[..., 1]
        for row in (0, 1):
            for column in (0, 1):
                value = redness[5 - 10 * row, 5 - 10 * column] if row or column else redness[5, 5]
                assert (value > 0.5) == ((row, column) == corner)


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (17, 33)])
def test_odd_sides_are_extended(path: Path, size: tuple[int, int]) -> None:
    source = Video(path)
    output = path.with_name("b.mp4")
    results = (frame[: size[0], : size[1]] for frame in source)
    write_film(output, source, results, size)
    height, width = size
    film = Video(output)
    assert film.size == (height + height % 2, width + width % 2)
    frames = frames_of(film)
    torch.testing.assert_close(
        frames[:, height - 1, width - 1], frames[:, -1, -1], rtol=0, atol=3 / 255
    )


def test_the_next_best_encoder_is_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_writing, "_USUAL_CHOICE", ("no-such-encoder", "mpeg4"))
    output = path.with_name("b.mp4")
    result = copied(path, output)
    with av.open(str(output)) as file:
        assert file.streams.video[0].codec_context.name == "mpeg4"
    assert (frames_of(result) - frames_of(Video(path))).abs().mean() < 3 / 255
    assert times_of(output) == pytest.approx(times_of(path), abs=1e-4)
    monkeypatch.setattr(video_writing, "_USUAL_CHOICE", ("no-such-encoder",))
    with pytest.raises(InputError, match="can encode none of no-such-encoder"):
        copied(path, output)


def damaged(path: Path, *, number: int, part: float) -> None:
    """Spoils a part of the data of a frame, the last one in the order that they are stored."""
    with av.open(str(path)) as file:
        start, length = [(p.pos, p.size) for p in file.demux(video=0) if p.size][number - 1]
    data = bytearray(path.read_bytes())
    first = start + int((1 - part) * length)
    data[first : start + length] = bytes(b ^ 0x5A for b in data[first : start + length])
    path.write_bytes(data)


def test_a_damaged_frame_is_named_and_nothing_is_left_behind(path: Path) -> None:
    damaged(path, number=7, part=1)
    with pytest.raises(InputError, match=r"a\.mp4 is damaged: frame \d+ of 12 cannot be read"):
        copied(path, path.with_name("b.mp4"))
    assert [each.name for each in path.parent.iterdir()] == ["a.mp4"]


def test_damage_that_the_decoder_hides_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, codec="mpeg4")
    damaged(path, number=6, part=0.7)
    with pytest.raises(InputError, match=r"a\.mp4 is damaged: frame 6 of 12 cannot be read$"):
        copied(path, tmp_path / "b.mp4")
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


def test_a_full_disk_is_told_in_one_line(path: Path) -> None:
    with (
        files_limited(1000),
        pytest.raises(InputError, match=r"b\.mp4 cannot be written: [A-Za-z ]+$"),
    ):
        copied(path, path.with_name("b.mp4"))
    assert [each.name for each in path.parent.iterdir()] == ["a.mp4"]


def test_errors_of_the_work_itself_are_not_taken_for_the_file_s(path: Path) -> None:
    film = Video(path)

    def results() -> Any:
        yield next(iter(film))
        raise ValueError("a defect")

    with pytest.raises(ValueError, match=r"^a defect$"):
        write_film(path.with_name("b.mp4"), film, results(), SIZE)
    assert [each.name for each in path.parent.iterdir()] == ["a.mp4"]


def test_frames_are_decoded_one_by_one(path: Path) -> None:
    film = iter(Video(path))
    assert next(film).shape == (*SIZE, 3)
    assert next(film).shape == (*SIZE, 3)


def test_bad_files(tmp_path: Path, path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    write_sound = tmp_path / "sound.mp4"
    with av.open(str(write_sound), "w") as file, av.open(str(path)) as source:
        track = file.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = track
                file.mux(packet)
    for name, message in (
        ("none.mp4", "none.mp4 does not exist"),
        ("text.mp4", "text.mp4 cannot be read as a video"),
        ("sound.mp4", "sound.mp4 has no pictures"),
    ):
        with pytest.raises(InputError, match=message):
            Video(tmp_path / name)


def test_without_pyav(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"PyAV is needed: pip install 'adain-nodes\[video\]'"):
        Video(path)

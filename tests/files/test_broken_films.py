"""Films that break off, and work that does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adain_nodes.files.animations import open_animation
from adain_nodes.files.films import open_film, write_film
from adain_nodes.files.video import Video
from adain_nodes.host.errors import InputError

from .videos import write_video

av: Any = pytest.importorskip("av")


def rewritten(film: Any, output: Path) -> Any:
    """What is read of a film that has been written to a file."""
    write_film(output, film, iter(film), film.size)
    return open_film(output)


def cut(path: Path) -> None:
    """A recording in fragments that breaks off within one."""
    options = {"movflags": "frag_keyframe+empty_moov"}
    write_video(path.with_suffix(".whole.mp4"), frames=12, sound=None)
    with (
        av.open(str(path.with_suffix(".whole.mp4"))) as source,
        av.open(str(path), "w", options=options) as file,
    ):
        stream = file.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    with av.open(str(path)) as file:
        sizes = [(packet.pos, packet.size) for packet in file.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: sizes[8][0] + sizes[8][1] // 2])


def test_a_recording_that_breaks_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.mp4"
    cut(path)
    with pytest.raises(InputError, match=r"a\.mp4 is damaged: frame \d+"):
        rewritten(Video(path), tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()
    film = Video(path, partial=True)
    result = rewritten(film, tmp_path / "b.mp4")
    assert len(list(result)) == len(film) == 8
    assert len(list(film)) == 8
    assert len(caplog.records) == 1
    assert "a.mp4 breaks off: frame" in caplog.text


def test_a_film_whose_index_names_more_than_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """FFmpeg just stops there. Its last packet of sound is cut, and is no use in the result."""
    path = tmp_path / "a.mp4"
    write_video(tmp_path / "whole.mp4", frames=20)
    with (
        av.open(str(tmp_path / "whole.mp4")) as source,
        av.open(str(path), "w", options={"movflags": "faststart"}) as file,
    ):
        streams = {s.index: file.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                file.mux(packet)
    with av.open(str(path)) as file:
        middle = [(p.pos, p.size) for p in file.demux(audio=0) if p.size][20]
    path.write_bytes(path.read_bytes()[: middle[0] + middle[1] // 2])
    with pytest.raises(InputError, match=r"a\.mp4 is damaged: frame \d+ of 20 cannot be read"):
        rewritten(Video(path), tmp_path / "b.mp4")
    film = Video(path, partial=True)
    result = rewritten(film, tmp_path / "b.mp4")
    assert 5 <= len(list(result)) == len(film) < 20
    assert "a.mp4 breaks off: frame" in caplog.text
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) > 15000


def test_an_animation_that_breaks_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.gif"
    write_video(tmp_path / "a.mp4", sound=None)
    rewritten(Video(tmp_path / "a.mp4"), path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"frame 12 of 12 cannot be read"):
        open_animation(path)
    animation = open_animation(path, partial=True)
    assert animation is not None
    assert len(list(animation)) == len(animation) == 11
    assert "the frames before it are used" in caplog.text


@pytest.mark.parametrize("kept", range(1, 24))
def test_a_gif_that_breaks_off_between_frames(tmp_path: Path, kept: int) -> None:
    """In a block of control or the head of a frame, where Pillow cannot count frames."""
    path = tmp_path / "a.gif"
    write_video(tmp_path / "a.mp4", sound=None, frames=4)
    rewritten(Video(tmp_path / "a.mp4"), path)
    data = path.read_bytes()
    last = data.rindex(b"\x21\xf9\x04")
    path.write_bytes(data[: last + kept])
    animation = open_animation(path, partial=True)
    assert animation is not None
    assert len(list(animation)) == len(animation) == 3


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_an_interruption_leaves_nothing_behind(
    tmp_path: Path, suffix: str, stop: type[BaseException]
) -> None:
    write_video(tmp_path / "a.mp4", sound=None)
    film = Video(tmp_path / "a.mp4")

    def results() -> Any:
        yield next(iter(film))
        raise stop

    with pytest.raises(stop):
        write_film(tmp_path / f"b{suffix}", film, results(), film.size)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

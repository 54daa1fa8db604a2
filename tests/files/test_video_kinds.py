"""Videos as cameras, phones and editors write them."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from adain_nodes.files.films import film_suffix, open_film, write_film
from adain_nodes.files.video import Clock, Video
from adain_nodes.host.errors import InputError

from .videos import RATE, SIZE, sound_of, times_of, write_video

av: Any = pytest.importorskip("av")


def rewritten(film: Any, output: Path) -> Any:
    """What is read of a film that has been written to a file."""
    write_film(output, film, iter(film), film.size)
    return open_film(output)


def remuxed(path: Path, output: Path, container: str, *, cover: bool = False) -> None:
    """Copies the streams of a video, before them a cover picture, if wanted."""
    with av.open(str(path)) as source, av.open(str(output), "w", format=container) as file:
        if cover:
            art = file.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt = 256, 256, "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic.value
            image = av.VideoFrame.from_image(Image.new("RGB", (256, 256))).reformat(
                format="yuvj420p"
            )
            image.pts = 0
            packets = [*art.encode(image), *art.encode(None)]
        streams = {s.index: file.add_stream_from_template(s) for s in source.streams}
        file.start_encoding()
        if cover:
            file.mux(packets)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                file.mux(packet)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_shape_of_pixels_is_kept(tmp_path: Path, suffix: str) -> None:
    write_video(tmp_path / "a.mp4", aspect=Fraction(16, 11))
    film = Video(tmp_path / "a.mp4")
    assert film.pixel_aspect == Fraction(16, 11)
    result = rewritten(film, tmp_path / f"b{suffix}")
    assert (result.size, result.pixel_aspect) == (SIZE, Fraction(16, 11))


@pytest.mark.parametrize("suffix", [".webm", ".gif", ".webp", ".png"])
def test_where_pixels_are_square_pictures_are_stretched(tmp_path: Path, suffix: str) -> None:
    write_video(tmp_path / "a.mp4", aspect=Fraction(16, 11), sound=None)
    result = rewritten(Video(tmp_path / "a.mp4"), tmp_path / f"b{suffix}")
    assert result.size[0] == SIZE[0]
    assert result.size[1] in (93, 94)  # 64 * 16 / 11, made even for WebM


def test_the_shape_of_pixels_is_turned_with_them(tmp_path: Path) -> None:
    try:
        write_video(tmp_path / "a.mp4", aspect=Fraction(4, 3), rotation=90)
    except AttributeError:
        pytest.skip("this PyAV reads rotations, and cannot write them")
    result = rewritten(Video(tmp_path / "a.mp4"), tmp_path / "b.mp4")
    assert (result.size, result.pixel_aspect) == (SIZE[::-1], Fraction(3, 4))


@pytest.mark.parametrize(
    ("tags", "kind"), [((9, 18, 9), "HDR (HLG)"), ((9, 16, 9), "HDR (PQ)"), ((9, 14, 9), "BT.2020")]
)
def test_high_dynamic_range_becomes_standard(
    tmp_path: Path, tags: tuple[int, int, int], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path / "a.mp4", pixel_format="yuv420p10le", tags=tags, sound=None)
    film = Video(tmp_path / "a.mp4")
    result = rewritten(film, tmp_path / "b.mp4")
    assert [record.getMessage() for record in caplog.records] == [
        f"{film.path} is {kind}: its frames are brought to SDR BT.709"
    ]
    with av.open(str(tmp_path / "b.mp4")) as file:
        context = file.streams.video[0].codec_context
        tagged = (context.color_primaries, context.color_trc, context.colorspace)
        assert tagged == (1, 1, 1)
        assert context.pix_fmt == "yuv420p"
    assert not result._converted
    for before, after in zip(film, result, strict=True):
        assert (before - after).abs().mean() < 5 / 255
    with av.open(str(film.path)) as file:
        plain = next(file.decode(video=0)).to_ndarray(format="rgb24") / 255
    if kind != "BT.2020":
        assert abs(float(next(iter(film)).mean() - plain.mean())) > 4 / 255


def test_a_cover_is_not_the_film(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=4)
    remuxed(tmp_path / "a.mp4", tmp_path / "b.mp4", "mp4", cover=True)
    film = Video(tmp_path / "b.mp4")
    assert (film.size, len(list(film))) == (SIZE, 4)


def test_languages_and_title_are_kept(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", languages=("eng", "fra"), frames=4)
    rewritten(Video(tmp_path / "a.mkv"), tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert [stream.metadata["language"] for stream in file.streams.audio] == ["eng", "fra"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_languages_and_titles_come_from_mp4_into_all(tmp_path: Path, suffix: str) -> None:
    """MP4 calls titles names; QuickTime knows German by another code."""
    write_video(tmp_path / "plain.mp4", frames=4)
    with (
        av.open(str(tmp_path / "plain.mp4")) as source,
        av.open(str(tmp_path / "a.mp4"), "w") as file,
    ):
        copies = [file.add_stream_from_template(stream) for stream in source.streams]
        copies[1].metadata.update(language="deu", title="Kommentar")
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                file.mux(packet)
    rewritten(Video(tmp_path / "a.mp4"), tmp_path / f"b{suffix}")
    with av.open(str(tmp_path / f"b{suffix}")) as file:
        tags = file.streams.audio[0].metadata
        assert tags["language"] == ("ger" if suffix == ".mov" else "deu")
        assert (tags.get("title") or tags["name"]) == "Kommentar"


def test_sound_that_ffmpeg_does_not_know_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.mov"
    write_video(path, languages=("eng", "fra"), frames=4)
    data = path.read_bytes()
    last = data.rindex(b"stsd")
    path.write_bytes(data[:last] + data[last:].replace(b"mp4a", b"apac").replace(b"esds", b"free"))
    rewritten(Video(path), tmp_path / "b.mov")
    assert "a.mov has sound that FFmpeg does not know in stream 2: left out" in caplog.text
    assert len(caplog.records) == 1
    with av.open(str(tmp_path / "b.mov")) as file:
        assert len(file.streams.audio) == 1


@pytest.mark.parametrize(
    ("suffix", "container", "result"),
    [
        (".m4v", "mp4", ".mp4"),
        (".ts", "mpegts", ".mp4"),
        (".mts", "mpegts", ".mp4"),
        (".mpg", "mpegts", ".mp4"),
        (".flv", "flv", ".mkv"),
        (".f4v", "mp4", ".mp4"),
    ],
)
def test_containers_that_are_read(tmp_path: Path, suffix: str, container: str, result: str) -> None:
    write_video(tmp_path / "a.mp4")
    path = tmp_path / f"a{suffix}"
    remuxed(tmp_path / "a.mp4", path, container)
    film = Video(path)
    assert (film.size, film_suffix(film)) == (SIZE, result)
    output = tmp_path / f"b{result}"
    rewritten(film, output)
    assert len(film) == 12
    assert len(sound_of(output)) == len(sound_of(tmp_path / "a.mp4"))
    times = times_of(output)
    steps = [after - before for before, after in pairwise(times)]
    assert steps == pytest.approx([float(1 / RATE)] * 11, abs=0.0021)
    assert times[0] < 0.1


def test_frames_that_are_stored_out_of_order_and_stamped_in_order(tmp_path: Path) -> None:
    """So is AVI; and Matroska can hold a stream of it."""
    write_video(tmp_path / "a.avi", unit=1 / RATE, sound="libmp3lame", options={"bf": "2"})
    with av.open(str(tmp_path / "a.avi")) as file:
        stamps = [frame.pts for frame in file.decode(video=0)]
    assert stamps != sorted(stamps)
    (tmp_path / "a.avi").rename(tmp_path / "a.mkv")
    film = Video(tmp_path / "a.mkv")
    brightness = [float(frame[40:].mean()) for frame in film]
    assert brightness == sorted(brightness)
    assert film.times == pytest.approx([float(index / RATE) for index in range(12)])
    result = rewritten(film, tmp_path / "b.mp4")
    assert len(list(result)) == 12
    assert result.times == pytest.approx(film.times, abs=1e-3)
    assert len(sound_of(tmp_path / "b.mp4")) == len(sound_of(tmp_path / "a.mkv"))


@pytest.mark.parametrize(
    ("suffix", "container", "codec"),
    [
        (".h264", "h264", "libx264"),
        (".264", "h264", "libx264"),
        (".m1v", "mpeg1video", "mpeg1video"),
        (".m2v", "mpeg2video", "mpeg2video"),
        (".y4m", "yuv4mpegpipe", "wrapped_avframe"),
        (".mxf", "mxf", "mpeg2video"),
    ],
)
def test_streams_without_times(tmp_path: Path, suffix: str, container: str, codec: str) -> None:
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((*SIZE, 3), 40 * index, np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    film = open_film(path)
    assert isinstance(film, Video)
    assert len(list(film)) == 6
    # FFmpeg makes up when the last one is shown.
    assert film.times[:5] == pytest.approx([index / 25 for index in range(5)], abs=0.001)


def test_a_raw_stream_named_mp4(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", sound=None)
    remuxed(tmp_path / "a.mp4", tmp_path / "raw.mp4", "h264")
    result = rewritten(Video(tmp_path / "raw.mp4"), tmp_path / "b.mp4")
    assert len(list(result)) == 12
    assert result.times == sorted(set(result.times))


@pytest.mark.parametrize("name", ["12:30.mp4", "-x.mp4", "%d.mp4", "concat:a|b.mp4", "pipe:1.mp4"])
def test_names_that_ffmpeg_could_take_for_something_else(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(Path("a.mp4"), frames=2)
    try:
        Path("a.mp4").rename(name)
    except OSError:
        pytest.skip("this system has no such names")
    for path, output in ((Path(name), Path("b.mp4")), (tmp_path / "b.mp4", Path(name))):
        assert len(list(rewritten(Video(path), output))) == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([name, "b.mp4"])


def test_two_frames_at_one_time(tmp_path: Path) -> None:
    write_video(
        tmp_path / "a.mkv", codec="mjpeg", pixel_format="yuvj420p", sound=None, frames=5,
        times=[0, 800, 802, 1600, 2400],
    )  # fmt: skip
    assert len(set(times_of(tmp_path / "a.mkv"))) == 4  # Matroska counts ms
    result = rewritten(Video(tmp_path / "a.mkv"), tmp_path / "b.mkv")
    assert len(list(result)) == 5
    assert result.times == sorted(set(result.times))


def test_times_always_rise() -> None:
    clock = Clock(0.04, 1.0)
    stamps = [1.0, 1.04, 1.04, None, 1.2, 1.19, 500.0, 0.0, 0.04, None]
    times = [clock.time(stamp) for stamp in stamps]
    expected = [0, 0.04, 0.06, 0.1, 0.2, 0.22, 499, 499.04, 499.08, 499.12]
    assert times == pytest.approx(expected)
    assert [Clock(0.5, 0).time(None), Clock(0.5, 0).time(-0.2)] == [0, -0.2]


def test_interlaced_frames_are_made_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_video(tmp_path / "a.mp4", interlaced=True, sound=None, options={"x264-params": "tff=1"})
    film = Video(tmp_path / "a.mp4")
    with av.open(str(film.path)) as file:
        combed = next(file.decode(video=0)).to_ndarray(format="rgb24") / 255
    frames = list(film)
    assert len(frames) == len(film.times) == 12
    before = abs(combed[1:, 40:] - combed[:-1, 40:]).mean()
    after = (frames[1][1:, 40:] - frames[1][:-1, 40:]).abs().mean()
    assert after < before / 2
    assert [record.getMessage() for record in caplog.records] == [
        f"{film.path} is interlaced: its fields are made whole frames (bwdif)"
    ]


@pytest.mark.parametrize("suffix", [".mov", ".webm", ".mkv", ".gif", ".webp", ".png"])
def test_transparency_is_kept(tmp_path: Path, suffix: str) -> None:
    write_video(
        tmp_path / "a.mov", codec="prores_ks", pixel_format="yuva444p10le", sound=None, frames=3,
        options={"profile": "4444"},
    )  # fmt: skip
    film = Video(tmp_path / "a.mov")
    assert film.has_alpha
    result = rewritten(film, tmp_path / f"b{suffix}")
    assert result.has_alpha
    for before, after in zip(film, result, strict=True):
        torch.testing.assert_close(after[..., 3], before[..., 3], rtol=0, atol=2 / 255)
        visible = (before - after)[: SIZE[0] // 2].abs().mean()
        assert visible < 3 / 255


def test_lost_transparency_is_white_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(
        tmp_path / "a.mov", codec="prores_ks", pixel_format="yuva444p10le", sound=None, frames=3,
        options={"profile": "4444"},
    )  # fmt: skip
    result = rewritten(Video(tmp_path / "a.mov"), tmp_path / "b.mp4")
    assert not result.has_alpha
    assert next(iter(result))[30:].mean() > 0.97
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'b.mp4'} cannot hold transparency: it becomes white"
    ]


def test_a_film_whose_size_changes(tmp_path: Path) -> None:
    packets = b""
    for name, size in (("a", SIZE), ("b", SIZE[::-1])):
        path = tmp_path / f"{name}.mp4"
        write_video(path, size=size, sound=None, frames=4)
        remuxed(path, tmp_path / f"{name}.raw", "h264")
        packets += (tmp_path / f"{name}.raw").read_bytes()
    (tmp_path / "c.mp4").write_bytes(packets)
    message = r"c\.mp4: frame 5 is 48x64 px, the first is 64x48 px: the frames of a film must be"
    with pytest.raises(InputError, match=message):
        rewritten(Video(tmp_path / "c.mp4"), tmp_path / "d.mp4")
    assert not (tmp_path / "d.mp4").exists()

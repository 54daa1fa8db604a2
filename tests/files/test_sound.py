"""Sound that is copied, and sound that is encoded anew, with the real FFmpeg."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adain_nodes.files import sound
from adain_nodes.files.films import write_film
from adain_nodes.files.video import Video
from adain_nodes.host.errors import InputError

from .videos import RATE, sound_of, times_of, write_video

av: Any = pytest.importorskip("av")

FRAMES = 18
LENGTH = float(FRAMES / RATE)


@dataclass
class Track:
    """A stream of sound as players have it, times in s from the first picture on."""

    codec: str
    rate: int
    channels: int
    language: str | None
    start: float
    end: float
    tones: list[float]
    """When a tone begins after silence."""
    seconds: float
    """The length of all samples."""


def tracks(path: Path) -> list[Track]:
    begin = times_of(path)[0]
    results = []
    with av.open(str(path)) as file:
        count = len(file.streams.audio)
    for index in range(count):
        with av.open(str(path)) as file:
            stream = file.streams.audio[index]
            context = stream.codec_context
            track = Track(
                context.codec.canonical_name, context.sample_rate, context.layout.nb_channels,
                stream.metadata.get("language"), np.inf, -np.inf, [], 0.0,
            )  # fmt: skip
            resampler = av.AudioResampler("flt", "mono", 48000)
            loud = -np.inf
            for decoded in file.decode(stream):
                for frame in resampler.resample(decoded):
                    start = float(frame.pts * frame.time_base) - begin
                    times = start + np.nonzero(np.abs(frame.to_ndarray()[0]) > 0.05)[0] / 48000
                    for time in times:
                        if time > loud + 0.05:
                            track.tones.append(time)
                        loud = time
                    track.start = min(track.start, start)
                    track.end = max(track.end, start + frame.samples / 48000)
                    track.seconds += frame.samples / 48000
            results.append(track)
    return results


def copied(path: Path, output: Path) -> Path:
    film = Video(path)
    write_film(output, film, iter(film), film.size)
    return output


def test_sound_that_a_container_cannot_hold_is_encoded_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(
        tmp_path / "a.mp4", frames=FRAMES, languages=("deu", "fra"), layout="stereo",
        sample_rate=44100,
    )  # fmt: skip
    results = tracks(copied(tmp_path / "a.mp4", tmp_path / "b.webm"))
    assert [track.language for track in results] == ["deu", "fra"]
    for track in results:
        assert (track.codec, track.rate, track.channels) == ("opus", 48000, 2)
        assert track.end - track.start == pytest.approx(LENGTH, abs=0.1)
        assert track.tones == pytest.approx([0.1], abs=0.005)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'b.webm'}: the sound of stream {index}, aac, is encoded as opus with "
        "48000 Hz, stereo"
        for index in (1, 2)
    ]


@pytest.mark.parametrize(
    ("codec", "form", "suffixes", "expected"),
    [
        ("pcm_s16le", ("stereo", 48000), (".mkv", ".mp4"), ("aac", 48000, 2)),
        ("pcm_s16le", ("7.1", 8000), (".mkv", ".mp4"), ("aac", 8000, 8)),
        ("pcm_s16le", ("5.1(side)", 48000), (".mkv", ".webm"), ("opus", 48000, 6)),
        ("flac", ("mono", 96000), (".mkv", ".mov"), ("aac", 96000, 1)),
        ("libopus", ("stereo", 48000), (".webm", ".mov"), ("aac", 48000, 2)),
        ("vorbis", ("stereo", 22050), (".mkv", ".mp4"), ("aac", 22050, 2)),
        ("libmp3lame", ("mono", 22050), (".avi", ".webm"), ("opus", 48000, 1)),
        ("pcm_mulaw", ("mono", 8000), (".avi", ".mkv"), ("opus", 48000, 1)),
    ],
)
def test_kinds_of_sound(
    tmp_path: Path,
    codec: str,
    form: tuple[str, int],
    suffixes: tuple[str, str],
    expected: tuple[str, int, int],
) -> None:
    path = tmp_path / f"a{suffixes[0]}"
    write_video(
        path, codec="libvpx-vp9" if path.suffix == ".webm" else "mpeg4", sound=codec,
        frames=FRAMES, layout=form[0], sample_rate=form[1], unit=1 / RATE,
    )  # fmt: skip
    (track,) = tracks(copied(path, tmp_path / f"b{suffixes[1]}"))
    assert (track.codec, track.rate, track.channels) == expected
    (source,) = tracks(path)
    assert track.tones == pytest.approx(source.tones, abs=0.005)
    assert track.end - track.start == pytest.approx(LENGTH, abs=0.15)


@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("codec", ["eac3", "ac3", "libmp3lame"])
def test_sound_that_a_container_can_hold_is_copied(
    tmp_path: Path, codec: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path / "a.mkv", sound=codec, layout="stereo")
    output = copied(tmp_path / "a.mkv", tmp_path / f"b{target}")
    assert [data for _, data in sound_of(output)] == [
        data for _, data in sound_of(tmp_path / "a.mkv")
    ]
    assert not caplog.records


@pytest.mark.parametrize(
    ("codec", "target"), [("aac", ".webm"), ("pcm_s16le", ".mp4"), ("libopus", ".mov")]
)
def test_sound_that_starts_late(tmp_path: Path, codec: str, target: str) -> None:
    write_video(tmp_path / "a.mkv", frames=FRAMES, sound=codec, sound_times=(0.6,))
    (track,) = tracks(copied(tmp_path / "a.mkv", tmp_path / f"b{target}"))
    assert track.start == pytest.approx(0.6, abs=0.025)
    assert track.tones == pytest.approx([0.7], abs=0.005)


@pytest.mark.parametrize("layout", ["mono", "7.1"])
def test_gaps_become_silence(tmp_path: Path, layout: str) -> None:
    write_video(
        tmp_path / "a.mkv", frames=FRAMES, sound="pcm_s16le", layout=layout, sound_times=(0, 4)
    )
    (track,) = tracks(copied(tmp_path / "a.mkv", tmp_path / "b.mp4"))
    assert track.tones == pytest.approx([0.1, 4.1], abs=0.005)
    assert track.seconds == pytest.approx(4 + LENGTH, abs=0.03)


def test_sound_that_overlaps_itself_keeps_in_step(tmp_path: Path) -> None:
    """The second half is stamped 0.3 s before the first ends, as if there were less of it."""
    write_video(tmp_path / "a.mkv", frames=FRAMES, sound="pcm_s16le", sound_times=(0, 0.45, 1.5))
    (track,) = tracks(copied(tmp_path / "a.mkv", tmp_path / "b.mp4"))
    assert track.tones[-1] == pytest.approx(1.6, abs=0.045)
    assert track.seconds == pytest.approx(1.5 + LENGTH, abs=0.06)


def test_the_number_of_channels_may_change(tmp_path: Path) -> None:
    """As in broadcasts."""
    for name, layout, start in (("a", "mono", 0), ("b", "stereo", 2)):
        times = [24000 * start + 1001 * index for index in range(FRAMES)]
        write_video(
            tmp_path / f"{name}.ts", frames=FRAMES, layout=layout, times=times,
            sound_times=(start,), options={"bf": "0"},
        )  # fmt: skip
    parts = [(tmp_path / f"{name}.ts").read_bytes() for name in "ab"]
    (tmp_path / "c.ts").write_bytes(b"".join(parts))
    (track,) = tracks(copied(tmp_path / "c.ts", tmp_path / "d.webm"))
    assert track.channels == 1
    # The first file is stamped later by the 0.021 s that the AAC encoder lags.
    assert track.tones == pytest.approx([0.1, 2.1], abs=0.025)
    assert track.seconds == pytest.approx(2 + LENGTH, abs=0.1)


def test_damaged_sound_becomes_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.mkv"
    write_video(path, frames=FRAMES)
    data = bytearray(path.read_bytes())
    packets = [packet for _, packet in sound_of(path)]
    for packet in packets[15:20]:
        at = data.index(packet)
        data[at : at + len(packet)] = b"\xff" * len(packet)
    path.write_bytes(data)
    (track,) = tracks(copied(path, tmp_path / "b.webm"))
    assert "a.mkv has sound in stream 1 that cannot be decoded: it becomes silence" in caplog.text
    assert len(caplog.records) == 2
    assert len(track.tones) == 2
    assert track.end - track.start == pytest.approx(LENGTH, abs=0.1)


def test_sound_without_an_encoder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "_CHOICES", {"webm": ("no-such-encoder",)})
    write_video(tmp_path / "a.mp4")
    message = "b.webm cannot hold the sound (aac): the FFmpeg in PyAV can encode none of no-such"
    with pytest.raises(InputError, match=re.escape(message)):
        copied(tmp_path / "a.mp4", tmp_path / "b.webm")
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


def test_low_rates_take_few_bits(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", codec="mpeg4", sound="pcm_mulaw", sample_rate=8000,
                unit=Fraction(1001, 24000), frames=FRAMES)  # fmt: skip
    output = copied(tmp_path / "a.avi", tmp_path / "b.mp4")
    assert sum(len(data) for _, data in sound_of(output)) * 8 < 48000 * (LENGTH + 0.3)

"""Tiny videos with sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

RATE = Fraction(24000, 1001)
SIZE = (48, 64)


def write_video(
    path: Path,
    *,
    frames: int = 12,
    size: tuple[int, int] = SIZE,
    times: list[int] | None = None,
    sound: str | None = "aac",
    rotation: int = 0,
    matrix: int | None = None,
    codec: str = "libx264",
    aspect: Fraction | None = None,
    pixel_format: str = "yuv420p",
    tags: tuple[int, int, int] | None = None,
    interlaced: bool = False,
    languages: tuple[str, ...] = ("und",),
    layout: str = "mono",
    sample_rate: int = 48000,
    sound_times: tuple[float, ...] = (0.0,),
    unit: Fraction = Fraction(1, 24000),
    options: dict[str, str] | None = None,
) -> None:
    """Writes a video whose frames grow lighter, with a red corner at the top left, and a tone.

    The tone is silent for its first 0.1 s.

    Args:
        path: the file.
        frames: their number.
        size: height and width as stored.
        times: when frames are shown, in units of 1/24000 s; at `RATE` if absent.
        sound: codec of the sound; None for silence.
        rotation: degrees counter-clockwise that players are to turn the pictures by.
        matrix: FFmpeg's number of the colour matrix.
        codec: of the pictures.
        aspect: width of a pixel over its height.
        pixel_format: FFmpeg's name of it; where it has alpha, the lower half is transparent.
        tags: FFmpeg's numbers of primaries, transfer and matrix.
        interlaced: flag the pictures as two fields each, the second of which is black.
        languages: of the sounds, which are as many.
        layout: of the channels of the sounds.
        sample_rate: of the sounds, in Hz.
        sound_times: when the tone starts, in s; each time anew, as long as the pictures last.
        unit: of the container's times, in s.
        options: of the encoder, to be added.
    """
    import av  # noqa: PLC0415

    height, width = size
    with av.open(str(path), "w") as file:
        settings = {"crf": "4", "g": "5", **(options or {})}
        pictures: Any = file.add_stream(codec, rate=RATE, options=settings)
        pictures.height, pictures.width, pictures.pix_fmt = height, width, pixel_format
        if aspect is not None:
            pictures.codec_context.sample_aspect_ratio = aspect
        if tags is not None:
            context = pictures.codec_context
            context.color_primaries, context.color_trc, context.colorspace = tags
        pictures.codec_context.time_base = unit
        if rotation:
            pictures.set_display_rotation(rotation)
        if matrix is not None:
            pictures.codec_context.colorspace = matrix
        tones: list[Any] = []
        for language in languages if sound else ():
            tones.append(
                file.add_stream(
                    sound or "", rate=sample_rate, layout=layout, options={"strict": "-2"}
                )
            )
            tones[-1].metadata["language"] = language
        for index in range(frames):
            pixels = np.full((height, width, 4), min(40 + 10 * index, 250), np.uint8)
            pixels[: height // 3, : width // 3, :3] = (230, 20, 20)
            pixels[..., 3] = 255
            pixels[height // 2 :, :, 3] = 0
            if interlaced:
                pixels[1::2, :, :3] = 0
            frame: Any = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(
                format=pixel_format, dst_colorspace={1: "ITU709", 7: "SMPTE240M"}.get(matrix or 2)
            )
            frame.pts = times[index] if times else 1001 * index
            frame.time_base = Fraction(1, 24000)
            file.mux(pictures.encode(frame))
        file.mux(pictures.encode(None))
        seconds = np.arange(int(sample_rate * frames / RATE)) / sample_rate
        wave = (8000 * np.sin(2 * np.pi * 440 * seconds) * (seconds >= 0.1)).astype(np.int16)
        for tone in tones:
            for start in sound_times:
                channels = np.tile(wave[:, None], tone.layout.nb_channels).reshape(1, -1)
                samples: Any = av.AudioFrame.from_ndarray(channels, format="s16", layout=layout)
                samples.sample_rate, samples.pts = sample_rate, int(sample_rate * start)
                file.mux(tone.encode(samples))
            file.mux(tone.encode(None))


def sound_of(path: Path) -> list[tuple[float, bytes]]:
    """The packets of a file's sound, each with its time in s."""
    import av  # noqa: PLC0415

    with av.open(str(path)) as file:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))  # type: ignore[operator, unused-ignore]
            for packet in file.demux(audio=0)
            if packet.pts is not None
        ]


def times_of(path: Path) -> list[float]:
    """When each frame of a file is shown, in s."""
    import av  # noqa: PLC0415

    with av.open(str(path)) as file:
        return [float(frame.pts * frame.time_base) for frame in file.decode(video=0)]  # type: ignore[operator, unused-ignore]

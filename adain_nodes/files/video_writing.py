"""Films as video files, written with PyAV."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..host.errors import InputError, one_line
from ..host.threads import behind
from .ffmpeg import av_module, first_encoder, opened
from .film_source import Film, shaped, square_size, timed
from .hdr import BT709
from .sound import Sound

logger = logging.getLogger(__name__)

VIDEO_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffixes that videos are written to, and FFmpeg's names of their containers."""

_ENCODERS: dict[str, dict[str, str]] = {
    # Its macroblock tree makes of equal pictures 64 or 320 px wide other files from run to run.
    "libx264": {"crf": "15", "x264-params": "mbtree=0"},
    "mpeg4": {"flags": "+qscale", "global_quality": str(3 * 118)},
    "libvpx-vp9": {"crf": "24", "b": "0", "cpu-used": "4", "row-mt": "1"},
    "libvpx": {"crf": "8", "b": "8M"},
    "prores_ks": {"profile": "4444"},
}
"""Settings with hardly a visible loss."""

_CHOICES = {"webm": ("libvpx-vp9", "libvpx")}
_USUAL_CHOICE = ("libx264", "mpeg4")  # builds of FFmpeg under the LGPL lack the first

_ALPHA_CHOICES = {
    "mov": ("prores_ks", "yuva444p10le"),
    "webm": ("libvpx-vp9", "yuva420p"),
    "matroska": ("libvpx-vp9", "yuva420p"),
}
"""Encoders that keep transparency, by container, with their pixel format."""

_SQUARE_PIXELS = ("libvpx-vp9", "libvpx")  # their streams do not say how pixels are shaped

_FINEST_TIME_BASE = {"mpeg4": Fraction(1, 60000)}  # 16 bits for the denominator

_LIMITED_RANGE = 1  # FFmpeg's number for 16 to 235

_SAME_MATRIX = {BT709: "ITU709", 2: "ITU601", 5: "ITU601", 6: "ITU601"}
"""FFmpeg's numbers of YUV to RGB matrices, and PyAV's names of them: those that results keep, so
that no player shows them otherwise than their source. 2 is unknown, which FFmpeg takes for ITU601.
All others become ITU709."""


def keeps_alpha(output: Path) -> bool:
    """Whether a video with the suffix of this file can be transparent."""
    return VIDEO_FORMATS[output.suffix.lower()] in _ALPHA_CHOICES


def write_video(
    film: Film, output: Path, temporary: Path, results: Iterable[Tensor], size: tuple[int, int]
) -> None:
    """Writes a result for each frame of a film to a video.

    The times of frames, the sound, the shape of pixels and the colours' tags are those of the film.
    Pictures are stored as 8-bit YUV 4:2:0, which needs even sides: an odd one is extended by
    repeating the last row or column. With transparency they are VP9 in .mkv and .webm, and ProRes
    4444 in .mov.

    Args:
        film: that the results are made of.
        output: the file to name in messages; its suffix gives the format.
        temporary: the file to write.
        results: one for each frame, [H,W,C] in 0..1.
        size: their height and width in px.

    Raises:
        InputError: FFmpeg cannot write it.
    """
    recording = film.recording
    with ExitStack() as stack:
        source = stack.enter_context(opened(recording.path)) if recording else None
        with _writing(output):
            container = VIDEO_FORMATS[output.suffix.lower()]
            file = av_module().open(f"file:{temporary}", "w", format=container)
        stack.enter_context(file)
        with _writing(output):
            writer = _Writer(file, film, source, output, size)

        def add(part: tuple[Tensor, float, float]) -> float:
            result, start, duration = part
            with _writing(output):
                writer.add(result, start, duration)
            return start + duration

        end = max(behind(add, timed(film, results)), default=0.0)
        with _writing(output):
            writer.finish(until=end if recording and recording.broken else None)


class _Writer:
    """A video on its way into a file.

    Args:
        file: an open container to write into.
        film: the film to take times, colours and the shape of pixels from.
        source: its container to take the sound from, if it has one.
        output: the file's name in messages.
        size: height and width of pictures in px.
    """

    def __init__(
        self, file: Any, film: Film, source: Any, output: Path, size: tuple[int, int]
    ) -> None:
        self._file = file
        self._alpha = film.has_alpha and file.format.name in _ALPHA_CHOICES
        if self._alpha:
            codec, self._format = _ALPHA_CHOICES[file.format.name]
            codec = first_encoder([codec])
        else:
            codec = first_encoder(_CHOICES.get(file.format.name, _USUAL_CHOICE))
            self._format = "yuv420p"
        options = dict(_ENCODERS[codec])
        if self._alpha and codec == "libvpx-vp9":
            options["auto-alt-ref"] = "0"  # libvpx cannot do both
        self._pictures = file.add_stream(codec, rate=film.rate, options=options)
        square = codec in _SQUARE_PIXELS
        self._size = square_size(film, size) if square else size
        self._pictures.height, self._pictures.width = (side + side % 2 for side in self._size)
        self._pictures.pix_fmt = self._format
        context = self._pictures.codec_context
        if not square:
            context.sample_aspect_ratio = film.pixel_aspect
        self._unit = max(film.time_base, _FINEST_TIME_BASE.get(codec, Fraction(0)))
        context.time_base = self._unit
        self._last: int | None = None
        recording = film.recording
        matrix = recording.matrix if recording else BT709
        context.color_range = _LIMITED_RANGE
        context.colorspace = matrix if matrix in _SAME_MATRIX else BT709
        context.color_primaries = recording.primaries if recording else BT709
        context.color_trc = recording.transfer if recording else BT709
        self._matrix = _SAME_MATRIX[context.colorspace]
        self._sound: Iterator[Any] = iter(())
        if recording is not None:
            file.metadata.update(recording.tags)
            self._sound = Sound(recording, source, file, output).packets()
        file.start_encoding()
        self._next_sound = next(self._sound, None)

    def add(self, picture: Tensor, start: float, duration: float) -> None:
        """Appends a picture, shown from a time in s on for so many s."""
        height, width = self._size
        pixels = np.asarray(shaped(picture, alpha=self._alpha, size=self._size))
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = (
            av_module()
            .VideoFrame.from_ndarray(pixels, format="rgba" if self._alpha else "rgb24")
            .reformat(
                format=self._format, dst_colorspace=self._matrix, dst_color_range=_LIMITED_RANGE
            )
        )
        ticks = round(start / self._unit)
        self._last = ticks if self._last is None else max(ticks, self._last + 1)
        frame.pts, frame.time_base = self._last, self._unit
        frame.duration = max(round(duration / self._unit), 1)
        self._add_sound(until=start)
        self._file.mux(self._pictures.encode(frame))

    def finish(self, *, until: float | None) -> None:
        """Appends what is left, the sound up to a time in s."""
        self._file.mux(self._pictures.encode(None))
        self._add_sound(until)
        self._file.close()

    def _add_sound(self, until: float | None) -> None:
        """Appends sound up to a time in s, or all of it: the muxer would keep what comes early."""
        while self._next_sound is not None:
            if until is not None and self._next_sound.dts * self._next_sound.time_base > until:
                return
            self._file.mux(self._next_sound)
            self._next_sound = next(self._sound, None)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Writing a video; what FFmpeg says against it is an `InputError`."""
    try:
        yield
    except (av_module().error.FFmpegError, ValueError) as error:
        raise InputError(f"{path} cannot be written: {one_line(error)}") from error

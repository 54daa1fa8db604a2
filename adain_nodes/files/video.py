"""Video files as films, read and written with PyAV, which the extra `video` installs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..host.errors import InputError, one_line
from ..host.writing import written_whole
from .pictures import to_image

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}

VIDEO_SUFFIXES = frozenset(_FORMATS)
"""Suffixes of files that are taken to be videos."""

_ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18"},
    "mpeg4": {"flags": "+qscale", "global_quality": str(3 * 118)},
    "libvpx-vp9": {"crf": "24", "b": "0", "cpu-used": "4", "row-mt": "1"},
    "libvpx": {"crf": "8", "b": "8M"},
}
"""Settings with hardly a visible loss."""

_CHOICES = {"webm": ("libvpx-vp9", "libvpx")}
_USUAL_CHOICE = ("libx264", "mpeg4")  # builds of FFmpeg under the LGPL lack the first

_FINEST_TIME_BASE = {"mpeg4": Fraction(1, 60000)}  # 16 bits for the denominator

_LIMITED_RANGE = 1  # FFmpeg's number for 16 to 235

_SAME_MATRIX = {1: "ITU709", 2: "ITU601", 5: "ITU601", 6: "ITU601"}
"""FFmpeg's numbers of YUV to RGB matrices, and PyAV's names of them: those that results keep, so
that no player shows them otherwise than their source. 2 is unknown, which FFmpeg takes for ITU601.
All others become ITU709."""


class Video:
    """A video file. Iterating reads its frames, each [H,W,3] in 0..1; `len` is their number.

    Frames are turned upright where the file says how. One at a time is in memory.

    Args:
        path: .mp4, .mov, .mkv or .webm.

    Raises:
        InputError: PyAV is not installed, or the file is missing or is not a video.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path = Path(path)
        with _opened(path) as container:
            frame = next(_decoded(path, container, None))
            turned = frame.rotation % 180 == 90
            height, width = (frame.width, frame.height) if turned else (frame.height, frame.width)
            self.size: tuple[int, int] = (height, width)
            self._count: int = container.streams.video[0].frames
        if not self._count:  # only some containers say
            with _opened(path) as container:
                self._count = sum(packet.size > 0 for packet in container.demux(video=0))
        self._latest: Any = None  # the frame that was given last

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Tensor]:
        with _opened(self.path) as container:
            for frame in _decoded(self.path, container, len(self)):
                self._latest = frame
                pixels = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                yield torch.from_numpy(pixels.astype(np.float32) / np.float32(255))

    def check_output(self, output: str | os.PathLike[str], size: tuple[int, int]) -> None:
        """See `FilmFile.check_output`. Any size will do."""
        del size
        if Path(output).suffix.lower() not in VIDEO_SUFFIXES:
            raise InputError(f"{output} must end in {', '.join(_FORMATS)}: {self.path} is a video")

    def write(
        self, output: str | os.PathLike[str], results: Iterable[Tensor], size: tuple[int, int]
    ) -> None:
        """See `FilmFile.write`. The times of frames are those of this video, whose sound is copied.

        Pictures are stored as 8-bit YUV 4:2:0, which needs even sides: an odd one is extended by
        repeating the last row or column. Each result must be taken before the next frame is read:
        its time is that of the frame read last.
        """
        output = Path(output)
        self.check_output(output, size)
        with written_whole(output) as temporary, _opened(self.path) as source:
            with _writing(output):
                file = _av().open(str(temporary), "w", format=_FORMATS[output.suffix.lower()])
            with file:
                with _writing(output):
                    writer = _Writer(file, source, size)
                for result in results:
                    with _writing(output):
                        writer.add(result, self._latest)
                with _writing(output):
                    writer.finish()


class _Writer:
    """A video on its way into a file.

    Args:
        file: an open container to write into.
        source: one to copy the sound from, and what else pictures do not say.
        size: height and width of pictures in px.
    """

    def __init__(self, file: Any, source: Any, size: tuple[int, int]) -> None:
        like = source.streams.video[0]
        codec = _encoder(_CHOICES.get(file.format.name, _USUAL_CHOICE))
        self._matrix = _SAME_MATRIX.get(like.codec_context.colorspace, "ITU709")
        self._file = file
        self._pictures = file.add_stream(
            codec, rate=like.average_rate or like.guessed_rate, options=dict(_ENCODERS[codec])
        )
        self._pictures.height, self._pictures.width = (side + side % 2 for side in size)
        self._pictures.pix_fmt = "yuv420p"
        context = self._pictures.codec_context
        context.time_base = max(like.time_base, _FINEST_TIME_BASE.get(codec, Fraction(0)))
        context.color_range = _LIMITED_RANGE
        for tag in ("colorspace", "color_primaries", "color_trc"):
            setattr(context, tag, getattr(like.codec_context, tag))
        if context.colorspace not in _SAME_MATRIX:
            context.colorspace = 1
        sound = {s.index: file.add_stream_from_template(s) for s in source.streams.audio}
        file.start_encoding()
        self._sound = _copied(source, sound)
        self._next_sound = next(self._sound, None)

    def add(self, picture: Tensor, like: Any) -> None:
        """Appends a picture, shown when the source shows one of its frames."""
        height, width = picture.shape[:2]
        pixels = np.asarray(to_image(picture[..., :3]))
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = (
            _av()
            .VideoFrame.from_ndarray(pixels, format="rgb24")
            .reformat(format="yuv420p", dst_colorspace=self._matrix, dst_color_range=_LIMITED_RANGE)
        )
        frame.pts, frame.duration, frame.time_base = like.pts, like.duration, like.time_base
        self._add_sound(until=like.pts * like.time_base)
        self._file.mux(self._pictures.encode(frame))

    def finish(self) -> None:
        """Appends what is left."""
        self._file.mux(self._pictures.encode(None))
        self._add_sound(until=None)
        self._file.close()

    def _add_sound(self, until: Fraction | None) -> None:
        """Appends sound up to a time in s, or all of it: the muxer would keep what comes early."""
        while self._next_sound is not None:
            if until is not None and self._next_sound.dts * self._next_sound.time_base > until:
                return
            self._file.mux(self._next_sound)
            self._next_sound = next(self._sound, None)


def _copied(source: Any, streams: dict[int, Any]) -> Iterator[Any]:
    """The packets of a container's streams, for the streams that are to have them."""
    if not streams:
        return
    for packet in source.demux([source.streams[index] for index in streams]):
        if packet.dts is not None:  # it is the last, which is empty
            packet.stream = streams[packet.stream.index]
            yield packet


def _encoder(names: Iterable[str]) -> str:
    """The first of these encoders that this FFmpeg has."""
    for name in names:
        try:
            _av().codec.Codec(name, "w")
        except ValueError:  # PyAV's for an unknown codec
            continue
        return name
    raise InputError(f"the FFmpeg in PyAV can encode none of {', '.join(names)}")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Writing a video; what FFmpeg says against it is an `InputError`."""
    try:
        yield
    except (_av().error.FFmpegError, ValueError) as error:
        raise InputError(f"{path} cannot be written: {one_line(error)}") from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A video file for reading."""
    try:
        av = _av()
    except ImportError as error:
        raise InputError(
            f"{path} is a video, for which PyAV is needed: pip install 'adain-nodes[video]'"
        ) from error
    if not path.is_file():
        raise InputError(f"{path} {'is a folder' if path.exists() else 'does not exist'}")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a video: {one_line(error)}") from error
    with container:
        if not container.streams.video:
            raise InputError(f"{path} has no pictures")
        yield container


def _decoded(path: Path, container: Any, total: int | None) -> Iterator[Any]:
    """The frames of a video; the first damaged one ends it, counted from 1 in the message."""
    number = 0
    error: Exception | None = None
    frames = container.decode(video=0)
    while True:
        number += 1
        try:
            frame = next(frames, None)
        except (_av().error.FFmpegError, ValueError) as caught:
            frame, error = None, caught
        if error is None and frame is None and number > 1:
            return
        if frame is None or frame.is_corrupt:
            place = f"frame {number}" if total is None else f"frame {number} of {total}"
            reason = f": {one_line(error)}" if error is not None else ""
            raise InputError(f"{path} is damaged: {place} cannot be read{reason}") from error
        yield frame


def _av() -> Any:
    """PyAV, which is there only where the extra is installed."""
    import av  # noqa: PLC0415

    return av

"""Video files as films, read with PyAV, which the extra `video` installs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..host.errors import InputError, one_line
from ..host.threads import ahead
from . import hdr
from .ffmpeg import av_module, opened
from .film_source import Recording

logger = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg"}
    | {".mpeg", ".vob", ".wmv", ".asf", ".flv", ".ogv", ".f4v", ".mxf", ".h264", ".264", ".h265"}
    | {".265", ".hevc", ".m1v", ".m2v", ".y4m"}
)
"""Suffixes of files that are taken to be videos."""

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these ignore the second picture, which holds the alpha."""

_KEPT_TAGS = ("title", "artist", "comment", "copyright", "description", "date", "creation_time")


class Video:
    """A video file, see `Film`. One frame at a time is in memory.

    Frames are turned upright where the file says how, interlaced ones become whole pictures, and
    those of high dynamic range become SDR BT.709; one line in the log says so.

    Args:
        path: the file.
        partial: let the film end before the first frame that cannot be read, with a warning.

    Raises:
        InputError: PyAV is not installed, or the file is missing or is not a video.
    """

    plays = 0

    def __init__(self, path: str | os.PathLike[str], *, partial: bool = False) -> None:
        self.path = path = Path(path)
        self.times: Sequence[float] = []
        self.last_duration = 0.0
        self._partial = partial
        self._told: set[str] = set()
        with opened(path) as container:
            stream = _main_stream(path, container)
            self._count, self._stamps = _counted(path, container, stream, partial=partial)
        with opened(path) as container:
            stream = _main_stream(path, container)
            frame = next(self._decoded(container, stream), None)
            if frame is None:
                raise InputError(f"{path} has no frame that can be read")
            turned = frame.rotation % 180 == 90
            size = (frame.height, frame.width)
            self.size: tuple[int, int] = size[::-1] if turned else size
            aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
            self.pixel_aspect: Fraction = 1 / aspect if turned else aspect
            self.has_alpha: bool = any(part.is_alpha for part in frame.format.components)
            guessed, average = stream.guessed_rate, stream.average_rate
            has_times = frame.pts is not None
            rate = (average or guessed) if has_times else (guessed or average)
            self.rate: Fraction = rate or Fraction(25)
            # Times that are made up lie between those of a container that counts frames.
            self.time_base: Fraction = stream.time_base / (1 if stream.time_base < 0.0011 else 2)
            tags = (frame.color_primaries, frame.color_trc, frame.colorspace)
            self._transfer, self._converted = tags[1], hdr.needs_conversion(*tags[:2])
            if self._converted:
                kind = {hdr.PQ: "HDR (PQ)", hdr.HLG: "HDR (HLG)"}.get(tags[1], "BT.2020")
                self._tell(f"is {kind}: its frames are brought to SDR BT.709")
            primaries, transfer, matrix = (hdr.BT709,) * 3 if self._converted else tags
            start = (
                (frame.time or 0.0) if container.start_time is None else container.start_time / 1e6
            )
            self.recording = Recording(
                path, self._sound(container), max(start, 0.0), _tags(container), matrix, primaries,
                transfer, partial,
            )  # fmt: skip

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Tensor]:
        return ahead(self._read())

    def _read(self) -> Iterator[Tensor]:
        self.times = times = list[float]()
        with opened(self.path) as container:
            stream = _main_stream(self.path, container)
            clock = Clock(float(1 / self.rate), self.recording.start)
            for frame in self._whole(self._decoded(container, stream)):
                stamp, unit = frame.pts, frame.time_base
                if self._stamps and len(times) < len(self._stamps):
                    stamp, unit = self._stamps[len(times)], stream.time_base
                times.append(clock.time(None if stamp is None else float(stamp * unit)))
                length = (frame.duration or 0) * (frame.time_base or 0)
                self.last_duration = float(length or 1 / self.rate)
                yield self._picture(frame)
        self._count = len(times)

    def _picture(self, frame: Any) -> Tensor:
        """A frame of FFmpeg's, upright, [H,W,C] in 0..1."""
        name = "rgba" if self.has_alpha else "rgb"
        if not self._converted:
            pixels = frame.to_ndarray(format="rgba" if self.has_alpha else "rgb24")
            picture = torch.from_numpy(pixels.astype(np.float32) / np.float32(255))
        else:
            pixels = frame.to_ndarray(format=f"{name}{16 * len(name)}le")
            picture = hdr.to_sdr(pixels[..., :3], self._transfer)
            if self.has_alpha:
                alpha = torch.from_numpy(pixels[..., 3:].astype(np.float32) / np.float32(65535))
                picture = torch.cat([picture, alpha], dim=2)
        turns = frame.rotation // 90
        return picture.rot90(turns).contiguous() if turns % 4 else picture

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        """The frames of a video as FFmpeg gives them. The first damaged one ends it; the message
        counts from 1."""
        decoder = stream.codec_context
        if stream.metadata.get("alpha_mode") == "1" and decoder.name in _ALPHA_DECODERS:
            decoder = av_module().CodecContext.create(_ALPHA_DECODERS[decoder.name], "r")
        frames = _frames(container, stream, decoder)
        number = 0
        error: Exception | None = None
        while True:
            number += 1
            try:
                frame = next(frames, None)
            except (av_module().error.FFmpegError, ValueError) as caught:
                frame, error = None, caught
            whole = number > 1 and not _breaks_off(self.path, container, stream)
            if error is None and frame is None and whole:
                return
            if frame is None or frame.is_corrupt:
                reason = f": {one_line(error)}" if error is not None else ""
                if self._partial:
                    self._tell(
                        f"breaks off: frame {number} cannot be read{reason}; those before are used"
                    )
                    return
                place = f"frame {number} of {self._count}" if self._count else f"frame {number}"
                message = f"{self.path} is damaged: {place} cannot be read{reason}"
                raise InputError(message) from error
            if number == 1:
                first = (frame.width, frame.height)
            elif (frame.width, frame.height) != first:
                raise InputError(
                    f"{self.path}: frame {number} is {frame.width}x{frame.height} px, the first "
                    f"is {first[0]}x{first[1]} px: the frames of a film must be of equal size"
                )
            yield frame

    def _whole(self, frames: Iterator[Any]) -> Iterator[Any]:
        """Frames with those that are interlaced made whole."""
        graph: Any = None
        for frame in frames:
            if graph is None and frame.interlaced_frame:
                self._tell("is interlaced: its fields are made whole frames (bwdif)")
                graph = av_module().filter.Graph()
                graph.link_nodes(
                    graph.add_buffer(
                        width=frame.width, height=frame.height, format=frame.format,
                        time_base=frame.time_base,
                    ),
                    graph.add("bwdif", "mode=send_frame:deint=interlaced"),
                    graph.add("buffersink"),
                ).configure()  # fmt: skip
            if graph is None:
                yield frame
            else:
                graph.push(frame)
                yield from _pulled(graph)
        if graph is not None:
            graph.push(None)
            yield from _pulled(graph)

    def _sound(self, container: Any) -> tuple[int, ...]:
        """The streams of sound that FFmpeg knows."""
        for stream in container.streams.audio:
            if stream.codec_context is None:
                self._tell(
                    f"has sound that FFmpeg does not know in stream {stream.index}: left out"
                )
        return tuple(s.index for s in container.streams.audio if s.codec_context is not None)

    def _tell(self, message: str) -> None:
        """Says something about the file, once."""
        if message not in self._told:
            self._told.add(message)
            logger.warning("%s %s", self.path, message)


class Clock:
    """Rising times from the stamps of a file, which may be missing, equal or fall.

    Args:
        interval: usual time between frames, in s.
        start: the stamp in s that becomes 0.
    """

    def __init__(self, interval: float, start: float) -> None:
        self._interval = interval
        self._shift = -start
        self._last: float | None = None

    def time(self, stamp: float | None) -> float:
        """The time in s of the next stamp in s."""
        if stamp is None:
            time = 0.0 if self._last is None else self._last + self._interval
        else:
            time = stamp + self._shift
            if self._last is not None and time < self._last - 1:  # the file starts anew
                self._shift += self._last + self._interval - time
                time = self._last + self._interval
            elif self._last is not None and time <= self._last:
                time = self._last + self._interval / 2
        self._last = time
        return time


def _main_stream(path: Path, container: Any) -> Any:
    """The video that players show: no cover picture; of several, the default, then the largest."""
    flags = av_module().stream.Disposition
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & flags.attached_pic
    ]
    if not streams:
        raise InputError(f"{path} has no pictures")
    return max(streams, key=lambda s: (bool(s.disposition & flags.default), s.width * s.height))


def _frames(container: Any, stream: Any, decoder: Any) -> Iterator[Any]:
    """The frames of a stream. Before an error, those that the decoder still holds."""
    try:
        for packet in container.demux(stream):
            yield from decoder.decode(packet)
    except (av_module().error.FFmpegError, ValueError):
        with suppress(EOFError):  # it has been asked for all already
            for frame in decoder.decode(None):
                frame.time_base = stream.time_base
                yield frame
        raise


def _breaks_off(path: Path, container: Any, stream: Any) -> bool:
    """Whether the index of an MP4 names pictures beyond the end of the file, where reading just
    ends. Other formats have no such index, or at their end."""
    if "mp4" not in container.format.name or not len(stream.index_entries):
        return False
    last = stream.index_entries[-1]
    return bool(last.pos + last.size > path.stat().st_size)


def _counted(
    path: Path, container: Any, stream: Any, *, partial: bool
) -> tuple[int, Sequence[int] | None]:
    """The number of frames, and when they are shown, in order and in the stream's unit, where each
    frame does not know its own time.

    That is so where frames are stored in another order than they are shown in, and stamped as if
    they were not, as AVI does.
    """
    is_avi = container.format.name == "avi"
    if stream.frames and not is_avi:
        return stream.frames, None
    count, stamps = 0, list[int]()
    try:
        for packet in container.demux(stream):
            stamp = packet.dts if is_avi or packet.pts is None else packet.pts
            count += packet.size > 0
            if packet.size and stamp is not None:
                stamps.append(stamp)
    except (av_module().error.FFmpegError, ValueError) as error:
        if not partial:
            raise InputError(f"{path} is damaged: {one_line(error)}") from error
    reordered = stream.codec_context.has_b_frames and len(stamps) == count
    rising = all(a < b for a, b in pairwise(stamps))
    return count, stamps if reordered and rising else None


def _tags(container: Any) -> dict[str, str]:
    return {key: value for key, value in container.metadata.items() if key.lower() in _KEPT_TAGS}


def _pulled(graph: Any) -> Iterator[Any]:
    """The frames that a filter has ready."""
    while True:
        try:
            yield graph.pull()
        except (av_module().error.BlockingIOError, av_module().error.EOFError):
            return

"""The sound of a video on its way into another: copied, or encoded anew where it does not fit."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..host.errors import InputError
from .ffmpeg import av_module, first_encoder
from .film_source import Recording
from .video import Clock

logger = logging.getLogger(__name__)

_AAC, _OPUS = ("aac",), ("libopus", "libvorbis")
_CHOICES = {"mp4": _AAC, "mov": _AAC, "matroska": _OPUS, "webm": _OPUS}
"""Encoders by container, the best first."""

_HARDLY_PLAYED = {"mp4": ("vorbis", "pcm_")}
"""Codecs, by the beginnings of their names, that FFmpeg writes to a container and few players read
from it."""

_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""Of 1 to 8 channels: those of Opus, RFC 7845, section 5.1.1.2. AAC has them, too."""

_QUICKTIME_LANGUAGES = {
    "bod": "tib", "cym": "wel", "cze": "ces", "deu": "ger", "ell": "gre", "eus": "baq",
    "fas": "per", "fre": "fra", "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac",
    "msa": "may", "mya": "bur", "nld": "dut", "rum": "ron", "slo": "slk", "sqi": "alb",
    "swe": "sve", "zho": "chi",
}  # fmt: skip
"""Languages with two codes in ISO 639-2, of which FFmpeg writes but one to .mov; and Swedish."""

_FORMAT = "flt"
"""Samples on their way: all channels in one plane, as PyAV cannot list eight planes. Encoders get
them in their format and number."""

_BIT_RATE = 96000
"""Per channel, at which hardly a loss is heard; AAC takes less at low sample rates."""

_TOLERANCE = 0.04
"""By how many s the sound may run ahead of its time stamps, or lag behind, before it is mended."""


class Sound:
    """The sound of a recording, as packets for another file.

    Each of its streams becomes one of the file, with the same language and title: with the same
    packets where the container can hold them, otherwise encoded anew, which a line in the log says.

    Args:
        recording: whose sound it is.
        source: the recording, open.
        file: the container to add the streams to.
        output: its name in messages.

    Raises:
        InputError: the container cannot hold the sound, and there is no encoder for it.
    """

    def __init__(self, recording: Recording, source: Any, file: Any, output: Path) -> None:
        self._recording = recording
        self._source = source
        self._copies: dict[int, Any] = {}
        self._encoded: dict[int, _Encoded] = {}
        for index in recording.sound:
            stream = source.streams[index]
            if _holds(file.format.name, stream):
                self._copies[index] = copy = file.add_stream_from_template(stream)
            else:
                self._encoded[index] = _Encoded(recording.path, stream, file, output)
                copy = self._encoded[index].stream
            copy.disposition = stream.disposition.value
            copy.metadata.update(_names(stream, file.format.name))

    def packets(self) -> Iterator[Any]:
        """The packets of all streams, to be multiplexed in this order, from the time 0 s on."""
        for packet in self._stamped():
            index = packet.stream.index
            if index in self._encoded:
                yield from self._encoded[index].add(packet)
            else:
                packet.stream = self._copies[index]
                yield packet
        for track in self._encoded.values():
            yield from track.finish()

    def _stamped(self) -> Iterator[Any]:
        """The packets of the source, whose times rise, counted from its start."""
        clocks = {index: Clock(0.02, self._recording.start) for index in self._recording.sound}
        if not clocks:
            return
        try:
            for packet in self._source.demux([self._source.streams[index] for index in clocks]):
                # The last is empty; where a recording breaks off, one is cut.
                if packet.dts is None or packet.is_corrupt:
                    continue
                stamp = float(packet.dts * packet.time_base)
                shift = round((clocks[packet.stream.index].time(stamp) - stamp) / packet.time_base)
                packet.dts += shift
                if packet.pts is not None:
                    packet.pts += shift
                yield packet
        except av_module().error.FFmpegError:
            if not self._recording.broken:
                raise


class _Encoded:
    """One stream of sound, decoded and encoded anew.

    Gaps between its time stamps become silence, so that it keeps in step in players that do not
    look at them.
    """

    def __init__(self, path: Path, source: Any, file: Any, output: Path) -> None:
        self._path, self._source = path, source
        context = source.codec_context
        old = context.codec.canonical_name
        try:
            codec = first_encoder(_CHOICES[file.format.name])
        except InputError as error:
            raise InputError(f"{output} cannot hold the sound ({old}): {error}") from error
        rates = sorted(av_module().codec.Codec(codec, "w").audio_rates or ())
        rate = context.sample_rate or 48000
        if rates and rate not in rates:
            rate = next((each for each in rates if each > rate), rates[-1])
        channels = context.layout.nb_channels or 2
        layout = _LAYOUTS[min(channels, len(_LAYOUTS)) - 1]
        self.stream: Any = file.add_stream(codec, rate=rate, layout=layout)
        self.stream.bit_rate = min(_BIT_RATE, 4 * rate) * self.stream.layout.nb_channels
        new = self.stream.codec_context.codec.canonical_name
        logger.warning(
            "%s: the sound of stream %d, %s, is encoded as %s with %d Hz, %s",
            output, source.index, old, new, rate, layout,
        )  # fmt: skip
        self._rate = rate
        self._resampler: Any = None
        self._kind: tuple[str, str, int] | None = None
        self._position: int | None = None
        self._damaged = False

    def add(self, packet: Any | None) -> Iterator[Any]:
        """The new packets that are ready after one of the source; None for the end."""
        try:
            frames = self._source.codec_context.decode(packet)
        except av_module().error.FFmpegError:
            if not self._damaged:
                self._damaged = True
                logger.warning(
                    "%s has sound in stream %d that cannot be decoded: it becomes silence",
                    self._path, self._source.index,
                )  # fmt: skip
            return
        for frame in frames:
            yield from self._frame(frame)

    def finish(self) -> Iterator[Any]:
        """The last new packets."""
        yield from self.add(None)
        yield from self._resampled(None)
        if self._position is not None:
            yield from self.stream.encode(None)

    def _frame(self, frame: Any) -> Iterator[Any]:
        """Encodes a frame as decoded. Broadcasts change from stereo to 5.1 midway, for instance."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self._resampled(None)
            self._kind = kind
            self._resampler = av_module().AudioResampler(_FORMAT, self.stream.layout, self._rate)
        yield from self._resampled(frame)

    def _resampled(self, frame: Any) -> Iterator[Any]:
        """Encodes a frame in the new rate and layout; None for what the resampler still has."""
        for part in self._resampler.resample(frame) if self._resampler else ():
            if part is None:  # of a resampler that passes frames on
                continue
            if part.pts is None:
                start = self._position or 0
            else:
                start = round(part.pts * part.time_base * self._rate)
            if self._position is None:
                self._position = start
            if start < self._position - _TOLERANCE * self._rate:
                continue
            if start > self._position + _TOLERANCE * self._rate:
                yield from self._silence(start - self._position)
            yield from self._encode(part)

    def _silence(self, samples: int) -> Iterator[Any]:
        """Encodes silence, a second at a time."""
        while samples:
            size = min(samples, self._rate)
            part = av_module().AudioFrame(_FORMAT, self.stream.layout, size)
            part.planes[0].update(bytes(part.planes[0].buffer_size))
            part.sample_rate = self._rate
            samples -= part.samples
            yield from self._encode(part)

    def _encode(self, part: Any) -> Iterator[Any]:
        """Encodes samples right after those before."""
        part.pts, part.time_base = self._position, Fraction(1, self._rate)
        self._position = (self._position or 0) + part.samples
        yield from self.stream.encode(part)


def _names(stream: Any, container: str) -> dict[str, str]:
    """Language and title of a stream for a container. MP4 calls the title a name."""
    tags = stream.metadata
    language, title = tags.get("language"), tags.get("title") or tags.get("name")
    if container == "mov":
        language = _QUICKTIME_LANGUAGES.get(language, language)
    names = {"language": language, "title": title}
    return {key: value for key, value in names.items() if value}


def _holds(container: str, stream: Any) -> bool:
    """Whether a container can hold a stream. Some muxers refuse it only with the header."""
    name = stream.codec_context.codec.canonical_name
    if name.startswith(_HARDLY_PLAYED.get(container, ())):
        return False
    av = av_module()
    file = av.open(io.BytesIO(), "w", format=container)
    try:
        file.add_stream_from_template(stream)
        file.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    else:
        return True
    finally:
        with suppress(av.error.FFmpegError):  # without a packet some cannot be closed well
            file.close()

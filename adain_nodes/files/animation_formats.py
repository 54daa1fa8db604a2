"""Animated GIF, WebP and PNG, written frame by frame.

Pillow encodes single frames. Left to write the animation, it would keep all of it in memory and
join equal frames. Here each frame is a whole picture that replaces the one before it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from io import BytesIO
from itertools import count
from typing import BinaryIO

from PIL import GifImagePlugin, Image

Frames = Iterable[tuple[Image.Image, float]]
"""RGB or RGBA pictures of one mode and size, at least one, each with its duration in ms."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OPAQUE = 128  # the least alpha that is shown in a GIF, which has transparent and opaque only
_TRANSPARENT_INDEX = 255


def write_gif(file: BinaryIO, size: tuple[int, int], plays: int, frames: Frames) -> None:
    """Writes an animated GIF (specification 89a), each frame with 256 colours of its own.

    Args:
        file: to write to, from its start.
        size: height and width in px.
        plays: how often it is played, up to what the format can store; 0 is forever.
        frames: see `Frames`; durations are rounded to 10 ms, alpha to 0 or 1.
    """
    height, width = size
    file.write(b"GIF89a" + _little(width, 2) + _little(height, 2) + b"\x70\x00\x00")
    if plays != 1:
        # The extension counts repetitions: one play has none.
        repetitions = min(max(0, plays - 1), 0xFFFF)
        file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + _little(repetitions, 2) + b"\x00")
    for image, milliseconds in frames:
        # Where a frame is transparent, the one before it must not show: each is cleared.
        clear = image.mode == "RGBA"
        file.write(b"\x21\xf9\x04" + bytes([0b1001 if clear else 0b0100]))
        file.write(_little(min(round(milliseconds / 10), 0xFFFF), 2))
        file.write(bytes([_TRANSPARENT_INDEX if clear else 0, 0]))
        file.write(_gif_image(image))
    file.write(b"\x3b")


def _gif_image(image: Image.Image) -> bytes:
    """Image descriptor, colour table and data of a frame."""
    if image.mode == "RGBA":
        indexed = image.convert("RGB").quantize(_TRANSPARENT_INDEX)
        palette = indexed.getpalette() or []
        hidden = image.getchannel("A").point([255] * _OPAQUE + [0] * (256 - _OPAQUE))
        indexed.paste(_TRANSPARENT_INDEX, mask=hidden)
        indexed.putpalette(palette + [0] * (768 - len(palette)))
    else:
        indexed = image.quantize(256)
    return b"".join(GifImagePlugin.getdata(indexed, include_color_table=True))


def write_apng(file: BinaryIO, size: tuple[int, int], plays: int, frames: Frames) -> None:
    """Writes an animated PNG (PNG specification, third edition); see `write_gif`."""
    height, width = size
    sequence = count()
    for index, (image, milliseconds) in enumerate(frames):
        buffer = BytesIO()
        image.save(buffer, "PNG")
        chunks = list(_png_chunks(buffer.getvalue()))
        if index == 0:
            file.write(_PNG_SIGNATURE + _png_chunk(b"IHDR", chunks[0][1]))
            head = file.tell()
            file.write(bytes(20))  # for the number of frames
        seconds = Fraction(milliseconds) / 1000
        # Both parts have 16 bits; beyond a minute there is room for whole seconds only.
        seconds = seconds.limit_denominator(1000 if seconds < 65 else 1)
        control = b"".join(_big(n, 4) for n in (next(sequence), width, height, 0, 0))
        control += _big(min(seconds.numerator, 0xFFFF), 2) + _big(seconds.denominator, 2)
        file.write(_png_chunk(b"fcTL", control + b"\x00\x00"))  # keep the frame; replace what was
        for name, data in chunks:
            if name == b"IDAT" and index == 0:
                file.write(_png_chunk(b"IDAT", data))
            elif name == b"IDAT":
                file.write(_png_chunk(b"fdAT", _big(next(sequence), 4) + data))
    file.write(_png_chunk(b"IEND", b""))
    file.seek(head)
    file.write(_png_chunk(b"acTL", _big(index + 1, 4) + _big(plays, 4)))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = len(_PNG_SIGNATURE)
    while start < len(data):
        end = start + 8 + int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], data[start + 8 : end]
        start = end + 4


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return _big(len(data), 4) + name + data + _big(zlib.crc32(name + data), 4)


def write_webp(file: BinaryIO, size: tuple[int, int], plays: int, frames: Frames) -> None:
    """Writes an animated WebP (container specification), lossy at quality 95; see `write_gif`."""
    height, width = size
    canvas = _little(width - 1, 3) + _little(height - 1, 3)
    for index, (image, milliseconds) in enumerate(frames):
        if index == 0:
            alpha = 0x10 if image.mode == "RGBA" else 0
            file.write(b"RIFF" + bytes(4) + b"WEBP")
            file.write(_riff_chunk(b"VP8X", bytes([alpha | 0x02, 0, 0, 0]) + canvas))
            file.write(_riff_chunk(b"ANIM", bytes(4) + _little(min(plays, 0xFFFF), 2)))
        buffer = BytesIO()
        image.save(buffer, "WEBP", quality=95)
        picture = b"".join(
            _riff_chunk(name, data)
            for name, data in _riff_chunks(buffer.getvalue())
            if name in (b"ALPH", b"VP8 ", b"VP8L")
        )
        duration = _little(min(round(milliseconds), 0xFFFFFF), 3)
        replace = b"\x02"  # what was there, instead of blending with it
        file.write(_riff_chunk(b"ANMF", bytes(6) + canvas + duration + replace + picture))
    length = file.tell() - 8
    file.seek(4)
    file.write(_little(length, 4))


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 12
    while start < len(data):
        end = start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
        yield data[start : start + 4], data[start + 8 : end]
        start = end + end % 2


def _riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + _little(len(data), 4) + data + bytes(len(data) % 2)


def _little(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def _big(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")

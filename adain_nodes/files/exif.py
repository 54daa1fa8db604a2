"""EXIF data: which way up a picture is, and what results keep of it.

EXIF is a small TIFF file: a header, then directories of fields. It is read here field by field, so
that what one program wrote badly costs no more than that field, and never the picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from mmap import mmap
from typing import NamedTuple

from PIL import ExifTags, Image

_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of an orientation upright."""

ON_THE_SIDE = (5, 6, 7, 8)
"""Orientations that exchange height and width."""

_RESOLUTION = (ExifTags.Base.XResolution, ExifTags.Base.YResolution)
_ORIENTATION = int(ExifTags.Base.Orientation)
_EXPOSURE = int(ExifTags.IFD.Exif)  # the field that points to the directory of the exposure

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of one value, by type."""

_CODES = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d"}
"""How `struct` reads one number, by type."""

_SHORT, _LONG, _RATIONAL = 3, 4, 5

_LARGEST = 60_000
"""Bytes of EXIF data that fit into a JPEG, with room to spare."""

_OF_PICTURE = """
    DocumentName ImageDescription Make Model Software DateTime Artist Copyright Rating XPTitle
    XPComment XPAuthor XPKeywords XPSubject
"""
"""Fields of the main directory that are kept: what a picture shows, whose it is, and of when."""

_OF_EXPOSURE = """
    ExposureTime FNumber ExposureProgram ISOSpeedRatings SensitivityType RecommendedExposureIndex
    ExifVersion DateTimeOriginal DateTimeDigitized OffsetTime OffsetTimeOriginal OffsetTimeDigitized
    SubsecTime SubsecTimeOriginal SubsecTimeDigitized ShutterSpeedValue ApertureValue
    BrightnessValue ExposureBiasValue MaxApertureValue SubjectDistance MeteringMode LightSource
    Flash FocalLength UserComment ExposureMode WhiteBalance DigitalZoomRatio FocalLengthIn35mmFilm
    SceneCaptureType LensSpecification LensMake LensModel
"""
"""Fields of the directory of the exposure that are kept. Serial numbers are not, nor the maker's
own notes, of which nobody knows what they tell."""

_KEPT = frozenset(ExifTags.Base[name].value for name in (_OF_PICTURE + _OF_EXPOSURE).split())
"""All of them: some programs put fields of one directory into the other."""


class Field(NamedTuple):
    """A field of EXIF data as it stands in the file."""

    kind: int
    """Type of its values, by TIFF's number."""

    length: int
    """Number of its values."""

    data: bytes
    """The values."""


def upright(image: Image.Image) -> Image.Image:
    """The image turned and mirrored as its file says; the image itself if it is upright."""
    method = _METHODS.get(orientation(image))
    return image if method is None else image.transpose(method)


def orientation(image: Image.Image) -> int:
    """EXIF's number of how an image lies, 1 (upright) to 8; 1 if the file says nothing sane.

    XMP data counts where EXIF data has no such field, as it does for Pillow.
    """
    if image.format == "TIFF" or (image.format == "JXL" and not getattr(image, "jpeg", False)):
        return 1  # their decoders turn pictures, whatever EXIF data beside the pixels says
    order, fields = _directory(exif_of(image), None)
    if _ORIENTATION in fields:
        value = _number(order, fields[_ORIENTATION])
    else:
        value = _xmp_orientation(image)
    return int(value) if value in _METHODS else 1


def exif_of(image: Image.Image) -> bytes:
    """The EXIF data of an image, from the first byte of its TIFF header; empty without any."""
    data = image.info.get("exif")
    if data is None:
        # ImageMagick writes it into PNG as text: a line with its name, one with its length, then
        # hexadecimal digits.
        text = image.info.get("Raw profile type exif")
        try:
            data = bytes.fromhex("".join(text.split("\n")[3:])) if isinstance(text, str) else b""
        except ValueError:
            data = b""
    return re.sub(rb"^(Exif\0\0){1,2}", b"", data) if isinstance(data, bytes) else b""


def kept_exif(data: bytes | mmap, dpi: tuple[float, float] | None) -> bytes:
    """What a result keeps of its content's EXIF data.

    That is what the content shows, whose it is, when and how it was taken. The place is left out,
    so are the thumbnail, the maker's notes and serial numbers. The result is upright and in sRGB.

    Args:
        data: EXIF data or a TIFF file, from the first byte of its header.
        dpi: pixels per inch, horizontal and vertical, if known.

    Returns:
        EXIF data with its prefix, as files embed it; empty if there is nothing to keep.
    """
    order, fields = _directory(data, None)
    offset = _number(order, fields[_EXPOSURE]) if _EXPOSURE in fields else None
    exposure = _directory(data, int(offset))[1] if offset else {}
    main = {tag: field for tag, field in fields.items() if tag in _KEPT}
    exposure = {tag: field for tag, field in exposure.items() if tag in _KEPT}
    if not (main or exposure or dpi):
        return b""
    main[_ORIENTATION] = _short(order, 1)
    exposure[int(ExifTags.Base.ColorSpace)] = _short(order, 1)  # sRGB
    if dpi:
        for tag, value in zip(_RESOLUTION, dpi, strict=True):
            ratio = struct.pack(f"{order}II", round(value * 1000), 1000)
            main[int(tag)] = Field(_RATIONAL, 1, ratio)
        main[int(ExifTags.Base.ResolutionUnit)] = _short(order, 2)  # inch
    return b"Exif\0\0" + _file(
        order, _within(main, _LARGEST // 2), _within(exposure, _LARGEST // 2)
    )


def _directory(data: bytes | mmap, offset: int | None) -> tuple[str, dict[int, Field]]:
    """Byte order, as `struct` has it, and the readable fields of a directory.

    Args:
        data: a TIFF file.
        offset: where the directory begins; None: the main one.
    """
    order = ">" if data[:2] == b"MM" else "<"
    return order, dict(_fields(data, order, offset)) if data[:2] in (b"II", b"MM") else {}


def _fields(data: bytes | mmap, order: str, offset: int | None) -> Iterator[tuple[int, Field]]:
    if offset is None:
        head = data[2:8]
        if len(head) < 6 or struct.unpack_from(f"{order}H", head)[0] != 42:
            return
        (offset,) = struct.unpack_from(f"{order}I", head, 2)
    (total,) = struct.unpack(f"{order}H", data[offset : offset + 2].rjust(2, b"\0"))
    for index in range(total):
        place = offset + 2 + 12 * index
        entry = data[place : place + 12]
        if len(entry) < 12:
            return
        tag, kind, count = struct.unpack_from(f"{order}HHI", entry)
        size = _SIZES.get(kind, 0) * count
        start = 8 if size <= 4 else struct.unpack_from(f"{order}I", entry, 8)[0]
        values = (entry if size <= 4 else data)[start : start + size]
        if size and len(values) == size:
            yield tag, Field(kind, count, values)


def _number(order: str, field: Field) -> float | None:
    """The first value of a field; None if it is not a number."""
    code = _CODES.get(field.kind)
    if code is None:
        return None
    value, *divisor = struct.unpack_from(order + code, field.data)
    if not divisor:
        return float(value)
    return value / divisor[0] if divisor[0] else None


def _xmp_orientation(image: Image.Image) -> int | None:
    data = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    text = data.decode("latin-1") if isinstance(data, bytes) else str(data)
    match = re.search(r'tiff:Orientation(?:="|>)([1-8])', text)
    return int(match[1]) if match else None


def _short(order: str, value: int) -> Field:
    return Field(_SHORT, 1, struct.pack(f"{order}H", value))


def _within(fields: Mapping[int, Field], room: int) -> dict[int, Field]:
    """Fields that fit into so many bytes, the shortest first, by tag."""
    chosen = {}
    for tag, field in sorted(fields.items(), key=lambda item: len(item[1].data)):
        room -= 12 + len(field.data) + 1
        if room >= 0:
            chosen[tag] = field
    return dict(sorted(chosen.items()))


def _file(order: str, main: dict[int, Field], exposure: dict[int, Field]) -> bytes:
    """A TIFF file of a main directory and that of the exposure."""
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}I", 8)
    pointer = Field(_LONG, 1, bytes(4))
    first = _written(order, dict(sorted({**main, _EXPOSURE: pointer}.items())), 8)
    pointer = pointer._replace(data=struct.pack(f"{order}I", 8 + len(first)))
    first = _written(order, dict(sorted({**main, _EXPOSURE: pointer}.items())), 8)
    return head + first + _written(order, exposure, 8 + len(first))


def _written(order: str, fields: dict[int, Field], offset: int) -> bytes:
    """A directory that is the last, sorted by tag, and behind it the values that it has no room
    for."""
    entries, values = struct.pack(f"{order}H", len(fields)), b""
    behind = offset + 2 + 12 * len(fields) + 4
    for tag, (kind, length, data) in fields.items():
        entries += struct.pack(f"{order}HHI", tag, kind, length)
        if len(data) <= 4:
            entries += data.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", behind + len(values))
            values += data + bytes(len(data) % 2)
    return entries + bytes(4) + values

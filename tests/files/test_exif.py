from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from adain_nodes.files.exif import kept_exif, orientation
from adain_nodes.files.pictures import picture_size, read_picture

ORIENTATION = 0x0112
SHORT, LONG, RATIONAL, ASCII, SIGNED = 3, 4, 5, 2, 10

SUFFIXES = [".png", ".jpg", ".webp"]


def exif(*fields: tuple[int, int, int, bytes], order: str = ">") -> bytes:
    """EXIF data with fields (tag, type, number of values, values), as they are given."""
    behind = 8 + 2 + 12 * len(fields) + 4
    entries, values = struct.pack(f"{order}H", len(fields)), b""
    for tag, kind, length, data in fields:
        entries += struct.pack(f"{order}HHI", tag, kind, length)
        if len(data) <= 4:
            entries += data.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", behind + len(values))
            values += data
    head = b"MM\0*" if order == ">" else b"II*\0"
    return head + struct.pack(f"{order}I", 8) + entries + bytes(4) + values


def short(value: int, order: str = ">") -> bytes:
    return struct.pack(f"{order}H", value)


def on_its_side(path: Path, data: bytes, xmp: bytes = b"") -> bool:
    """Whether a picture with this EXIF data is turned when it is read, as its size tells."""
    options = {"xmp": xmp} if xmp else {}
    Image.new("RGB", (16, 8)).save(path, exif=b"Exif\0\0" + data, **options)  # type: ignore[arg-type]
    size = picture_size(path)
    assert read_picture(path).shape == (1, *size, 3)
    assert sorted(size) == [8, 16]
    return size == (16, 8)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", range(1, 9))
def test_pictures_are_made_upright(tmp_path: Path, suffix: str, value: int) -> None:
    path = tmp_path / f"a{suffix}"
    corners = np.zeros((16, 24, 3), np.uint8)
    corners[:8, :12] = (255, 0, 0)
    corners[8:, 12:] = (0, 0, 255)
    data = exif((ORIENTATION, SHORT, 1, short(value)))
    Image.fromarray(corners).save(path, exif=b"Exif\0\0" + data)
    # Where the red corner is to be seen; 1 is at the left and at the top.
    left, top = [(1, 1), (0, 1), (0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0)][value - 1]
    picture = read_picture(path)[0]
    height, width = picture.shape[:2]
    assert (height, width) == picture_size(path) == ((24, 16) if value > 4 else (16, 24))
    red = picture[height // 4 if top else -height // 4, width // 4 if left else -width // 4]
    assert red[0] > 0.8
    assert red[2] < 0.2


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("fields", "turned"),
    [
        ([(ORIENTATION, SHORT, 1, short(6))], True),
        ([(ORIENTATION, LONG, 1, struct.pack(">I", 6))], True),
        ([(ORIENTATION, RATIONAL, 1, struct.pack(">II", 6, 1))], True),
        ([(ORIENTATION, SHORT, 2, short(6) * 2)], True),
        ([(ORIENTATION, SHORT, 1, short(1)), (ORIENTATION, SHORT, 1, short(6))], True),
        ([(ORIENTATION, RATIONAL, 1, struct.pack(">II", 6, 0))], False),
        ([(ORIENTATION, ASCII, 2, b"6\0")], False),
        ([(ORIENTATION, SHORT, 0, b"")], False),
        ([(ORIENTATION, 99, 1, short(6))], False),
        ([(ORIENTATION, SHORT, 1, short(9))], False),
        ([(ORIENTATION, SHORT, 1, short(0))], False),
        ([], False),
        # Values that their types do not allow, beside a good orientation.
        ([(ORIENTATION, SHORT, 1, short(6)), (0x011A, RATIONAL, 1, b"\xff" * 8)], True),
        ([(ORIENTATION, SHORT, 1, short(6)), (0x0132, ASCII, 10**6, bytes(8))], True),
        ([(0x8769, LONG, 1, b"\xff" * 4), (ORIENTATION, SHORT, 1, short(6))], True),
        ([(0x8825, ASCII, 1, b"x"), (ORIENTATION, SHORT, 1, short(6))], True),
    ],
)
def test_the_orientation_alone_is_taken_from_any_exif_data(
    tmp_path: Path, suffix: str, fields: list[tuple[int, int, int, bytes]], turned: bool
) -> None:
    assert on_its_side(tmp_path / f"a{suffix}", exif(*fields)) is turned


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exif_data_that_breaks_off_does_not_lose_the_picture(
    tmp_path: Path, suffix: str, order: str
) -> None:
    field = (ORIENTATION, SHORT, 1, short(6, order))
    whole = exif(field, (0x010F, ASCII, 8, b"camera\0\0"), order=order)
    turned = [on_its_side(tmp_path / f"a{suffix}", whole[:n]) for n in range(len(whole) + 1)]
    assert turned == [n >= 22 for n in range(len(whole) + 1)]


@pytest.mark.parametrize(
    "data", [b"", b"junk", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"]
)
def test_garbage_does_not_lose_the_picture(tmp_path: Path, data: bytes) -> None:
    assert not on_its_side(tmp_path / "a.jpg", data)


@pytest.mark.parametrize(
    "xmp", [b'<x tiff:Orientation="6"/>', b"<tiff:Orientation>6</tiff:Orientation>"]
)
def test_xmp_data_counts_where_exif_data_says_nothing(tmp_path: Path, xmp: bytes) -> None:
    assert on_its_side(tmp_path / "a.webp", exif(), xmp)
    assert not on_its_side(tmp_path / "a.webp", exif((ORIENTATION, SHORT, 1, short(1))), xmp)


@pytest.mark.parametrize(
    "field",
    [
        (0x8769, LONG, 1, b"\xff" * 4),
        (0x8769, LONG, 1, struct.pack(">I", 9)),
        (0x0132, ASCII, 10**6, bytes(8)),
        (0x0132, RATIONAL, 1, b"\xff" * 8),
    ],
)
def test_a_tiff_file_is_turned_whatever_else_it_says(
    tmp_path: Path, field: tuple[int, int, int, bytes]
) -> None:
    def layout(offset: int) -> bytes:
        numbers = {0x100: 16, 0x101: 8, 0x102: 8, 0x103: 1, 0x106: 1, ORIENTATION: 6, 0x115: 1}
        numbers |= {0x116: 8, 0x117: 128, 0x111: offset}
        fields = [(tag, SHORT, 1, short(value)) for tag, value in numbers.items()]
        return exif(*sorted([*fields, field]))

    path = tmp_path / "a.tif"
    path.write_bytes(layout(len(layout(0))) + bytes(range(128)))
    assert picture_size(path) == (16, 8)
    picture = read_picture(path)[0, ..., 0] * 255
    assert picture[:, -1].round().tolist() == list(range(16))


def test_exif_data_behind_the_pixels_of_a_png_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    on_its_side(path, exif((ORIENTATION, SHORT, 1, short(6))))
    data = path.read_bytes()
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    path.write_bytes(data[:start] + data[end:-12] + data[start:end] + data[-12:])
    assert picture_size(path) == (16, 8)
    assert read_picture(path).shape == (1, 16, 8, 3)


def test_exif_data_as_text_in_a_png_counts(tmp_path: Path) -> None:
    """As ImageMagick writes it."""
    data = b"Exif\0\0" + exif((ORIENTATION, SHORT, 1, short(6)))
    text = PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", zip=True)
    Image.new("RGB", (16, 8)).save(tmp_path / "a.png", pnginfo=text)
    assert read_picture(tmp_path / "a.png").shape == (1, 16, 8, 3)


def test_kept_fields_are_copied_to_the_byte() -> None:
    copyright_line = "© 2024 Müller\0".encode()
    data = exif(
        (0x010F, ASCII, 7, b"Camera\0"),
        (ORIENTATION, SHORT, 1, short(6)),
        (0x8298, ASCII, len(copyright_line), copyright_line),
        (0x8825, LONG, 1, struct.pack(">I", 8)),
    )
    kept = kept_exif(data, (300, 300))
    assert kept.startswith(b"Exif\0\0MM\0*")
    assert copyright_line in kept
    image = Image.new("RGB", (2, 2))
    image.info["exif"] = kept
    read = image.getexif()
    assert read[ExifTags.Base.Make] == "Camera"
    assert read[ExifTags.Base.Orientation] == orientation(image) == 1
    assert read[ExifTags.Base.XResolution] == read[ExifTags.Base.YResolution] == 300
    assert ExifTags.IFD.GPSInfo not in read
    assert kept_exif(kept[6:], None).count(copyright_line) == 1


def test_a_field_in_the_wrong_directory_is_kept_there() -> None:
    date = b"2024:01:01 10:00:00\0"
    image = Image.new("RGB", (2, 2))
    image.info["exif"] = kept_exif(exif((0x9003, ASCII, len(date), date)), None)
    assert image.getexif()[ExifTags.Base.DateTimeOriginal] == date[:-1].decode()


def test_nothing_is_kept_of_nothing() -> None:
    assert kept_exif(b"", None) == b""
    assert kept_exif(exif((ORIENTATION, SHORT, 1, short(6))), None) == b""


def test_what_is_kept_fits_into_a_jpeg() -> None:
    long = b"x" * 200_000
    data = exif((0x010E, ASCII, len(long), long), (0x8298, ASCII, 4, b"me\0\0"))
    kept = kept_exif(data, None)
    assert b"me\0\0" in kept
    assert len(kept) < 200

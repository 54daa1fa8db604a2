from __future__ import annotations

import importlib
import importlib.util
import re
import struct
import sys
import threading
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image, PngImagePlugin

from adain_nodes.files import formats
from adain_nodes.files.folders import PACKAGES
from adain_nodes.files.formats import PICTURE_SUFFIXES, READABLE_SUFFIXES, opened
from adain_nodes.files.pictures import WRITABLE_SUFFIXES, picture_size, read_picture
from adain_nodes.host.errors import InputError

HEAD_OF_HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
HEAD_OF_JPEG_XL = b"\xff\x0a\0\0"


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


def test_suffixes_of_pictures_are_known_and_those_of_documents_are_not() -> None:
    usual = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    assert usual | {".jp2", ".ppm", ".tga"} <= READABLE_SUFFIXES
    assert not READABLE_SUFFIXES & {".pdf", ".eps", ".ico", ".mpg", ".h5", ".txt"}


def test_the_table_of_formats_is_that_of_the_code() -> None:
    """docs/files.md, in its table of pictures."""
    text = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| formats \|(.*)\|(.*)\|$", text, re.MULTILINE)
    alone, packages = (set(re.findall(r"\.\w+", part)) for part in row[0].split("pip install"))
    assert alone == PICTURE_SUFFIXES
    assert packages == set(PACKAGES)
    assert set(re.findall(r"\.\w+", row[1])) == set(WRITABLE_SUFFIXES)


@pytest.mark.parametrize(
    "name", ["a.jpe", "a.jfif", "a.JPG", "a.jp2", "a.ppm", "a.tga", "a.TIFF", "a.Gif", "a.bmp"]
)
def test_each_of_these_formats_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.new("RGB", (16, 8), (255, 255, 255)).save(path)
    assert path.suffix.lower() in READABLE_SUFFIXES
    assert read_picture(path).shape[:3] == (1, 8, 16)
    assert read_picture(path)[..., :3].min() > 0.98
    assert picture_size(path) == (8, 16)


@pytest.mark.skipif(".avif" not in READABLE_SUFFIXES, reason="needs Pillow with AVIF")
def test_avif_is_read(tmp_path: Path) -> None:
    Image.new("RGB", (16, 8), (255, 255, 255)).save(tmp_path / "a.avif")
    assert read_picture(tmp_path / "a.avif").min() > 0.95


@pytest.mark.usefixtures("without_packages")
@pytest.mark.parametrize(
    ("head", "name", "package"),
    [
        (HEAD_OF_HEIC, "HEIC", "pillow-heif"),
        (HEAD_OF_JPEG_XL, "JPEG XL", "pillow-jxl-plugin"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", "pillow-jxl-plugin"),
    ],
)
def test_the_package_that_reads_a_file_is_named(
    tmp_path: Path, head: bytes, name: str, package: str
) -> None:
    path = tmp_path / "a.jpg"  # phones and messengers name files as they like
    path.write_bytes(head + bytes(100))
    with pytest.raises(InputError, match=f"a.jpg is a {name} file, .*: pip install {package}"):
        read_picture(path)


@pytest.mark.parametrize(
    ("suffix", "head", "module"),
    [(".heic", HEAD_OF_HEIC, "pillow_heif"), (".jxl", HEAD_OF_JPEG_XL, "pillow_jxl")],
)
def test_an_installed_package_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, head: bytes, module: str
) -> None:
    """Stands in for the package: its reader takes what begins in the right way."""

    def register_heif_opener() -> None:
        Image.register_open(
            "STUB",
            lambda *_: Image.new("RGB", (16, 8)),  # type: ignore[arg-type]
            lambda start: start.startswith(head[:12]),
        )

    stub = ModuleType(module)
    stub.register_heif_opener = register_heif_opener  # type: ignore[attr-defined]
    if module == "pillow_jxl":
        monkeypatch.setattr(
            importlib, "import_module", lambda _: register_heif_opener()
        )  # it registers itself
    monkeypatch.setitem(sys.modules, module, stub)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: "there")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(head + bytes(100))
    try:
        assert read_picture(path).shape == (1, 8, 16, 3)
        assert suffix in formats._readable_suffixes()
    finally:
        Image.ID.remove("STUB")
        del Image.OPEN["STUB"]


def test_real_heic_and_jpeg_xl_are_read_upright(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    pytest.importorskip("pillow_jxl")
    heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16, 8)).save(tmp_path / "a.heic", exif=exif.tobytes())
    assert picture_size(tmp_path / "a.heic") == (16, 8)
    assert read_picture(tmp_path / "a.heic").shape == (1, 16, 8, 3)
    Image.new("RGB", (16, 8)).save(tmp_path / "a.jxl", exif=exif.tobytes())
    # Its decoder has turned it already, if the stream says so; EXIF data does not count.
    assert read_picture(tmp_path / "a.jxl").shape == (1, 8, 16, 3)


def test_numbers_that_are_not_read_are_named(tmp_path: Path) -> None:
    numbers = {0x100: 1, 0x101: 1, 0x103: 1, 0x106: 2, 0x111: 8, 0x115: 3, 0x116: 1, 0x117: 12}
    fields = sorted({**numbers, 0x102: 32, 0x153: 3}.items())
    data = b"".join(struct.pack("<HHIHxx", tag, 3, 1, value) for tag, value in fields)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + data + bytes(4)
    (tmp_path / "a.tif").write_bytes(data + bytes(100))
    with pytest.raises(InputError, match=r"a\.tif is a TIFF file of 3 channels of 32-bit floating"):
        read_picture(tmp_path / "a.tif")


def png_chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + name + data + check


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    ("name", "head"),
    [(b"zTXt", b"workflow\0\0"), (b"iTXt", b"workflow\0\1\0\0\0"), (b"iCCP", b"profile\0\0")],
)
def test_long_compressed_chunks_of_a_png_do_not_hinder(
    tmp_path: Path, name: bytes, head: bytes, behind: bool
) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (16, 8)).save(path)
    data = path.read_bytes()
    chunk = png_chunk(name, head + zlib.compress(bytes(5_000_000)))
    place = len(data) - 12 if behind else 33
    path.write_bytes(data[:place] + chunk * (1 if name == b"iCCP" else 20) + data[place:])
    limits = (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)
    assert read_picture(path).shape == (1, 8, 16, 3)
    assert picture_size(path) == (8, 16)
    assert limits == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)


def test_limits_come_back_when_the_last_of_several_threads_is_done(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path)
    limit = Image.MAX_IMAGE_PIXELS
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with opened(path):
            inside.set()
            leave.wait(10)

    with opened(path):
        thread = threading.Thread(target=hold)
        thread.start()
        assert inside.wait(10)
    assert Image.MAX_IMAGE_PIXELS is None
    leave.set()
    thread.join()
    assert limit == Image.MAX_IMAGE_PIXELS

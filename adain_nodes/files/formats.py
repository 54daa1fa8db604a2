"""Which picture formats are read, and how files of them are opened, by way of Pillow."""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from PIL import Image, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from ..host.downloads import missing_download
from ..host.errors import InputError, one_line
from ..host.options import check_pixels
from .folders import PACKAGES

_SUFFIXES = """
    .apng .avif .bmp .dib .gif .j2k .jfif .jp2 .jpe .jpeg .jpg .jpx .mpo .pbm .pcx .pgm .png .pnm
    .ppm .psd .qoi .tga .tif .tiff .webp
"""

PICTURE_SUFFIXES = frozenset(_SUFFIXES.split())
"""Suffixes of pictures that Pillow reads, not all of them in every version. It knows more: of
documents, icons, textures and data."""

_MODULES = {"pillow-heif": "pillow_heif", "pillow-jxl-plugin": "pillow_jxl"}
_NAMES = {"pillow-heif": "HEIC", "pillow-jxl-plugin": "JPEG XL"}

_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_LONGEST_TEXT = 1 << 28  # bytes, unpacked


def _readable_suffixes() -> frozenset[str]:
    known = PICTURE_SUFFIXES & frozenset(Image.registered_extensions())
    return known | {suffix for suffix, package in PACKAGES.items() if _is_installed(package)}


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(_MODULES[package]) is not None


READABLE_SUFFIXES = _readable_suffixes()
"""Suffixes by which folders are searched for pictures: those that this Pillow reads."""


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Opens a picture file; whatever goes wrong with it meanwhile is an `InputError`."""
    try:
        # Of a file by name, Pillow would map pixels into memory; of some TIFF files that are to be
        # turned, in a wrong order.
        with _unlimited, Path(path).open("rb") as file, _open(file) as image:
            check_pixels(str(path), image.height, image.width)
            yield image
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path} {_why_unknown(Path(path))}") from error
    # Pillow's readers raise all kinds of exceptions on damaged files.
    except Exception as error:
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder, a picture file is expected") from error
        raise InputError(f"{path} cannot be read as a picture: {one_line(error)}") from error


def load(image: Image.Image) -> None:
    """Decodes the pixels of an opened picture."""
    with _quiet():
        image.load()


def _open(file: BinaryIO) -> Image.Image:
    with _quiet():
        try:
            return Image.open(file)
        except UnidentifiedImageError:
            package = _package(file)
            if package is None or not _is_installed(package):
                raise
        _register(package)
        return Image.open(file)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings of damage that does no harm. What does harm is an exception."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _register(package: str) -> None:
    """Lets Pillow read the formats of an installed package."""
    module = importlib.import_module(_MODULES[package])
    if package == "pillow-heif":
        module.register_heif_opener()


def _package(file: BinaryIO) -> str | None:
    """The package that reads a file, by how it begins; None if it is not a case for one."""
    file.seek(0)
    head = file.read(12)
    if head.startswith(_JPEG_XL):
        return "pillow-jxl-plugin"
    return "pillow-heif" if head[4:8] == b"ftyp" and head[8:] in _HEIF_BRANDS else None


def _why_unknown(path: Path) -> str:
    """Why Pillow reads nothing out of a file that is there."""
    with path.open("rb") as file:
        package = _package(file)
        if package is not None and _is_installed(package):
            return f"is damaged: {package} finds no {_NAMES[package]} picture in it"
        if package is not None:
            return (
                f"is a {_NAMES[package]} file, for which {package} is needed: pip install {package}"
            )
        layout = _tiff_layout(file)
    if layout is not None:
        return f"is a TIFF file of {layout}, which is not read: convert it to 8 or 16 bits"
    return missing_download(path, "the picture") or "is not a picture of a known format"


def _tiff_layout(file: BinaryIO) -> str | None:
    """What a TIFF file holds, such as `3 channels of 32-bit floating numbers`."""
    try:
        file.seek(0)
        with _quiet():
            fields = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(fields.next)
            fields.load(file)
        bits = fields[TiffImagePlugin.BITSPERSAMPLE]
        channels = fields.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
        number = fields.get(TiffImagePlugin.SAMPLEFORMAT, (1,))
    except Exception:  # it is not a TIFF file, or a damaged one
        return None
    kind = "floating" if number[0] == 3 else "whole"
    return f"{channels} channels of {bits[0]}-bit {kind} numbers"


class _Unlimited:
    """Lets Pillow open pictures that are larger than it expects, see `check_pixels`, and PNG files
    with longer texts or profiles. Several threads may be inside."""

    _LIMITS: tuple[tuple[Any, str, int | None], ...] = (
        (Image, "MAX_IMAGE_PIXELS", None),
        (PngImagePlugin, "MAX_TEXT_CHUNK", _LONGEST_TEXT),
        (PngImagePlugin, "MAX_TEXT_MEMORY", _LONGEST_TEXT),
    )

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before: list[Any] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = [getattr(module, name) for module, name, _ in self._LIMITS]
                for module, name, value in self._LIMITS:
                    setattr(module, name, value)
            self._inside += 1

    def __exit__(self, *_exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for (module, name, _), limit in zip(self._LIMITS, self._before, strict=True):
                    setattr(module, name, limit)


_unlimited = _Unlimited()

"""Picture files as tensors and back, by way of Pillow."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..host.errors import InputError, one_line
from ..host.writing import written_whole
from ..pipeline.checks import check_picture

logger = logging.getLogger(__name__)

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
}
_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}  # what the formats' encoders can store

READABLE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""Suffixes by which folders are searched for pictures."""

WRITABLE_SUFFIXES = tuple(_FORMATS)
"""Suffixes that `write_picture` knows."""

_ON_THE_SIDE = (5, 6, 7, 8)  # EXIF orientations that exchange height and width

_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")


def read_picture(path: str | os.PathLike[str]) -> Tensor:
    """Reads a picture file; of an animation, its first frame.

    Args:
        path: of any format that Pillow reads. An orientation in its EXIF data is applied.

    Returns:
        [1,H,W,C], fp32 in 0..1, not premultiplied: C is 4 (RGBA) where the file has transparency,
        1 where it is grey, otherwise 3 (RGB).

    Raises:
        InputError: the file is missing or damaged, is not a picture, or has values of unknown
            range.
    """
    with opened(path) as image:
        pixels = _pixels(ImageOps.exif_transpose(image))
    return torch.from_numpy(pixels)[None]


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width in px of what `read_picture` gives, from the head of the file.

    Raises:
        InputError: the file is missing or is not a picture.
    """
    with opened(path) as image:
        # Pillow would decode a PNG to look for EXIF data behind its pixels, where it seldom is.
        has_exif = image.format != "PNG" or "exif" in image.info
        if not has_exif or image.getexif().get(ExifTags.Base.Orientation) not in _ON_THE_SIDE:
            return image.height, image.width
        if image.format == "TIFF":
            # Pillow turns these itself, some versions not before decoding.
            image.load()
            return image.height, image.width
        return image.width, image.height


def write_picture(path: str | os.PathLike[str], picture: Tensor) -> None:
    """Writes one picture to a file, which is there whole or not at all.

    Args:
        path: the file; replaced if it exists. Its suffix gives the format: .png, .jpg or .jpeg
            (quality 95, 4:4:4), .webp (quality 95).
        picture: [1,H,W,C] or [H,W,C] in 0..1, rounded to 8 bits: grey, RGB or RGBA. JPEG stores no
            transparency: it becomes white, with a warning.

    Raises:
        InputError: the suffix is unknown, the tensor is not one picture, or the file cannot be
            written.
    """
    path = Path(path)
    batch = as_batch(picture, "picture")
    if len(batch) > 1:
        raise InputError(f"{path} can hold one picture, got {len(batch)}: write a file for each")
    check_writable(path, (batch.shape[1], batch.shape[2]))
    file_format = _FORMATS[path.suffix.lower()]
    values = batch[0]
    if file_format == "JPEG" and values.shape[2] == 4:
        logger.warning("JPEG stores no transparency: it becomes white in %s", path)
        values = values.float().clamp(0, 1)
        values = values[..., :3] * values[..., 3:] + (1 - values[..., 3:])
    image = to_image(values)
    with written_whole(path) as temporary:
        try:
            image.save(temporary, file_format, **_SAVE_OPTIONS[file_format])
        except ValueError as error:
            raise InputError(f"{path} cannot be written: {one_line(error)}") from error


def as_batch(picture: Tensor, name: str) -> Tensor:
    """Pictures [B,H,W,C], or one as [H,W,C], as [B,H,W,C].

    Args:
        picture: floating, finite, in 0..1; grey, RGB or RGBA.
        name: what to call it in messages.

    Raises:
        InputError: it is anything else.
    """
    batch = picture[None] if picture.ndim == 3 else picture
    check_picture(batch, name)
    return batch


def to_image(picture: Tensor) -> Image.Image:
    """A picture [H,W,C] in 0..1 as Pillow has it, rounded to 8 bits."""
    values = picture.detach().float().cpu().clamp(0, 1)
    pixels = (values * 255).round().byte().numpy()
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def check_writable(path: str | os.PathLike[str], size: tuple[int, int]) -> None:
    """Checks that `write_picture` knows a format for a file and that a picture fits into it.

    Args:
        path: the file to write.
        size: height and width of the picture in px.

    Raises:
        InputError: the suffix is unknown, or a side is longer than the format allows.
    """
    path = Path(path)
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise InputError(
            f"{path} must end in {', '.join(WRITABLE_SUFFIXES)}, which give the format; got "
            f"{path.suffix or 'no suffix'}"
        )
    limit = _LARGEST_SIDE.get(file_format)
    if limit is not None and max(size) > limit:
        raise InputError(
            f"{path} would have {size[1]}x{size[0]} px, more than the {limit} px a side that "
            f"{file_format} can store: write .png"
        )


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Opens a picture file; whatever goes wrong with it meanwhile is an `InputError`."""
    try:
        with _any_size():
            image = Image.open(path)
        with image:
            yield image
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture of a known format") from error
    # Pillow's readers raise all kinds of exceptions on damaged files.
    except Exception as error:
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder, a picture file is expected") from error
        raise InputError(f"{path} cannot be read as a picture: {one_line(error)}") from error


@contextmanager
def _any_size() -> Iterator[None]:
    """Lets Pillow open pictures that are larger than it expects: whoever names a file means it."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _pixels(image: Image.Image) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[H,W,C] in 0..1, see `read_picture`."""
    if image.mode[0] in "IF":
        return _deep_grey(image)
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        mode = "RGBA"
    else:
        mode = "L" if image.mode in ("1", "L") else "RGB"
    values = np.asarray(image.convert(mode), np.float32) / np.float32(255)
    return values if values.ndim == 3 else values[..., None]


def _deep_grey(image: Image.Image) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Grey values of 16 bits, which Pillow may give as 32, or of floating type."""
    values = np.asarray(image).astype(np.float32)[..., None]
    white = np.float32(1 if image.mode == "F" else 65535)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= white):
        raise ValueError(f"grey values must be in 0 to {white:.0f}, got {low:g} to {high:g}")
    return values / white

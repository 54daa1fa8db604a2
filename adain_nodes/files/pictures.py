"""Picture files as tensors and back, by way of Pillow."""

from __future__ import annotations

import logging
import os
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from ..host.errors import InputError, one_line
from ..host.writing import written_whole
from ..pipeline.checks import check_picture
from .exif import ON_THE_SIDE, orientation, upright
from .formats import load, opened
from .metadata import Metadata
from .profiles import in_srgb, srgb_profile

logger = logging.getLogger(__name__)

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
}
_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}  # what the formats' encoders can store

WRITABLE_SUFFIXES = tuple(_FORMATS)
"""Suffixes that `write_picture` knows."""

_OVERSHOOT = 1e-3
"""By how much of their range floating values may leave it: rounding and resampling do that."""

_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")


def read_picture(path: str | os.PathLike[str]) -> Tensor:
    """Reads a picture file; of an animation, its first frame.

    Args:
        path: of any format that Pillow reads, with the packages of the extra `formats` if they are
            installed. The picture is turned as its EXIF data says, and brought to sRGB by the
            colour profile in the file; without one it counts as sRGB.

    Returns:
        [1,H,W,C], fp32 in 0..1, not premultiplied: C is 4 (RGBA) where the file has transparency,
        1 where it is grey, otherwise 3 (RGB). Grey has the depth of the file, all else 8 bits.

    Raises:
        InputError: the file is missing or damaged, is not a picture, or has values of unknown
            range.
    """
    with opened(path) as image:
        picture = shown(image, path)
        values = np.array(picture, np.float32)
    if picture.mode != "F":
        values /= np.float32(255)
    return torch.from_numpy(values if values.ndim == 3 else values[..., None])[None]


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width in px of what `read_picture` gives, from the head of the file.

    Raises:
        InputError: the file is missing or is not a picture.
    """
    with opened(path) as image:
        if image.format == "TIFF" or (image.format == "PNG" and _ends_with_exif(Path(path))):
            # Pillow turns a TIFF itself, some versions not before decoding; and it finds what is
            # behind the pixels of a PNG only then.
            load(image)
        on_the_side = orientation(image) in ON_THE_SIDE
        return (image.width, image.height) if on_the_side else (image.height, image.width)


def _ends_with_exif(path: Path) -> bool:
    """Whether a PNG file may have EXIF or XMP data behind its pixels, where it seldom is."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return re.search(rb"eXIf|Raw profile type exif|XML:com.adobe.xmp", file.read()) is not None


def write_picture(
    path: str | os.PathLike[str], picture: Tensor, *, metadata: Metadata | None = None
) -> None:
    """Writes one picture to a file, which is there whole or not at all and says that it is in sRGB.

    Args:
        path: the file; replaced if it exists. Its suffix gives the format: .png, .jpg or .jpeg
            (quality 95, 4:4:4), .webp (quality 95).
        picture: [1,H,W,C] or [H,W,C] in 0..1, rounded to 8 bits: grey, RGB or RGBA. JPEG stores no
            transparency: it becomes white, with a warning.
        metadata: to write into the file, such as `read_metadata` gives of a content. WebP stores a
            resolution as EXIF data alone.

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
    options = {**_SAVE_OPTIONS[file_format], **_color_tag(file_format, image)}
    if metadata is not None and metadata.exif:
        options["exif"] = metadata.exif
    if metadata is not None and metadata.dpi is not None:
        options["dpi"] = metadata.dpi
    with written_whole(path) as temporary:
        encoded = BytesIO()  # libjpeg does not notice that a disk is full
        try:
            image.save(encoded, file_format, **options)
        except ValueError as error:
            raise InputError(f"{path} cannot be written: {one_line(error)}") from error
        temporary.write_bytes(encoded.getbuffer())


def _color_tag(file_format: str, image: Image.Image) -> dict[str, Any]:
    """What makes Pillow write that a picture is in sRGB."""
    if file_format != "PNG":
        grey = image.mode == "L" and file_format == "JPEG"  # WebP stores grey as RGB
        return {"icc_profile": srgb_profile("L" if grey else "RGB")}
    chunks = PngInfo()
    chunks.add(b"sRGB", b"\0")  # and with what intent to print it: that of photographs
    return {"pnginfo": chunks}


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


def shown(image: Image.Image, path: str | os.PathLike[str]) -> Image.Image:
    """An opened picture, or the current frame of an animation, as viewers show it: upright, in
    sRGB.

    Args:
        image: as `opened` gives it.
        path: its file, for messages.

    Returns:
        Of mode L, RGB or RGBA; grey of more than 8 bits is of mode F, in 0..1.

    Raises:
        ValueError: it has values of unknown range.
    """
    load(image)
    plain = in_srgb(_plain(upright(image)), str(path))
    return plain.convert("RGBA") if plain.mode == "LA" else plain


def _plain(image: Image.Image) -> Image.Image:
    """One of the modes that `in_srgb` takes, of the same colours."""
    has_alpha = image.mode in _ALPHA_MODES or "transparency" in image.info
    if image.mode[0] in "IF":
        return _deep_grey(image)
    if image.mode in ("1", "L", "LA", "La"):
        mode = "LA" if has_alpha else "L"
    elif image.mode == "CMYK":
        mode = "CMYK"
    else:
        mode = "RGBA" if has_alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _deep_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, which Pillow may give as 32, or of floating type, as mode F in 0..1.

    With a transparent value it becomes LA, of 8 bits.
    """
    values = np.asarray(image).astype(np.float32)
    white = np.float32(1 if image.mode == "F" else 65535)
    low, high = float(values.min()), float(values.max())
    if not (low >= -_OVERSHOOT * white and high <= (1 + _OVERSHOOT) * white):
        raise ValueError(f"grey values must be in 0 to {white:.0f}, got {low:g} to {high:g}")
    deep = Image.fromarray((values / white).clip(0, 1))
    transparent = image.info.get("transparency")
    if transparent is not None:
        alpha = Image.fromarray((values != transparent).astype(np.uint8) * 255)
        deep = Image.merge("LA", (to_8_bits(deep), alpha))
    deep.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return deep


def to_8_bits(image: Image.Image) -> Image.Image:
    """Mode F in 0..1 as mode L, rounded and clamped; any other image itself."""
    if image.mode != "F":
        return image
    values = np.asarray(image) * np.float32(255)
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))

"""Style files: the statistics of a style or a bank of styles, a few kilobytes of safetensors.

    save_style("oil.safetensors", style, sources=["oil.jpg"], preview=picture)
    style = load_style("oil.safetensors", encoder=model.identity)

A file holds `mean` and `std` of relu4_1, each [B,C] in fp32, the same of relu1_1, relu2_1 and
relu3_1 under names such as `relu1_1.mean`, for refine, and in its metadata the encoder that they
belong to, the names of the pictures they were taken from and a small preview. Files of before have
relu4_1 alone. The command takes style
files wherever it takes style pictures: see `StyleSource`.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..host import surroundings
from ..host.errors import InputError, one_line
from ..host.json_text import parse_json
from ..models.weights.tensors import (
    ENCODER_KEY,
    EncoderIdentity,
    check_values,
    opened,
    write_tensors,
)
from ..ops.statistics import Statistics
from ..pipeline.checks import check_same_encoder
from ..pipeline.types import Style
from .pictures import as_batch, to_image
from .sheets import GAP, arranged

STYLE_SUFFIX = ".safetensors"
"""Suffix of every style file."""

PREVIEW_SIDE = 128
"""Side of the preview of one style in px."""

BANK_CELL = 64
"""Side of each picture in the preview of a bank in px, unless there are very many."""

_FORMAT = "adain-style"
_LOWER = ("relu1_1.", "relu2_1.", "relu3_1.")  # prefixes of what refine needs
_LABEL_KEY = "encoder_label"  # ComfyUI would take a key that ends in "name" for the file's title
_PREVIEW_KEY = "modelspec.thumbnail"  # of ModelSpec; ComfyUI's model library shows it
_PREVIEW_HEAD = "data:image/jpeg;base64,"
_PREVIEW_LONGEST = 640  # px: ComfyUI reads no more than 1 MB of metadata


@dataclass(frozen=True)
class StyleFile:
    """What a style file holds."""

    style: Style
    """One style, or a bank, where the host keeps results."""

    sources: tuple[str, ...]
    """File name of the picture behind each style; empty if unknown."""

    preview: bytes | None
    """Those pictures as a small JPEG file; None if there are none, as for a mixture."""


@dataclass(frozen=True)
class StyleSource:
    """Where one style comes from: a picture, or a place in a style file."""

    path: Path
    """The picture, or the style file."""

    number: int | None = None
    """Which style of a bank, from 1; None if the file holds only one."""

    style: Style | None = field(default=None, compare=False, repr=False)
    """What the style file holds; None for a picture, which has yet to be encoded."""

    picture_name: str | None = field(default=None, compare=False)
    """File name of the picture behind a stored style; None if unknown."""

    preview: bytes | None = field(default=None, compare=False, repr=False)
    """That picture as a small JPEG file; None if unknown, or if it is one of a bank's."""

    def shown(self) -> Tensor | None:
        """What is known of the picture behind a stored style: its preview, [1,H,W,3] in 0..1."""
        if self.preview is None:
            return None
        with Image.open(io.BytesIO(self.preview)) as image:
            pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
        return torch.from_numpy(pixels / 255)[None]

    @property
    def is_picture(self) -> bool:
        """Whether the style has yet to be encoded."""
        return self.style is None

    @property
    def label(self) -> str:
        """For the names of results."""
        return self.path.stem if self.number is None else f"{self.path.stem}-{self.number}"

    def __str__(self) -> str:
        return str(self.path) if self.number is None else f"{self.path} {self.number}"


def style_sources(paths: Iterable[str | os.PathLike[str]]) -> tuple[StyleSource, ...]:
    """The styles in files, in order; a bank gives each of its styles.

    Args:
        paths: style files, by their suffix; any other file is taken to be a picture and is not
            opened.

    Raises:
        InputError: a style file is missing or damaged, or is not a style file.
    """
    sources: list[StyleSource] = []
    for path in map(Path, paths):
        if path.suffix.lower() != STYLE_SUFFIX:
            sources.append(StyleSource(path))
            continue
        file = read_style_file(path)
        for index, name in enumerate(file.sources or [None] * len(file.style)):
            single = len(file.style) == 1
            number, preview = (None, file.preview) if single else (index + 1, None)
            sources.append(StyleSource(path, number, file.style[index], name, preview))
    return tuple(sources)


def save_style(
    path: str | os.PathLike[str],
    style: Style,
    *,
    sources: Sequence[str] = (),
    preview: Tensor | Iterable[Tensor] = (),
) -> None:
    """Writes a style to a file, which is there whole or not at all.

    Args:
        path: the file, replaced if it exists; its folder is created.
        style: one, or a bank.
        sources: file name of the picture behind each style, or none.
        preview: the style pictures to show small: a batch [B,H,W,C] or one picture [H,W,C] in 0..1,
            or several of these; or none.

    Raises:
        InputError: the suffix is not `STYLE_SUFFIX`, only some styles have sources, the preview is
            not made of pictures, or the file cannot be written.
    """
    path = Path(path)
    check_style_path(path)
    if sources and len(sources) != len(style):
        raise InputError(
            f"{path} needs one source for each style, or none: got {len(sources)} for {len(style)}"
        )
    metadata = {
        "format": _FORMAT,
        ENCODER_KEY: style.encoder.sha256,
        _LABEL_KEY: style.encoder.name,
        "sources": json.dumps(list(sources)),
    }
    parts = [preview] if isinstance(preview, Tensor) else preview
    if pictures := [picture for part in parts for picture in as_batch(part, "preview")]:
        metadata[_PREVIEW_KEY] = _PREVIEW_HEAD + base64.b64encode(_small(pictures)).decode()
    lower = [] if style.lower is None else style.lower()
    tensors = {
        f"{prefix}{name}": values
        for prefix, layer in zip(("", *_LOWER), (style.statistics, *lower), strict=False)
        for name, values in (("mean", layer.mean), ("std", layer.std))
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"its folder cannot be made ({one_line(error)})"
        raise InputError(f"{path} cannot be written: {reason}") from error
    write_tensors(path, tensors, metadata, dtype=torch.float32)


def load_style(path: str | os.PathLike[str], *, encoder: EncoderIdentity | None = None) -> Style:
    """Reads a style, or a bank, to where the host keeps results.

    Args:
        path: the file.
        encoder: that of the model to use it with, if known.

    Raises:
        InputError: the file is missing or damaged, is not a style file, or was made with another
            encoder.
    """
    style = read_style_file(path).style
    if encoder is not None:
        check_same_encoder(**{"the model": encoder, str(path): style.encoder})
    return style


def read_style_file(path: str | os.PathLike[str]) -> StyleFile:
    """Reads a style, or a bank, and what its file says about it.

    Raises:
        InputError: the file is missing or damaged, or is not a style file.
    """
    with opened(path) as file:
        metadata: dict[str, str] = file.metadata() or {}
        if metadata.get("format") != _FORMAT:
            raise InputError(f"{path} is not a style file: its format is not {_FORMAT}")
        statistics, *lower = (
            _read_statistics(file, prefix, path)
            for prefix in ("", *(_LOWER if f"{_LOWER[0]}mean" in file.keys() else ()))  # noqa: SIM118
        )
    if any(len(layer.mean) != len(statistics.mean) for layer in lower):
        raise InputError(f"{path} is damaged: its layers are of different numbers of styles")
    try:
        encoder = EncoderIdentity(metadata[ENCODER_KEY], metadata[_LABEL_KEY])
        sources = tuple(str(name) for name in parse_json(metadata["sources"]))
        count = len(statistics.mean)
        if len(sources) not in (0, count):
            raise ValueError(f"{len(sources)} sources for {count} styles")
        encoded = metadata.get(_PREVIEW_KEY, "").removeprefix(_PREVIEW_HEAD)
        preview = base64.b64decode(encoded, validate=True) or None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: its metadata is not valid ({error!r})") from error
    style = Style(statistics, encoder, (lambda: tuple(lower)) if lower else None)
    return StyleFile(style, sources, preview)


def _read_statistics(file: Any, prefix: str, path: str | os.PathLike[str]) -> Statistics:
    device = surroundings.current().output_device()
    # Copies, since the file may be replaced while the style is in use.
    mean, std = (
        check_values(path, name, file.get_tensor(name)).to(device, copy=True)
        for name in (f"{prefix}mean", f"{prefix}std")
    )
    if not (
        all(values.dtype == torch.float32 and values.ndim == 2 for values in (mean, std))
        and mean.shape == std.shape
        and mean.numel()
        and (std > 0).all()
    ):
        raise InputError(
            f"{path} is damaged: {prefix}mean and {prefix}std must be [styles, channels] in "
            "float32 and of one shape, and std above 0"
        )
    return Statistics(mean, std)


def check_style_path(path: str | os.PathLike[str]) -> None:
    """Checks that a path can be that of a style file.

    Raises:
        InputError: its suffix is not `STYLE_SUFFIX`.
    """
    suffix = Path(path).suffix
    if suffix.lower() != STYLE_SUFFIX:
        raise InputError(f"{path} must end in {STYLE_SUFFIX}, got {suffix or 'no suffix'}")


def _small(pictures: Sequence[Tensor]) -> bytes:
    """The pictures, cropped to squares in a square grid, as a JPEG file."""
    tiles: list[Tensor | None] = [picture[None] for picture in pictures]
    columns = math.ceil(math.sqrt(len(tiles)))
    tiles += [None] * (-len(tiles) % columns)
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    cell = PREVIEW_SIDE if columns == 1 else min(BANK_CELL, _PREVIEW_LONGEST // columns - GAP)
    stream = io.BytesIO()
    sheet = arranged(rows, max(cell, 1))
    to_image(sheet).save(stream, "JPEG", quality=75)
    return stream.getvalue()

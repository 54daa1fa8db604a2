"""Styles on file: the statistics of a style or a bank of them, a few kilobytes of safetensors.

    save_style(Path("oil.safetensors"), style, sources=["oil.jpg"], preview=[picture])
    style = load_style(Path("oil.safetensors"), encoder=model.identity)

A file holds `mean` and `std`, each [B,C] in fp32, and in its metadata the encoder that they belong
to, the names of the pictures they were taken from and a small preview. Files in a host's style
folders go by name: `list_styles`, `find_style` and `new_style_path` deal in those.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..host import surroundings
from ..host.errors import InputError, one_line
from ..models.weights.tensors import ENCODER_KEY, EncoderIdentity, write_tensors
from ..ops.statistics import Statistics
from ..pipeline.checks import check_same_encoder
from ..pipeline.types import Style
from .folders import names_below
from .style_preview import preview_jpeg

STYLE_SUFFIX = ".safetensors"
"""End of the name of every style file."""

_FORMAT = "adain-style"
_LABEL_KEY = "encoder_label"  # ComfyUI would take a key that ends in "name" for the file's title
_PREVIEW_KEY = "modelspec.thumbnail"  # of ModelSpec; ComfyUI's model library shows it
_PREVIEW_HEAD = "data:image/jpeg;base64,"
_FORBIDDEN = frozenset('\\:*?"<>|')  # in names, by one file system or another
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)  # by Windows, whatever their suffix
_LISTED = 10  # names in a message


@dataclass(frozen=True)
class StyleInfo:
    """What the head of a style file says of it."""

    encoder: EncoderIdentity
    """What encoded the style pictures."""

    count: int
    """Styles in it: 1, or more in a bank."""

    sources: tuple[str, ...]
    """File name of the picture behind each style; empty if they are not known."""

    preview: bytes | None
    """Those pictures as a small JPEG file; None if there are none, as for a mixture."""


def save_style(
    path: Path, style: Style, *, sources: Sequence[str] = (), preview: Sequence[Tensor] = ()
) -> None:
    """Writes a style by way of a temporary file beside it: it is there whole or not at all.

    Args:
        path: the file, replaced if it exists; its folder is created.
        style: one, or a bank of them.
        sources: file name of the picture behind each style, or none.
        preview: the style pictures, each [H,W,C] in 0..1, to be shown small; or none.

    Raises:
        InputError: the suffix is not `STYLE_SUFFIX`, there are sources for some styles only, or
            the file cannot be written.
    """
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
    if preview:
        encoded = base64.b64encode(preview_jpeg(preview)).decode()
        metadata[_PREVIEW_KEY] = _PREVIEW_HEAD + encoded
    tensors = {"mean": style.statistics.mean, "std": style.statistics.std}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {one_line(error)}") from error
    write_tensors(path, tensors, metadata, dtype=torch.float32)


def load_style(path: Path, *, encoder: EncoderIdentity | None = None) -> Style:
    """Reads a style, or a bank, to where the host keeps results.

    Args:
        path: the file.
        encoder: of the model to use it with, if that is known already.

    Raises:
        InputError: the file is missing, damaged or no style, or another encoder made it.
    """
    with _opened(path) as file:
        mean, std = (_tensor(path, file, name) for name in ("mean", "std"))
        identity = _info(path, file).encoder
    if encoder is not None:
        check_same_encoder(**{"the model": encoder, str(path): identity})
    if mean.shape != std.shape or not (mean.isfinite() & std.isfinite() & (std > 0)).all():
        raise InputError(
            f"{path} is damaged: mean and std must be finite and of one shape, and std above 0"
        )
    device = surroundings.current().output_device()
    return Style(Statistics(mean.to(device), std.to(device)), identity)


def describe_style(path: Path) -> StyleInfo:
    """What a style file says of itself; the statistics are not read.

    Raises:
        InputError: the file is missing, damaged or no style.
    """
    with _opened(path) as file:
        return _info(path, file)


def list_styles(folders: Sequence[Path]) -> list[str]:
    """Names of the style files in folders and their subfolders, sorted: paths below their folder,
    with / on every system. Files whose names start with a dot are left out.

    Args:
        folders: those that do not exist count as empty.
    """
    return sorted(
        {name for folder in folders for name in names_below(folder, [STYLE_SUFFIX])},
        key=str.casefold,
    )


def find_style(name: str, folders: Sequence[Path]) -> Path:
    """The file of a style by its name. Names are looked up among those listed, never joined to a
    path: none leads out of the folders.

    Args:
        name: as `list_styles` gives it.
        folders: where to look, in this order.

    Raises:
        InputError: there is none of this name; the message lists what there is.
    """
    for folder in folders:
        if name in names_below(folder, [STYLE_SUFFIX]):
            return folder / name
    known = list_styles(folders)
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    there = f"there are {', '.join(known[:_LISTED])}{more}" if known else "there are none yet"
    raise InputError(f"there is no style {name!r} in {_named(folders)}; {there}")


def new_style_path(prefix: str, folders: Sequence[Path]) -> Path:
    """A file in the first folder that is not there yet: PREFIX_00001_.safetensors and so on, as
    ComfyUI numbers pictures. The number is new in all folders, so that `find_style` finds it.

    Args:
        prefix: name without number and suffix. It may name subfolders, with / between them.
        folders: the host's style folders.

    Raises:
        InputError: there is no folder, or the name would lead out of it or is not one that every
            file system takes.
    """
    if not folders:
        raise InputError("there is no folder for styles here; save_style takes the path of a file")
    _check_prefix(prefix)
    pattern = re.compile(rf"{re.escape(prefix)}_(\d+)_{re.escape(STYLE_SUFFIX)}", re.IGNORECASE)
    matches = [pattern.fullmatch(name) for name in list_styles(folders)]
    number = max((int(match[1]) for match in matches if match), default=0) + 1
    return folders[0] / f"{prefix}_{number:05}_{STYLE_SUFFIX}"


def check_style_path(path: Path) -> None:
    """Checks that a path is one for a style file.

    Raises:
        InputError: it ends otherwise.
    """
    if path.suffix.lower() != STYLE_SUFFIX:
        raise InputError(f"{path} must end in {STYLE_SUFFIX}, got {path.suffix or 'no suffix'}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A style file; whatever goes wrong with it is an `InputError`."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("format") != _FORMAT:
                raise InputError(f"{path} is not a style file: its format is not {_FORMAT}")
            yield file
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as a style file: {error}") from error


def _info(path: Path, file: Any) -> StyleInfo:
    metadata: dict[str, str] = file.metadata()
    shape = file.get_slice("mean").get_shape()
    if len(shape) != 2 or 0 in shape:
        raise InputError(f"{path} is damaged: mean must be [styles, channels], got {shape}")
    try:
        encoder = EncoderIdentity(metadata[ENCODER_KEY], metadata[_LABEL_KEY])
        sources = tuple(str(name) for name in json.loads(metadata["sources"]))
        encoded = metadata.get(_PREVIEW_KEY, "").removeprefix(_PREVIEW_HEAD)
        preview = base64.b64decode(encoded, validate=True) or None
    except (KeyError, TypeError, json.JSONDecodeError, binascii.Error) as error:
        raise InputError(f"{path} is damaged: its metadata is not sound ({error!r})") from error
    return StyleInfo(encoder, shape[0], sources, preview)


def _tensor(path: Path, file: Any, name: str) -> Tensor:
    tensor: Tensor = file.get_tensor(name)
    if tensor.dtype != torch.float32:
        raise InputError(f"{path} is damaged: {name} must be float32, got {tensor.dtype}")
    # What safetensors gives may lie in the file, which may be replaced while the style is in use.
    return tensor.clone()


def _check_prefix(prefix: str) -> None:
    for part in prefix.split("/"):
        if not part:
            problem = "has an empty part"
        elif part.startswith(".") or part.endswith((".", " ")):
            problem = (
                f"has the part {part!r}, which starts with a dot or ends with a dot or a space"
            )
        elif bad := [c for c in part if c in _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cs")]:
            problem = f"has the character {bad[0]!r}"
        elif part.partition(".")[0].rstrip().casefold() in _RESERVED:
            problem = f"has the part {part!r}, which Windows reserves"
        else:
            continue
        raise InputError(
            f"the style name {prefix!r} {problem}: a plain name is expected, or one in subfolders, "
            "such as art/oil"
        )


def _named(folders: Sequence[Path]) -> str:
    return ", ".join(str(folder) for folder in folders) or "no folder (none is known here)"

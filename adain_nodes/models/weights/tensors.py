"""Files of encoders and decoders: safetensors with metadata, and what identifies them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ...host.downloads import missing_download
from ...host.errors import InputError, one_line
from ...host.writing import written_whole

DECODER_FORMAT = "adain-decoder"
"""Metadata `format` of decoder files: what tells them apart in a model folder."""

ENCODER_KEY = "encoder"
"""Metadata of a decoder: the identity of the encoder that it was trained for."""

TRUNK_KEY = "trunk"
"""Metadata of an encoder that was made of a trunk of the manifest: the sha256 of its file."""

LARGEST = 1e5
"""Magnitude beyond which a number among weights or statistics is taken for damage."""

_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_COUNTS = torch.int64  # of batches, which checkpoints hold

_CHUNK = 1 << 20

_hashes: dict[tuple[Path, int, int, int], str] = {}


@dataclass(frozen=True)
class EncoderIdentity:
    """Which encoder features and styles come from: with equal hashes they are interchangeable."""

    sha256: str
    """sha256 of the tensors, see `identify`; 64 hexadecimal digits."""

    name: str = field(compare=False)
    """What messages call it, such as adain-vgg16."""

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:12]})"


def identify(tensors: Mapping[str, Tensor], name: str) -> EncoderIdentity:
    """The identity of an encoder, called `name` in messages.

    The hash covers names, shapes and values in fp32: a file in fp16 and its exact copy in fp32 are
    the same encoder.
    """
    digest = hashlib.sha256()
    for key in sorted(tensors):
        values = tensors[key].detach().float().contiguous().cpu()
        digest.update(f"{key} {tuple(values.shape)}\n".encode())
        digest.update(values.numpy().astype("<f4").tobytes())
    return EncoderIdentity(digest.hexdigest(), name)


def file_sha256(path: Path) -> str:
    """sha256 of a file, 64 hexadecimal digits; an unchanged file is read once in a process."""
    status = path.stat()
    # The inode tells a replaced file apart where the clock of the file system is coarse.
    key = (path.absolute(), status.st_size, status.st_mtime_ns, status.st_ino)
    if key not in _hashes:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        _hashes[key] = digest.hexdigest()
    return _hashes[key]


def read_metadata(path: Path) -> dict[str, str]:
    """Metadata of a safetensors file.

    Raises:
        InputError: the file does not exist or is not safetensors.
    """
    with opened(path) as file:
        return file.metadata() or {}


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors in fp32 and metadata of a safetensors file, which may be replaced afterwards.

    Raises:
        InputError: the file does not exist or is not safetensors, or see `check_values`.
    """
    with opened(path) as file:
        tensors = {
            # Copies: views of the file would make Windows refuse to replace it.
            key: check_values(path, key, file.get_tensor(key)).to(torch.float32, copy=True)
            for key in file.keys()  # noqa: SIM118
        }
        return tensors, file.metadata() or {}


def tensor_sha256(path: Path, name: str) -> str:
    """sha256 of the bytes of a tensor in a safetensors file, 64 hexadecimal digits.

    Raises:
        InputError: the file cannot be read, or has no such tensor.
    """
    with opened(path) as file:
        return hashlib.sha256(file.get_tensor(name).numpy().tobytes()).hexdigest()


def check_values(path: str | os.PathLike[str], name: str, tensor: Tensor) -> Tensor:
    """Checks that a tensor of a file is floating, or a count, and holds finite numbers of sane
    magnitude.

    Returns:
        The tensor.

    Raises:
        InputError: it is not; the message names file and tensor.
    """
    if tensor.dtype == _COUNTS:
        return tensor
    if tensor.dtype not in _TYPES:
        kinds = ", ".join(str(kind).removeprefix("torch.") for kind in _TYPES)
        kind = str(tensor.dtype).removeprefix("torch.")
        raise InputError(f"{path} is damaged: tensor {name} is of type {kind}, not of {kinds}")
    largest = tensor.abs().max().item() if tensor.numel() else 0.0
    if not largest <= LARGEST:
        raise InputError(
            f"{path} is damaged: tensor {name} holds {largest:g}; finite numbers of at most "
            f"{LARGEST:g} are expected"
        )
    return tensor


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """A safetensors file; whatever is wrong with it is an `InputError` that says what it is."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"{path} cannot be read: it does not exist") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
    except SafetensorError as error:
        reason = nature(Path(path)) or f"cannot be read as safetensors: {one_line(error)}"
        raise InputError(f"{path} {reason}") from error


def nature(path: Path) -> str | None:
    """What a file is that is not safetensors, and what to do about it; None if that is unclear."""
    if is_pytorch(path):
        return (
            "is a PyTorch file: make a model of it by `adain-nodes models convert "
            "vgg_normalised.pth --decoder decoder.pth -o FOLDER`"
        )
    return missing_download(path, "the weights")


def is_pytorch(path: Path) -> bool:
    """Whether a file begins as `torch.save` writes it, today or before version 1.6."""
    with path.open("rb") as file:
        return file.read(4).startswith((b"PK\x03\x04", b"\x80\x02"))


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    *,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes a safetensors file, whole or not at all.

    Args:
        path: the file; replaced if it exists.
        tensors: what to store, by name.
        metadata: what the file says of them.
        dtype: floating type to store them in; their own if absent.
    """
    stored = {key: value.detach().to(dtype).contiguous() for key, value in tensors.items()}
    with written_whole(path) as temporary:
        # save_file would write a file that only its owner can read.
        temporary.write_bytes(save(stored, dict(metadata)))

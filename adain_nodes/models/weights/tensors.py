"""Encoders and decoders as safetensors files: tensors, and metadata that says what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ...host.errors import InputError
from ...host.writing import written_whole

DECODER_FORMAT = "adain-decoder"
"""Metadata `format` of decoder files: what tells them apart in a model folder."""

ENCODER_KEY = "encoder"
"""Metadata of a decoder: the identity of the encoder that it was trained for."""


@dataclass(frozen=True)
class EncoderIdentity:
    """Which encoder features and styles come from. Equal hashes mean interchangeable features."""

    sha256: str
    """Of the tensors, see `identify`; 64 hexadecimal digits."""

    name: str
    """For messages, such as adain-vgg16."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncoderIdentity) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:12]})"


def identify(tensors: Mapping[str, Tensor], name: str) -> EncoderIdentity:
    """The identity of an encoder.

    The hash covers names, shapes and values, taken as fp32, so that a file in fp16 and its exact
    copy in fp32 are the same encoder.

    Args:
        tensors: of the encoder.
        name: to call it by in messages.
    """
    digest = hashlib.sha256()
    for key in sorted(tensors):
        values = tensors[key].detach().float().contiguous().cpu()
        digest.update(f"{key} {tuple(values.shape)}\n".encode())
        digest.update(values.numpy().astype("<f4").tobytes())
    return EncoderIdentity(digest.hexdigest(), name)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors, in fp32, and metadata of a safetensors file, which may then be replaced.

    Raises:
        InputError: the file does not exist or is not safetensors.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {
                # Copies: views of the file would make Windows refuse to replace it.
                key: file.get_tensor(key).to(torch.float32, copy=True)
                for key in file.keys()  # noqa: SIM118
            }
            return tensors, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from error


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    *,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes a safetensors file by way of a temporary one beside it: it is there whole or not at
    all.

    Args:
        path: the file; replaced if it exists.
        tensors: what to store.
        metadata: what to say of them.
        dtype: to store them in; their own if absent.
    """
    stored = {key: value.detach().to(dtype).contiguous() for key, value in tensors.items()}
    with written_whole(path) as temporary:
        # save_file would make a file that its owner alone may read.
        temporary.write_bytes(save(stored, dict(metadata)))

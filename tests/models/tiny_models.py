"""Models of a few kilobytes, and what a manifest would say of them."""

from __future__ import annotations

from pathlib import Path

import torch

from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Architecture, Encoder
from adain_nodes.models.weights.manifest import ModelEntry, WeightsFile
from adain_nodes.models.weights.tensors import file_sha256, identify, read_tensors, write_tensors

from .hub_server import COMMIT

TINY = Architecture(depths=(2, 2, 3, 1), widths=(4, 6, 8, 10))


def write_model(encoder: Path, decoder: Path, *, seed: int) -> str:
    """Writes random networks with the metadata of real ones; gives the encoder's identity."""
    torch.manual_seed(seed)
    tensors = {name: tensor.half() for name, tensor in Encoder(TINY).state_dict().items()}
    identity = identify(tensors, "tiny").sha256
    for path in (encoder, decoder):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(encoder, tensors, {"format": "adain-encoder", "identity": identity})
    write_tensors(
        decoder,
        Decoder(TINY).state_dict(),
        {"format": "adain-decoder", "encoder": identity, "encoder_name": "tiny"},
        dtype=torch.float16,
    )
    return identity


def describe(path: Path, *, published: bool = False, embedded: bool = False) -> WeightsFile:
    """What a manifest would say of a file."""
    return WeightsFile(
        filename=path.name,
        sha256=file_sha256(path),
        size=path.stat().st_size,
        embedded=embedded,
        repo_id="someone/tiny" if published else None,
        revision=COMMIT if published else None,
        license="MIT",
        provenance="random",
    )


def describe_model(name: str, folder: Path, *, published: bool, embedded: bool) -> ModelEntry:
    """What a manifest would say of a model whose two files are in a folder."""
    encoder = folder / f"{name}-encoder.safetensors"
    return ModelEntry(
        name,
        describe(encoder, published=published, embedded=embedded),
        describe(folder / f"{name}-decoder.safetensors", published=published, embedded=embedded),
        read_tensors(encoder)[1]["identity"],
    )


def spoil(path: Path) -> None:
    """Changes one byte of a file, not its length."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

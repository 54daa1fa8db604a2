"""Turns the checkpoint of a training run into a decoder file that can be used and shared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..host.errors import InputError
from ..models.networks.vgg import Architecture
from ..models.weights.manifest import load_manifest
from ..models.weights.tensors import (
    DECODER_FORMAT,
    ENCODER_KEY,
    identify,
    read_tensors,
    write_tensors,
)

DECODER_PREFIX = "decoder."
"""Of the decoder's tensors in a training checkpoint."""

AVERAGE_PREFIX = "ema."
"""Of their moving averages there."""


def export_decoder(checkpoint: Path, encoder: Path, output: Path, *, license: str | None) -> None:
    """Writes the decoder of a training checkpoint in fp16, with metadata that names its encoder.

    The weights are the moving averages where the checkpoint has them.

    Args:
        checkpoint: checkpoint file of a run.
        encoder: file of the encoder that the run used.
        output: decoder file to write.
        license: of the decoder, for its metadata.

    Raises:
        InputError: the checkpoint is not one, or does not fit the encoder.
    """
    tensors, state = read_tensors(checkpoint)
    decoder = _with_prefix(tensors, AVERAGE_PREFIX) or _with_prefix(tensors, DECODER_PREFIX)
    if not decoder or not {"step", "options"} <= state.keys():
        raise InputError(f"{checkpoint} is not a training checkpoint")
    encoder_tensors, _ = read_tensors(encoder)
    architecture = Architecture.of(encoder_tensors)
    try:
        architecture.check(decoder, architecture.decoder_layers())
    except InputError as error:
        raise InputError(f"{checkpoint} does not fit {encoder}: {error}") from error
    identity = identify(encoder_tensors, encoder.stem)
    # Runs of earlier versions do not say which encoder they used.
    used = state.get(ENCODER_KEY, identity.sha256)
    if used != identity.sha256:
        raise InputError(
            f"{checkpoint} was trained with the encoder of identity {used[:12]}, {encoder} has "
            f"{identity.sha256[:12]}"
        )
    entry = load_manifest().with_encoder(identity.sha256)
    metadata = {
        "format": DECODER_FORMAT,
        ENCODER_KEY: identity.sha256,
        "encoder_name": entry.name if entry else identity.name,
        "steps": state["step"],
        "crop": str(json.loads(state["options"])["crop"]),
        "options": state["options"],
    }
    if license:
        metadata["license"] = license
    write_tensors(output, decoder, metadata, dtype=torch.float16)


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start so, without that start."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }

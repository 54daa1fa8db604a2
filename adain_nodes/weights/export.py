"""Turns the checkpoint of a training run into a decoder file that can be used and shared."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ..errors import InputError
from ..networks.vgg import Architecture
from .files import ENCODER_KEY, identify, read_tensors, write_tensors
from .manifest import load_manifest

DECODER_FORMAT = "adain-decoder"
"""Metadata `format` of decoder files: what tells them apart in a model folder."""

_PREFIX = "decoder."


def export_decoder(checkpoint: Path, encoder: Path, output: Path, *, license: str | None) -> None:
    """Writes the decoder of a training checkpoint in fp16, with metadata that names its encoder.

    Args:
        checkpoint: checkpoint file of a run.
        encoder: file of the encoder that the run used.
        output: decoder file to write.
        license: of the decoder, for its metadata.

    Raises:
        InputError: the checkpoint is not one, or does not fit the encoder.
    """
    tensors, state = read_tensors(checkpoint)
    decoder = {
        name.removeprefix(_PREFIX): tensor
        for name, tensor in tensors.items()
        if name.startswith(_PREFIX)
    }
    if not decoder or not {"step", "options"} <= state.keys():
        raise InputError(f"{checkpoint} is not a training checkpoint")
    encoder_tensors, _ = read_tensors(encoder)
    architecture = Architecture.of(encoder_tensors)
    try:
        architecture.check(decoder, architecture.decoder_layers())
    except InputError as error:
        raise InputError(f"{checkpoint} does not fit {encoder}: {error}") from error
    identity = identify(encoder_tensors, encoder.stem)
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

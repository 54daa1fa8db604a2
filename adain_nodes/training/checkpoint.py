"""Training state on disk: one safetensors file, replaced whole, to go on from and to export the
decoder from."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..host.errors import InputError, one_line
from ..host.json_text import parse_json
from ..models.networks.decoder import Decoder
from ..models.networks.vgg import Architecture, Encoder
from ..models.weights.manifest import load_manifest
from ..models.weights.tensors import (
    DECODER_FORMAT,
    ENCODER_KEY,
    EncoderIdentity,
    check_values,
    identify,
    read_tensors,
    write_tensors,
)
from .optimizer import Optimizer

NAME = "checkpoint.safetensors"

_DECODER, _AVERAGE, _OPTIMIZER = "decoder.", "ema.", "optimizer."
"""How the names of the tensors start of the decoder, its moving average and the optimiser."""

logger = logging.getLogger(__name__)


def save_checkpoint(
    folder: Path,
    *,
    step: int,
    decoder: nn.Module,
    optimizer: Optimizer,
    average: nn.Module | None,
    encoder: str,
    options: dict[str, Any],
) -> None:
    """Saves everything a run needs to go on after `step` steps: decoder, optimiser, the decoder
    with averaged weights if there is one, the sha256 of the encoder's tensors, and the options.
    Crops need no state: they are functions of the step."""
    parts = {_DECODER: decoder.state_dict(), _OPTIMIZER: dict(optimizer.state())}
    if average is not None:
        parts[_AVERAGE] = average.state_dict()
    tensors = {
        f"{start}{name}": tensor for start, part in parts.items() for name, tensor in part.items()
    }
    metadata = {"step": str(step), "options": json.dumps(options), ENCODER_KEY: encoder}
    write_tensors(folder / NAME, tensors, metadata)


def load_checkpoint(
    folder: Path,
    *,
    decoder: nn.Module,
    optimizer: Optimizer,
    average: nn.Module | None,
    encoder: EncoderIdentity,
) -> tuple[int, dict[str, Any]]:
    """Restores decoder, optimiser and average in place.

    An average that the checkpoint lacks starts from the decoder's weights.

    Returns:
        The step to go on from, and the options of the run that saved it; 0 and {} if the folder
        has no checkpoint.

    Raises:
        InputError: the run used another encoder, decoder or optimiser, or the file is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return 0, {}
    with _reading(path), safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        step, options = _state(path, metadata)
        _check_encoder(path, metadata, encoder)
        stored = set(file.keys())
        if {name for name in stored if name.startswith(_DECODER)} != {
            f"{_DECODER}{name}" for name in decoder.state_dict()
        }:
            raise InputError(f"{path} is the checkpoint of another kind of decoder")

        def tensor(name: str) -> Tensor:
            return check_values(path, name, file.get_tensor(name))

        def restore(network: nn.Module, start: str) -> None:
            names = network.state_dict()
            network.load_state_dict({name: tensor(start + name) for name in names})

        restore(decoder, _DECODER)
        optimizer.restore(
            {
                # Views of the file, kept, would make Windows refuse to replace it.
                name.removeprefix(_OPTIMIZER): tensor(name).clone()
                for name in stored
                if name.startswith(_OPTIMIZER)
            }
        )
        if average is not None:
            if any(name.startswith(_AVERAGE) for name in stored):
                restore(average, _AVERAGE)
            else:
                logger.info("%s has no averaged weights: the average starts here", path)
                average.load_state_dict(decoder.state_dict())
    return step, options


def read_decoder(path: Path, encoder: Encoder, name: str) -> Decoder:
    """Reads a decoder file to start a run from; `name` is what messages call the run's encoder.

    Raises:
        InputError: the file cannot be read, does not fit the encoder, or was trained for another.
    """
    tensors, metadata = read_tensors(path)
    _check_encoder(path, metadata, identify(encoder.state_dict(), name))
    return Decoder.from_tensors(tensors, encoder.architecture)


def export_decoder(checkpoint: Path, encoder: Path, output: Path, *, license: str | None) -> None:
    """Writes the decoder of a training checkpoint in fp16, with metadata that names its encoder,
    the one whose file is given, and its licence.

    The weights are the moving averages where the checkpoint has them.

    Raises:
        InputError: the checkpoint is not one, or does not fit the encoder.
    """
    tensors, metadata = read_tensors(checkpoint)
    with _reading(checkpoint):
        step, options = _state(checkpoint, metadata)
        crop = str(options["crop"])
    decoder = _starting_with(_AVERAGE, tensors) or _starting_with(_DECODER, tensors)
    encoder_tensors, _ = read_tensors(encoder)
    architecture = Architecture.of(encoder_tensors)
    try:
        architecture.check(decoder, architecture.decoder_layers())
    except InputError as error:
        raise InputError(f"{checkpoint} does not fit {encoder}: {error}") from error
    identity = identify(encoder_tensors, encoder.stem)
    _check_encoder(checkpoint, metadata, identity)
    entry = load_manifest().with_encoder(identity.sha256)
    exported = {
        "format": DECODER_FORMAT,
        ENCODER_KEY: identity.sha256,
        "encoder_name": entry.name if entry else identity.name,
        "steps": str(step),
        "crop": crop,
        "options": metadata["options"],
    }
    if license:
        exported["license"] = license
    write_tensors(output, decoder, exported, dtype=torch.float16)


def _state(path: Path, metadata: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Steps done and options of the run, out of the metadata of its checkpoint."""
    if not {"step", "options"} <= metadata.keys():
        raise InputError(f"{path} is not a training checkpoint")
    step, options = int(metadata["step"]), parse_json(metadata["options"])
    if step < 0 or not isinstance(options, dict):
        raise ValueError(f"got step {step} and options {options!r}")
    return step, options


def _check_encoder(path: Path, metadata: Mapping[str, str], encoder: EncoderIdentity) -> None:
    """Checks that a decoder or a checkpoint was trained for an encoder, as far as its file says."""
    # Files of other origin, and runs of earlier versions, do not say.
    used = metadata.get(ENCODER_KEY, encoder.sha256)
    if used != encoder.sha256:
        name = metadata.get("encoder_name")
        trained_for = EncoderIdentity(used, name) if name else used[:12]
        raise InputError(f"{path} was trained for the encoder {trained_for}, not for {encoder}")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever is wrong with a checkpoint meanwhile is an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path} is damaged: {one_line(error)}; without it, its run starts anew"
        ) from error


def _starting_with(start: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start so, without that start."""
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }

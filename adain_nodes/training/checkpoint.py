"""Training state on disk: one safetensors file, replaced atomically."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor, nn

from ..host.errors import InputError
from ..models.weights.tensors import ENCODER_KEY, write_tensors
from .averaging import WeightAverage
from .export import AVERAGE_PREFIX, DECODER_PREFIX
from .optimizer import Optimizer

NAME = "checkpoint.safetensors"

OPTIMIZER_PREFIX = "optimizer."
"""Of the names of the optimiser's tensors."""

logger = logging.getLogger(__name__)


def save_checkpoint(
    folder: Path,
    *,
    step: int,
    decoder: nn.Module,
    optimizer: Optimizer,
    average: WeightAverage | None,
    encoder: str,
    options: dict[str, Any],
) -> None:
    """Saves everything a run needs to go on after `step` steps. Crops need no state: they are
    functions of the step.

    Args:
        folder: of the run.
        step: steps done.
        decoder: its parameters and buffers are saved.
        optimizer: its state is saved.
        average: of its weights, if there is one.
        encoder: sha256 that identifies the encoder, see `weights.files.identify`.
        options: of the run.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in decoder.state_dict().items():
        tensors[f"{DECODER_PREFIX}{name}"] = tensor
    for name, tensor in optimizer.state():
        tensors[f"{OPTIMIZER_PREFIX}{name}"] = tensor
    if average is not None:
        for name, tensor in average.network.state_dict().items():
            tensors[f"{AVERAGE_PREFIX}{name}"] = tensor
    metadata = {
        "step": str(step),
        "options": json.dumps(options),
        ENCODER_KEY: encoder,
    }
    write_tensors(folder / NAME, tensors, metadata)


def load_checkpoint(
    folder: Path,
    *,
    decoder: nn.Module,
    optimizer: Optimizer,
    average: WeightAverage | None,
    encoder: str,
) -> tuple[int, dict[str, Any]]:
    """Restores decoder, optimiser and average in place.

    An average that the checkpoint lacks starts from the decoder's weights.

    Returns:
        The step to go on from, and the options of the run that saved it; 0 and {} if the folder
        has no checkpoint.

    Raises:
        InputError: the run used another encoder, decoder or optimiser.
    """
    path = folder / NAME
    if not path.exists():
        return 0, {}
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        # Runs of earlier versions do not say which encoder they used.
        used = metadata.get(ENCODER_KEY, encoder)
        if used != encoder:
            raise InputError(
                f"{path} was trained with the encoder of identity {used[:12]}, not with that of "
                f"identity {encoder[:12]}"
            )
        stored = set(file.keys())
        if {name for name in stored if name.startswith(DECODER_PREFIX)} != {
            f"{DECODER_PREFIX}{name}" for name in decoder.state_dict()
        }:
            raise InputError(f"{path} is the checkpoint of another kind of decoder")

        def restore(network: nn.Module, prefix: str) -> None:
            names = network.state_dict()
            network.load_state_dict({name: file.get_tensor(prefix + name) for name in names})

        restore(decoder, DECODER_PREFIX)
        optimizer.restore(
            {
                # Views of the file, kept, would make Windows refuse to replace it.
                name.removeprefix(OPTIMIZER_PREFIX): file.get_tensor(name).clone()
                for name in stored
                if name.startswith(OPTIMIZER_PREFIX)
            }
        )
        if average is not None:
            if any(name.startswith(AVERAGE_PREFIX) for name in stored):
                restore(average.network, AVERAGE_PREFIX)
            else:
                logger.info("%s has no averaged weights: the average starts here", path)
                average.restart(decoder)
    return int(metadata["step"]), json.loads(metadata["options"])

"""Training state on disk: one safetensors file, replaced atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from ..weights.files import write_tensors

NAME = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path,
    *,
    step: int,
    decoder: nn.Module,
    optimizer: torch.optim.Adam,
    options: dict[str, Any],
) -> None:
    """Saves everything a run needs to go on after `step` steps. Crops need no state: they are
    functions of the step."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in decoder.named_parameters():
        tensors[f"decoder.{name}"] = parameter.detach()
        for key, value in optimizer.state[parameter].items():
            tensors[f"adam.{key}.{name}"] = value
    metadata = {"step": str(step), "options": json.dumps(options)}
    write_tensors(folder / NAME, tensors, metadata)


def load_checkpoint(
    folder: Path, *, decoder: nn.Module, optimizer: torch.optim.Adam
) -> tuple[int, dict[str, Any]]:
    """Restores decoder and optimiser in place.

    Returns:
        The step to go on from, and the options of the run that saved it; 0 and {} if the folder
        has no checkpoint.
    """
    path = folder / NAME
    if not path.exists():
        return 0, {}
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        for name, parameter in decoder.named_parameters():
            with torch.no_grad():
                parameter.copy_(file.get_tensor(f"decoder.{name}"))
            averages = {
                key: file.get_tensor(f"adam.{key}.{name}").to(parameter.device)
                for key in ("exp_avg", "exp_avg_sq")
            }
            step = file.get_tensor(f"adam.step.{name}")  # Adam keeps it on the CPU
            optimizer.state[parameter] = {"step": step, **averages}
    return int(metadata["step"]), json.loads(metadata["options"])

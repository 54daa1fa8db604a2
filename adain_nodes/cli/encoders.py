"""The option --encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from ..host.processes import World
    from ..models.networks.vgg import Encoder

ENCODER_HELP = (
    "name of a model of `models list`, encoder file, or any source that `models convert` takes, "
    "which is then calibrated on the contents"
)


def encoder_tensors(
    text: str, photographs: Sequence[Path], seed: int
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of an encoder in fp32, and its metadata.

    Args:
        text: what the user gave.
        photographs: to calibrate a foreign trunk on.
        seed: of the crops of those.

    Raises:
        InputError: there is no such encoder, or it cannot be read.
    """
    from ..host import surroundings
    from ..models.conversion.calibrate import convert
    from ..models.conversion.foreign import find_trunk, read_trunk
    from ..models.weights.fetch import locate
    from ..models.weights.manifest import load_manifest
    from ..models.weights.tensors import read_tensors
    from ..training.data import calibration_crops

    model = load_manifest().find(text)
    if model is not None:
        return read_tensors(locate(model.encoder, folders=surroundings.current().model_folders()))
    trunk = read_trunk(text)
    if trunk is None:
        return read_tensors(find_trunk(text))
    calibration, notes = calibration_crops(photographs, seed)
    converted = convert(trunk, calibration, notes=notes)
    return {name: t.float() for name, t in converted.tensors.items()}, converted.metadata


def shared_encoder(tensors: dict[str, Tensor], world: World) -> Encoder:
    """The encoder that all processes train with: that of rank 0.

    Args:
        tensors: of this process's own, overwritten: calibrated on another machine, they may differ
            in the last digit.
        world: the processes.
    """
    from ..models.networks.vgg import Encoder

    for tensor in tensors.values():
        world.broadcast(tensor)
    return Encoder.from_tensors(tensors)

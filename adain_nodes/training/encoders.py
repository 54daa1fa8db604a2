"""The encoder that a run trains with: found by its name, read from a file, or converted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ..host import surroundings
from ..host.processes import World
from ..models.conversion.calibrate import convert
from ..models.conversion.foreign import find_trunk, read_trunk
from ..models.conversion.trunks import trunk_encoder
from ..models.networks.vgg import Encoder
from ..models.weights.manifest import known_models
from ..models.weights.search import locate
from ..models.weights.tensors import read_tensors
from .data import calibration_crops


def encoder_tensors(
    source: str, photographs: Sequence[Path], seed: int
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of an encoder in fp32, and its metadata.

    Args:
        source: name of a model, encoder file, or anything that `conversion.foreign` reads.
        photographs: to calibrate a foreign trunk on, in crops drawn from `seed`.

    Raises:
        InputError: there is no such encoder, or it cannot be read.
    """
    folders = surroundings.current().model_folders()
    known = known_models(folders)
    vgg = known.find_trunk(source)
    if vgg is not None:
        return read_tensors(trunk_encoder(vgg, folders=folders))
    model = known.find(source)
    if model is not None:
        return read_tensors(locate(model.encoder, folders=folders))
    trunk = read_trunk(source)
    if trunk is None:
        return read_tensors(find_trunk(source))
    calibration, notes = calibration_crops(photographs, seed)
    converted = convert(trunk, calibration, notes=notes)
    return {name: t.float() for name, t in converted.tensors.items()}, converted.metadata


def shared_encoder(tensors: dict[str, Tensor], world: World) -> Encoder:
    """The encoder that all processes train with: that of rank 0. The tensors of the others, which
    are overwritten, may differ in the last digit if they were calibrated on another machine."""
    for tensor in tensors.values():
        world.broadcast(tensor)
    return Encoder.from_tensors(tensors)

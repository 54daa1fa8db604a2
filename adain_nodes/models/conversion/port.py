"""Makes a model of the weights of the public PyTorch port, pytorch-AdaIN."""

from __future__ import annotations

from pathlib import Path

from ...host.errors import InputError
from ..networks.vgg import Architecture
from ..weights.store import DECODER_FILE, ENCODER_FILE
from ..weights.tensors import DECODER_FORMAT, ENCODER_KEY, write_tensors
from .calibrate import convert
from .foreign import Trunk, read_port_decoder


def write_port_model(trunk: Trunk, decoder: Path, folder: Path) -> None:
    """Writes a folder that `weights.store` takes as a model, in fp32: results are the port's.

    Args:
        trunk: read from vgg_normalised.pth.
        decoder: decoder.pth.
        folder: made if absent; its name is the model's.

    Raises:
        InputError: the trunk is another one, or the decoder does not fit it.
    """
    if trunk.layout != "pytorch-AdaIN":
        raise InputError(
            f"{decoder} belongs to vgg_normalised.pth of pytorch-AdaIN, not to {trunk.source}"
        )
    encoder = convert(trunk, None)
    tensors = read_port_decoder(decoder, Architecture.of(encoder.tensors))
    metadata = {
        "format": DECODER_FORMAT,
        ENCODER_KEY: encoder.metadata["identity"],
        "encoder_name": folder.name,
        "provenance": f"{decoder.name} of pytorch-AdaIN",
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / ENCODER_FILE, encoder.tensors, encoder.metadata)
    write_tensors(folder / DECODER_FILE, tensors, metadata)

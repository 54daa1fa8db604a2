"""An encoder and a decoder, loaded and ready to compute."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from . import host
from .networks.decoder import Decoder
from .networks.vgg import Encoder
from .weights.files import EncoderIdentity
from .weights.store import load_networks, resolve_model


@dataclass(frozen=True)
class Model:
    """An encoder and a decoder, ready to compute."""

    name: str
    """As the user chose it, such as adain-vgg16."""

    identity: EncoderIdentity
    """Of the encoder; features and styles carry it."""

    encoder: host.Resident[Encoder]
    """f: pictures to relu4_1."""

    decoder: host.Resident[Decoder]
    """g: relu4_1 to pictures."""

    dtype: torch.dtype
    """Floating type both compute in; statistics are fp32 whatever it is."""

    layers: int
    """Convolutions in the encoder, and as many in the decoder: the unit of progress."""


def load_model(
    name: str = "adain-vgg16",
    *,
    precision: host.Precision = "auto",
    device: torch.device | None = None,
    progress: host.Progress | None = None,
) -> Model:
    """Loads an encoder and its decoder, wherever they are (see `weights.store`).

    Args:
        name: of a model in the manifest, of a decoder file or folder in the host's model folders,
            or the path of a folder with encoder.safetensors and decoder.safetensors.
        precision: floating type to compute in, see `host.compute_dtype`.
        device: where to compute; the host's choice if absent.
        progress: told of the bytes downloaded, if there is a download.

    Raises:
        InputError: there is no such model, or its files are unusable.
    """
    surroundings = host.current()
    device = surroundings.device() if device is None else device
    dtype = host.compute_dtype(precision, device)
    files = resolve_model(name, folders=surroundings.model_folders(), progress=progress)
    # ComfyUI runs nodes in inference mode; tensors made there could never be used in autograd.
    with torch.inference_mode(False):
        encoder, decoder, identity = load_networks(files)
        for network in (encoder, decoder):
            network.to(dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Model(
        name,
        identity,
        surroundings.resident(encoder, device),
        surroundings.resident(decoder, device),
        dtype,
        layers=sum(encoder.architecture.depths),
    )

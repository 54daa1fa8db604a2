"""An encoder and a decoder, loaded and ready to compute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from ..host import devices, surroundings
from ..host.errors import InputError
from ..host.options import Precision
from ..host.plain import Host, Progress, Resident
from .networks.decoder import Decoder
from .networks.precision import convert
from .networks.vgg import Encoder
from .weights.store import ModelFiles, load_networks, resolve_model
from .weights.tensors import EncoderIdentity, identify


@dataclass(frozen=True)
class Model:
    """An encoder and a decoder, ready to compute."""

    name: str
    """As the user chose it, such as adain-vgg16."""

    identity: EncoderIdentity
    """Of the encoder; features and styles carry it."""

    encoder: Resident[Encoder]
    """f: pictures to relu4_1."""

    decoder: Resident[Decoder]
    """g: relu4_1 to pictures."""

    decoder_sha256: str
    """Of the decoder's tensors as they were loaded, see `weights.files.identify`."""

    dtype: torch.dtype
    """Floating type both compute in; statistics are fp32 whatever it is."""

    tile_size: int = 0
    """Height in px of the tiles that pictures are computed in; 0 chooses. Results do not depend on
    it."""


def load_model(
    name: str = "adain-vgg16",
    *,
    precision: Precision = "auto",
    device: torch.device | None = None,
    tile_size: int = 0,
    progress: Progress | None = None,
) -> Model:
    """Loads an encoder and its decoder, wherever they are (see `weights.store`).

    Models of the same files, precision and device share their networks.

    Args:
        name: of a model in the manifest, of a decoder file or folder in the host's model folders,
            or the path of a folder with encoder.safetensors and decoder.safetensors.
        precision: floating type to compute in, see `host.compute_dtype`.
        device: where to compute; the host's choice if absent.
        tile_size: height in px of the tiles that pictures are computed in, see
            `networks.tiling`: smaller needs less memory. 0 takes what is fastest and fits.
        progress: told of the bytes downloaded, if there is a download.

    Raises:
        InputError: there is no such model, its files are unusable, or the tile size is negative.
    """
    if tile_size < 0:
        raise InputError(f"the tile size must be 0 (automatic) or more px, got {tile_size}")
    host = surroundings.current()
    device = host.device() if device is None else device
    dtype = devices.compute_dtype(precision, device)
    files = resolve_model(name, folders=host.model_folders(), progress=progress)
    stamps = tuple(path.stat().st_mtime_ns for path in (files.encoder, files.decoder))
    networks = _networks(host, files, stamps, dtype, device)
    return Model(name, *networks, dtype, tile_size)


@lru_cache(maxsize=8)
def _networks(
    host: Host,
    files: ModelFiles,
    _stamps: tuple[int, ...],
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[EncoderIdentity, Resident[Encoder], Resident[Decoder], str]:
    """The networks of these files, as they were when they were last changed, each with what
    identifies it."""
    # ComfyUI runs nodes in inference mode; tensors made there could never be used in autograd.
    with torch.inference_mode(False):
        encoder, decoder, identity = load_networks(files)
        decoder_sha256 = identify(decoder.state_dict(), files.name).sha256
        for network in (encoder, decoder):
            convert(network, dtype)
    return (
        identity,
        host.resident(encoder, device),
        host.resident(decoder, device),
        decoder_sha256,
    )

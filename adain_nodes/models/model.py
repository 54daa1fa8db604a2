"""A model: an encoder and a decoder, loaded and ready to compute."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

import torch

from ..host import devices, surroundings
from ..host.errors import InputError
from ..host.options import DEFAULT_MODEL, Precision
from ..host.plain import Host, Progress, Resident
from .conversion.trunks import find_files
from .networks.decoder import Decoder
from .networks.precision import convert
from .networks.vgg import Encoder
from .weights.store import ModelFiles
from .weights.tensors import ENCODER_KEY, EncoderIdentity, identify, read_tensors


@dataclass(frozen=True)
class Model:
    """An encoder and a decoder, ready to compute."""

    name: str
    """What the user called it: a name such as adain-vgg16, or a path."""

    identity: EncoderIdentity
    """Which encoder it is; features and styles carry this, so that they are not mixed up."""

    encoder: Resident[Encoder]
    """f, which turns pictures into relu4_1; `load` it for each use."""

    decoder: Resident[Decoder]
    """g, which turns relu4_1 into pictures; `load` it for each use."""

    decoder_sha256: str
    """sha256 of the decoder's tensors as they are stored, see `weights.tensors.identify`; empty if
    the model is an encoder alone."""

    dtype: torch.dtype
    """Floating type that both compute in; statistics are fp32 whatever it is."""

    tile_size: int = 0
    """Height in px of the bands that pictures are computed in, see `networks.bands`; 0 chooses.
    Results do not depend on it."""


class MissingDecoder(Resident[Decoder]):
    """Stands where an encoder has no decoder, and says so when one is needed.

    Args:
        encoder_name: what messages call the encoder.
        device: where it would compute.
    """

    def __init__(self, encoder_name: str, device: torch.device) -> None:
        self.device = device
        self._encoder_name = encoder_name

    def load(self) -> Decoder:
        """
        Raises:
            InputError: always.
        """
        name = self._encoder_name
        raise InputError(
            f"{name} is an encoder alone, which makes no pictures: it refines them, measures "
            f"losses and trains. Choose {DEFAULT_MODEL}, or train a decoder for it (`adain-nodes "
            f"train --encoder {name}`)"
        )


def load_model(
    name: str | os.PathLike[str] = DEFAULT_MODEL,
    *,
    precision: Precision = "auto",
    device: str | torch.device | None = None,
    tile_size: int = 0,
    progress: Progress | None = None,
) -> Model:
    """Loads an encoder and its decoder, and downloads them if they are not on this machine.

    Models of the same files, precision and device share their networks.

    Args:
        name: name of a model, or path of one, as `weights.store.find_model` takes it.
        precision: floating type to compute in, see `host.devices.compute_dtype`.
        device: where to compute, see `host.devices.chosen_device`; the host's choice if absent.
        tile_size: height in px of the bands that pictures are computed in, see `networks.bands`: a
            smaller one needs less memory. 0 takes the fastest that fits.
        progress: called with bytes done and bytes in total while a file is downloaded.

    Raises:
        InputError: there is no such model or device, its files cannot be used, or the tile size is
            negative.
    """
    if tile_size < 0:
        raise InputError(f"the tile size must be 0 (automatic) or more px, got {tile_size}")
    host = surroundings.current()
    device = devices.chosen_device(device)
    dtype = devices.compute_dtype(precision, device)
    files = find_files(name, folders=host.model_folders(), progress=progress)
    paths = filter(None, (files.encoder, files.decoder))
    stamps = tuple(path.stat().st_mtime_ns for path in paths)
    networks = _networks(host, files, stamps, dtype, device)
    return Model(os.fspath(name), *networks, dtype, tile_size)


def load_networks(files: ModelFiles) -> tuple[Encoder, Decoder | None, EncoderIdentity]:
    """Builds a model's networks, in fp32 on the CPU, frozen; there may be no decoder.

    Raises:
        InputError: a file is not what its name says, or the decoder was trained for another
            encoder.
    """
    # A host may call in inference mode, whose tensors could never take part in a gradient.
    with torch.inference_mode(False):
        encoder_tensors, _ = read_tensors(files.encoder)
        decoder_tensors, metadata = read_tensors(files.decoder) if files.decoder else ({}, {})
        identity = identify(encoder_tensors, files.encoder_name)
        if metadata.get(ENCODER_KEY, identity.sha256) != identity.sha256:
            raise InputError(
                f"{files.decoder} was trained for the encoder {metadata.get('encoder_name', '')} "
                f"({metadata[ENCODER_KEY][:12]}), {files.encoder} is {identity}"
            )
        path = files.encoder
        try:
            encoder = Encoder.from_tensors(encoder_tensors)
            decoder = None
            if files.decoder:
                path = files.decoder
                decoder = Decoder.from_tensors(decoder_tensors, encoder.architecture)
                decoder.eval().requires_grad_(False)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        return encoder.eval().requires_grad_(False), decoder, identity


@lru_cache(maxsize=8)
def _networks(
    host: Host,
    files: ModelFiles,
    _stamps: tuple[int, ...],
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[EncoderIdentity, Resident[Encoder], Resident[Decoder], str]:
    """The networks of these files as of their last change, and what identifies each."""
    with torch.inference_mode(False):
        encoder, decoder, identity = load_networks(files)
        convert(encoder, dtype)
        resident = host.resident(encoder, device)
        if decoder is None:
            return identity, resident, MissingDecoder(files.encoder_name, device), ""
        decoder_sha256 = identify(decoder.state_dict(), "decoder").sha256
        convert(decoder, dtype)
        return identity, resident, host.resident(decoder, device), decoder_sha256

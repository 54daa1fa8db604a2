"""Settings of every test, and tiny networks on random weights: the whole path of a picture in
milliseconds."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from adain_nodes.host.plain import Resident
from adain_nodes.models.model import Model
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Architecture, Encoder, Layer
from adain_nodes.models.weights.tensors import identify, write_tensors

torch.set_num_threads(1)

# Shells start what is to run in the background deaf to Ctrl-C, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def architecture() -> Architecture:
    """VGG-16's depths with hardly any channels."""
    return Architecture(depths=(2, 2, 3, 1), widths=(4, 6, 8, 10))


@pytest.fixture
def encoder(architecture: Architecture) -> Encoder:
    """Random, frozen."""
    network = Encoder.from_tensors(_random_tensors(architecture.encoder_layers(), seed=1))
    return network.requires_grad_(False)


@pytest.fixture
def decoder(architecture: Architecture) -> Decoder:
    """Random, frozen; its pictures stay within 0..1, so that clamping hides nothing."""
    tensors = _random_tensors(architecture.decoder_layers(), seed=2)
    tensors["conv1_1.weight"] *= 0.05
    tensors["conv1_1.bias"] += 0.5
    return Decoder.from_tensors(tensors, architecture).requires_grad_(False)


@pytest.fixture
def model(encoder: Encoder, decoder: Decoder) -> Model:
    """Both, in fp32 on the CPU."""
    device = torch.device("cpu")
    return Model(
        "tiny",
        identify(encoder.state_dict(), "tiny"),
        Resident(encoder, device),
        Resident(decoder, device),
        identify(decoder.state_dict(), "tiny").sha256,
        torch.float32,
    )


@pytest.fixture
def tiny_model_folder(encoder: Encoder, decoder: Decoder, tmp_path: Path) -> Path:
    """The same networks as the files of a model, for what takes the path of a folder."""
    identity = identify(encoder.state_dict(), "tiny").sha256
    folder = tmp_path / "tiny-model"
    folder.mkdir()
    write_tensors(folder / "encoder.safetensors", encoder.state_dict(), {})
    metadata = {"format": "adain-decoder", "encoder": identity}
    write_tensors(folder / "decoder.safetensors", decoder.state_dict(), metadata)
    return folder


def _random_tensors(layers: Iterable[Layer], seed: int) -> dict[str, torch.Tensor]:
    """Kernels that keep the variance from layer to layer, and small biases.

    Their sum is 0: inputs above 0 would otherwise leave channels dead, or without contrast.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in layers:
        kernel = torch.randn(layer.outputs, layer.inputs, 3, 3, generator=generator)
        kernel -= kernel.mean((1, 2, 3), keepdim=True)
        tensors[f"{layer.name}.weight"] = kernel * math.sqrt(3 / (9 * layer.inputs))
        tensors[f"{layer.name}.bias"] = 0.1 * torch.randn(layer.outputs, generator=generator)
    return tensors

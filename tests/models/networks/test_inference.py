"""Prepared layers against the networks that they come from."""

from __future__ import annotations

import gc

import pytest
import torch
import torch.nn.functional as F

from adain_nodes.models.networks import inference
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.inference import Convolution, Pooling, prepared
from adain_nodes.models.networks.vgg import VGG16, VGG19, Architecture, Encoder

TINY16 = Architecture(VGG16.depths, (4, 6, 8, 10))
TINY19 = Architecture(VGG19.depths, (3, 5, 7, 9))


def decoder_of(architecture: Architecture = TINY16) -> Decoder:
    return Decoder(architecture).requires_grad_(False)


@pytest.mark.usefixtures("with_and_without_onednn")
def test_upsampling_is_part_of_the_convolution_after_it() -> None:
    decoder = decoder_of()
    layer = prepared(decoder)[1]
    assert isinstance(layer, Convolution)
    assert (layer.reach, layer.scale) == (1, 2)
    x = torch.randn(2, 8, 5, 7)
    upsampled = F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (1,) * 4, mode="reflect")
    kernel, bias = (decoder.get_parameter(f"conv3_3.{name}") for name in ("weight", "bias"))
    expected = F.relu(F.conv2d(upsampled, kernel, bias))
    result = layer(F.pad(x, (1,) * 4, mode="replicate"))
    assert result.shape == (2, 8, 12, 16)
    torch.testing.assert_close(result[..., 1:-1, 1:-1], expected)


@pytest.mark.usefixtures("with_and_without_onednn")
@pytest.mark.parametrize("architecture", [TINY16, TINY19])
def test_layers_are_in_the_order_of_the_network(architecture: Architecture) -> None:
    encoder = Encoder(architecture)
    pools = [isinstance(layer, Pooling) for layer in prepared(encoder)]
    expected = []
    for block, depth in enumerate(architecture.depths):
        expected += [True] * (block > 0) + [False] * depth
    assert pools == expected
    scales = [getattr(layer, "scale", None) for layer in prepared(decoder_of(architecture))]
    assert scales.count(2) == 3
    assert len(scales) == sum(architecture.depths)


@pytest.mark.usefixtures("with_and_without_onednn")
@pytest.mark.parametrize(("network", "relu"), [(Encoder(TINY16), True), (Decoder(TINY16), False)])
def test_only_pictures_have_values_below_0(network: Encoder | Decoder, relu: bool) -> None:
    layer = prepared(network)[-1]
    assert isinstance(layer, Convolution)
    channels = network.get_parameter("conv4_1.weight" if relu else "conv1_1.weight").shape[1]
    with torch.no_grad():
        assert (layer(torch.randn(1, channels, 9, 9)).min() < 0) == (not relu)


def test_layers_are_prepared_once_and_follow_their_network() -> None:
    decoder = decoder_of()
    first = prepared(decoder)
    assert prepared(decoder) is first
    decoder.get_parameter("conv1_1.bias").add_(1)
    changed = prepared(decoder)
    assert changed is not first
    decoder.to(torch.bfloat16)
    layer = prepared(decoder)[0]
    assert isinstance(layer, Convolution)
    assert layer(torch.zeros(1, 10, 3, 3, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_a_network_can_be_moved_and_prepared_in_inference_mode() -> None:
    decoder = decoder_of()
    x = torch.rand(1, 10, 4, 5)
    with torch.inference_mode():
        decoder.to(torch.float64).to(torch.float32)
        first = prepared(decoder)[0]
    assert prepared(decoder)[0] is first
    assert isinstance(first, Convolution)
    with torch.no_grad():
        expected = decoder.get_submodule("conv4_1")(x)
        torch.testing.assert_close(first(F.pad(x, (1,) * 4, mode="reflect")), expected)


def test_prepared_layers_go_with_their_network() -> None:
    gc.collect()
    before = len(inference._prepared)
    decoder = decoder_of()
    prepared(decoder)
    assert len(inference._prepared) == before + 1
    del decoder
    gc.collect()
    assert len(inference._prepared) == before

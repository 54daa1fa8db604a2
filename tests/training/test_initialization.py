from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.networks.decoder import Decoder
from adain_nodes.networks.vgg import Encoder
from adain_nodes.training.initialization import initialize_from_encoder


@pytest.fixture
def calibration() -> Tensor:
    return F.interpolate(torch.rand(4, 3, 8, 8), size=(32, 32), mode="bicubic").clamp(0, 1)


@pytest.fixture
def initialized(encoder: Encoder, calibration: Tensor) -> Decoder:
    decoder = Decoder(encoder.architecture)
    initialize_from_encoder(decoder, encoder, calibration)
    return decoder


def received(encoder: Encoder, pictures: Tensor) -> dict[str, Tensor]:
    """What each convolution of the encoder gets to see, by plain steps."""
    inputs: dict[str, Tensor] = {}
    x = pictures
    for name, layer in encoder.named_children():
        if name in ("conv2_1", "conv3_1", "conv4_1"):
            x = F.max_pool2d(x, 2, ceil_mode=True)
        inputs[name] = x
        x = layer(F.pad(x, (1, 1, 1, 1), mode="reflect")).relu()
    return inputs


def given(decoder: Decoder, features: Tensor) -> dict[str, Tensor]:
    """What each convolution of the decoder gives, before its ReLU, by plain steps."""
    outputs: dict[str, Tensor] = {}
    x = features
    for name, _ in decoder.named_children():
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        kernel, bias = (decoder.get_parameter(f"{name}.{kind}") for kind in ("weight", "bias"))
        outputs[name] = x = F.conv2d(padded, kernel, bias)
        x = x.relu()
        if name in ("conv4_1", "conv3_1", "conv2_1"):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return outputs


def test_kernels_are_the_mirrors_transposed_and_flipped(
    encoder: Encoder, initialized: Decoder
) -> None:
    for name, _ in encoder.named_children():
        kernel = encoder.get_parameter(f"{name}.weight").transpose(0, 1).flip(2, 3)
        own = initialized.get_parameter(f"{name}.weight").detach()
        gain = own / kernel
        assert gain.mean() > 0
        torch.testing.assert_close(gain, gain.mean().expand_as(gain), rtol=1e-3, atol=1e-3)


def test_each_layer_gives_the_mean_and_the_rms_that_its_mirror_receives(
    encoder: Encoder, initialized: Decoder, calibration: Tensor
) -> None:
    wanted = received(encoder, calibration)
    outputs = given(initialized, encoder(calibration))
    assert outputs.keys() == wanted.keys()
    for name, output in outputs.items():
        target = wanted[name]
        torch.testing.assert_close(
            output.mean((0, 2, 3)), target.mean((0, 2, 3)), rtol=1e-3, atol=1e-3
        )
        rms = [x.square().mean().sqrt().item() for x in (output, target)]
        assert rms[0] == pytest.approx(rms[1], rel=0.02), name


def test_it_depends_on_nothing_the_decoder_held(
    encoder: Encoder, initialized: Decoder, calibration: Tensor
) -> None:
    other = Decoder(encoder.architecture)
    for parameter in other.parameters():
        torch.nn.init.constant_(parameter, 7)
    initialize_from_encoder(other, encoder, calibration)
    for name, parameter in initialized.named_parameters():
        assert torch.equal(other.get_parameter(name), parameter)

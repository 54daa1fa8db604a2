from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.training.initialization import initialize_from_encoder


@pytest.fixture
def calibration() -> Tensor:
    return F.interpolate(torch.rand(4, 3, 8, 8), size=(32, 32), mode="bicubic").clamp(0, 1)


@pytest.fixture
def initialized(encoder: Encoder, calibration: Tensor) -> Decoder:
    decoder = Decoder(encoder.architecture)
    initialize_from_encoder(decoder, encoder, calibration)
    return decoder


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
        gains = (own / kernel).flatten(1)
        assert gains.min() > 0
        torch.testing.assert_close(gains, gains[:, :1].expand_as(gains), rtol=1e-3, atol=1e-3)


def test_every_channel_is_alive_and_pictures_have_the_right_colors(
    encoder: Encoder, initialized: Decoder, calibration: Tensor
) -> None:
    outputs = given(initialized, encoder(calibration))
    picture = outputs.pop("conv1_1")
    for output in outputs.values():
        channels = output.movedim(1, 0).flatten(1)
        torch.testing.assert_close(channels.mean(1), torch.zeros(len(channels)), rtol=0, atol=1e-3)
        torch.testing.assert_close(
            channels.std(1, correction=0), torch.ones(len(channels)), rtol=1e-3, atol=0
        )
    for statistic in (torch.mean, torch.std):
        wanted, own = (statistic(x, (0, 2, 3)) for x in (calibration, picture))
        torch.testing.assert_close(own, wanted, rtol=1e-3, atol=1e-3)


def test_it_depends_on_nothing_the_decoder_held(
    encoder: Encoder, initialized: Decoder, calibration: Tensor
) -> None:
    other = Decoder(encoder.architecture)
    for parameter in other.parameters():
        torch.nn.init.constant_(parameter, 7)
    initialize_from_encoder(other, encoder, calibration)
    for name, parameter in initialized.named_parameters():
        assert torch.equal(other.get_parameter(name), parameter)

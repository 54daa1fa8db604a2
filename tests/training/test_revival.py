from __future__ import annotations

import torch
from torch import Tensor

from adain_nodes.host.processes import World
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.training.revival import RAISE, Revival

NAME = "conv3_3"  # it upsamples; the one before does not


def biases(decoder: Decoder) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in decoder.named_parameters() if p.ndim == 1}


def silenced(decoder: Decoder) -> Decoder:
    """Without kernels, and two channels far below 0, the others far above."""
    for parameter in decoder.parameters():
        parameter.data.fill_(9.0 if parameter.ndim == 1 else 0.0)
    for name, channel in (("conv4_1", 1), (NAME, 0)):
        decoder.get_parameter(f"{name}.bias").data[channel] = -99.0
    return decoder


def test_only_silent_channels_are_raised(decoder: Decoder) -> None:
    revival = Revival(silenced(decoder), World())
    before = biases(decoder)
    revival.observe(True)
    decoder(torch.rand(1, 10, 3, 4))
    revival.after_step()
    for name, bias in biases(decoder).items():
        raised = bias - before[name]
        channel = {"conv4_1.bias": 1, f"{NAME}.bias": 0}.get(name)
        expected = [RAISE if index == channel else 0.0 for index in range(len(bias))]
        torch.testing.assert_close(raised, torch.tensor(expected), rtol=0, atol=1e-5)


def test_the_picture_itself_may_be_black(decoder: Decoder) -> None:
    decoder.get_parameter("conv1_1.bias").data.fill_(-99.0)
    revival = Revival(decoder, World())
    revival.observe(True)
    assert decoder(torch.rand(1, 10, 3, 4)).max() < 0
    revival.after_step()
    assert decoder.get_parameter("conv1_1.bias").tolist() == [-99.0] * 3


def test_nothing_is_raised_twice_or_without_a_look(decoder: Decoder) -> None:
    revival = Revival(silenced(decoder), World())
    before = biases(decoder)
    revival.observe(False)
    decoder(torch.rand(1, 10, 3, 4))
    revival.after_step()
    assert all(torch.equal(bias, before[name]) for name, bias in biases(decoder).items())
    revival.observe(True)
    decoder(torch.rand(1, 10, 3, 4))
    revival.after_step()
    once = biases(decoder)
    revival.after_step()
    assert all(torch.equal(bias, once[name]) for name, bias in biases(decoder).items())


def test_a_silent_channel_comes_back(decoder: Decoder) -> None:
    bias = silenced(decoder).get_parameter(f"{NAME}.bias")
    bias.data[0] = -9.0
    revival = Revival(decoder, World())
    revival.observe(True)
    for _ in range(round(9 / RAISE) + 50):
        decoder(torch.rand(1, 10, 3, 4))
        revival.after_step()
    assert 0 < bias[0] <= RAISE

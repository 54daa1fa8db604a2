from __future__ import annotations

import pytest
import torch
from torch import nn

from adain_nodes.training.averaging import WeightAverage


def test_the_average_follows_its_recurrence() -> None:
    network = nn.Linear(3, 2)
    average = WeightAverage(network, 0.6)
    expected = network.weight.detach().double()
    for step in range(1, 8):
        with torch.no_grad():
            network.weight.add_(torch.randn(2, 3))
        average.update(network, step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network.weight.detach().double()
    torch.testing.assert_close(average.network.get_parameter("weight").double(), expected)
    assert expected.sub(network.weight).abs().max() > 0.1


def test_buffers_are_copied_whatever_their_type() -> None:
    network = nn.BatchNorm2d(4)
    average = WeightAverage(network, 0.9)
    network(torch.randn(2, 4, 3, 3) + 5)
    average.update(network, 1)
    for name, buffer in network.named_buffers():
        assert torch.equal(average.network.get_buffer(name), buffer), name
    assert average.network.get_buffer("num_batches_tracked") == 1


def test_the_average_is_frozen_and_evaluates() -> None:
    network = nn.BatchNorm2d(4).train()
    average = WeightAverage(network, 0.9)
    assert network.training and not average.network.training
    assert not any(parameter.requires_grad for parameter in average.network.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_restarted_average_is_what_the_weights_are() -> None:
    average = WeightAverage(nn.Linear(2, 2), 0.9)
    other = nn.Linear(2, 2)
    average.restart(other)
    with torch.no_grad():
        expected = other.weight.clone()
        other.weight.zero_()
    assert torch.equal(average.network.get_parameter("weight"), expected)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_the_start_of_a_run_is_soon_forgotten(decay: float) -> None:
    network = nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, decay)
    with torch.no_grad():
        network.weight.fill_(7)
    for step in range(1, 60):
        average.update(network, step)
    assert average.network.get_parameter("weight").item() == pytest.approx(7, abs=1e-6)

"""Steps in W and b' against the same convolution written out in these variables."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from adain_nodes.host.processes import World
from adain_nodes.models.networks.convolution import MirroredConv2d
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.training.centering import Centering


class _Written(nn.Module):
    """y = W * (x - m) + b'."""

    def __init__(self, layer: MirroredConv2d, mean: Tensor) -> None:
        super().__init__()
        assert layer.bias is not None
        self.layer = deepcopy(layer)
        self.mean = mean
        bias = layer.bias + layer.weight.sum((2, 3)) @ mean
        self.layer.bias = nn.Parameter(bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x - self.mean[:, None, None])
        return y


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_steps_are_those_of_the_centred_convolution(
    kind: type[torch.optim.SGD | torch.optim.Adam],
) -> None:
    layer = MirroredConv2d(3, 4, relu=False).double()
    x = torch.rand(2, 3, 5, 6, dtype=torch.float64) + 2
    centering = Centering(layer, World())
    centering.observe(True)
    layer(x)
    mean = x.mean((0, 2, 3))
    torch.testing.assert_close(centering.means[""].double(), mean)
    centering.means[""] = mean
    centering.observe(False)
    written = _Written(layer, mean)
    torch.testing.assert_close(written(x), layer(x))

    optimizers = [kind(network.parameters(), lr=1e-3) for network in (layer, written)]
    for _ in range(3):
        other = torch.rand_like(x) + 1
        for network, optimizer in zip((layer, written), optimizers, strict=True):
            optimizer.zero_grad()
            loss = (network(other) - 1).square().sum()
            loss.backward()
            if network is layer:
                centering.before_step()
            optimizer.step()
            if network is layer:
                centering.after_step()
    torch.testing.assert_close(layer(x), written(x))
    torch.testing.assert_close(layer.weight, written.layer.weight)


def test_the_first_call_sets_the_means_and_later_ones_when_asked(decoder: Decoder) -> None:
    centering = Centering(decoder, World())
    centering.observe(False)
    ones = torch.ones(1, 10, 4, 4)
    decoder(ones)
    assert centering.means.keys() == {name for name, _ in decoder.named_children()}
    for observing, expected in ((False, 1.0), (True, 3.0)):
        centering.observe(observing)
        decoder(3 * ones)
        assert centering.means["conv4_1"].tolist() == [expected] * 10

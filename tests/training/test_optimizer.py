from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import OPTIMIZERS, OptimizerName
from adain_nodes.host.processes import World
from adain_nodes.models.networks.convolution import MirroredConv2d
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.training.optimizer import CLIP_NORM, RAISE, Centering, Optimizer, Revival


@pytest.fixture
def network(decoder: Decoder) -> Decoder:
    decoder.requires_grad_(True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return decoder


def loss_of(network: nn.Module, x: Tensor) -> Tensor:
    loss: Tensor = (network(x) - 0.5).square().mean()
    return loss


def steps(network: Decoder, optimizer: Optimizer, first: int, count: int) -> None:
    for step in range(first, first + count):
        optimizer.prepare(step)
        generator = torch.Generator().manual_seed(step)
        optimizer.minimize(loss_of(network, torch.rand(1, 10, 4, 4, generator=generator)), 1e-2)


@pytest.mark.parametrize("method", OPTIMIZERS)
def test_losses_fall(network: Decoder, method: OptimizerName) -> None:
    x = torch.rand(2, 10, 4, 4)
    before = loss_of(network, x).item()
    steps(network, Optimizer(network, method, World()), 0, 30)
    assert loss_of(network, x).item() < 0.5 * before


@pytest.mark.parametrize("method", OPTIMIZERS)
def test_going_on_from_the_state_is_going_straight_on(
    network: Decoder, method: OptimizerName
) -> None:
    optimizer = Optimizer(network, method, World())
    steps(network, optimizer, 0, 3)
    other = deepcopy(network)
    for module in other.modules():
        module._forward_pre_hooks.clear()
    another = Optimizer(other, method, World())
    another.restore({name: tensor.clone() for name, tensor in optimizer.state()})
    # Two steps that do not look at means: those of the state are in use.
    for each, its in ((network, optimizer), (other, another)):
        steps(each, its, 3, 2)
    for name, parameter in network.named_parameters():
        assert torch.equal(other.get_parameter(name), parameter), name


def test_calls_between_steps_change_nothing(network: Decoder) -> None:
    other = deepcopy(network)
    for each in (network, other):
        optimizer = Optimizer(each, "adam", World())
        for step in range(2):
            steps(each, optimizer, step, 1)
            if each is other:
                # Other means than those of the step, and channels that are silent for it alone.
                with torch.no_grad():
                    each(torch.full((1, 10, 4, 4), -9.0))
    for name, parameter in network.named_parameters():
        assert torch.equal(other.get_parameter(name), parameter), name


def test_muon_takes_all_kernels_but_the_last(network: Decoder) -> None:
    optimizer = Optimizer(network, "muon", World())
    steps(network, optimizer, 0, 1)
    momenta = {name for name, _ in optimizer.state() if name.startswith("momentum_buffer.")}
    names = [name for name, _ in network.named_children()]
    assert momenta == {f"momentum_buffer.{name}.weight" for name in names[:-1]}


def test_a_step_of_muon_changes_every_direction_alike(network: Decoder) -> None:
    before = network.get_parameter("conv4_1.weight").detach().clone()
    steps(network, Optimizer(network, "muon", World()), 0, 1)
    change = (network.get_parameter("conv4_1.weight") - before).flatten(1)
    values = torch.linalg.svdvals(change)
    assert values.max() < 3 * values.min()
    # As large as a step of Adam, whose changes are at most the learning rate.
    assert 0.1e-2 < change.square().mean().sqrt() < 0.4e-2


def test_gradients_are_clipped_and_their_norm_is_told(network: Decoder) -> None:
    optimizer = Optimizer(network, "adam", World())
    optimizer.prepare(0)
    loss = 1e6 * loss_of(network, torch.rand(1, 10, 4, 4))
    norm = optimizer.minimize(loss, 1e-3)
    gradients = [parameter.grad for parameter in network.parameters()]
    total = sum(gradient.square().sum().item() for gradient in gradients if gradient is not None)
    assert norm > CLIP_NORM
    assert total**0.5 == pytest.approx(CLIP_NORM, rel=1e-4)


def test_the_state_of_another_method_is_refused(network: Decoder) -> None:
    optimizer = Optimizer(network, "adam", World())
    steps(network, optimizer, 0, 1)
    with pytest.raises(InputError, match=r"conv4_1\.weight .* another method"):
        Optimizer(network, "muon", World()).restore(dict(optimizer.state()))


def test_an_older_pytorch_has_adam_and_no_muon(
    network: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(torch.optim, "Muon", raising=False)  # there may be none
    Optimizer(network, "adam", World())
    with pytest.raises(InputError, match=r"muon needs PyTorch 2\.9 .*; adam does not"):
        Optimizer(network, "muon", World())


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


UPSAMPLING = "conv3_3"  # it upsamples; the one before does not


def biases(decoder: Decoder) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in decoder.named_parameters() if p.ndim == 1}


def killed(decoder: Decoder) -> Decoder:
    """Without kernels, and two channels far below 0, the others far above."""
    for parameter in decoder.parameters():
        parameter.data.fill_(9.0 if parameter.ndim == 1 else 0.0)
    for name, channel in (("conv4_1", 1), (UPSAMPLING, 0)):
        decoder.get_parameter(f"{name}.bias").data[channel] = -99.0
    return decoder


def test_only_dead_channels_are_raised(decoder: Decoder) -> None:
    revival = Revival(killed(decoder), World())
    before = biases(decoder)
    revival.observe(True)
    decoder(torch.rand(1, 10, 3, 4))
    revival.after_step()
    for name, bias in biases(decoder).items():
        raised = bias - before[name]
        channel = {"conv4_1.bias": 1, f"{UPSAMPLING}.bias": 0}.get(name)
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
    revival = Revival(killed(decoder), World())
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


def test_a_dead_channel_comes_back(decoder: Decoder) -> None:
    bias = killed(decoder).get_parameter(f"{UPSAMPLING}.bias")
    bias.data[0] = -9.0
    revival = Revival(decoder, World())
    revival.observe(True)
    for _ in range(round(9 / RAISE) + 50):
        decoder(torch.rand(1, 10, 3, 4))
        revival.after_step()
    assert 0 < bias[0] <= RAISE


def test_without_help_channels_may_die_and_gradients_are_plain(network: Decoder) -> None:
    network.get_parameter(f"{UPSAMPLING}.bias").data[0] = -99
    optimizer = Optimizer(network, "adam", World(), keep_channels_alive=False)
    x = torch.rand(1, 10, 3, 4)
    loss_of(network, x).backward()  # type: ignore[no-untyped-call]
    plain = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    optimizer.prepare(0)
    optimizer.minimize(loss_of(network, x), 0.0)
    for parameter, gradient in zip(network.parameters(), plain, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient)
    assert network.get_parameter(f"{UPSAMPLING}.bias")[0] == -99
    assert not any(name.startswith("mean.") for name, _ in optimizer.state())


def test_a_run_may_go_on_with_help_that_it_had_not(network: Decoder) -> None:
    optimizer = Optimizer(network, "adam", World(), keep_channels_alive=False)
    steps(network, optimizer, 0, 1)
    helped = Optimizer(network, "adam", World())
    helped.restore(dict(optimizer.state()))
    steps(network, helped, 1, 1)
    assert any(name.startswith("mean.") for name, _ in helped.state())
    optimizer.restore(dict(helped.state()))

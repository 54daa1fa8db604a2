from __future__ import annotations

from copy import deepcopy
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from adain_nodes.host.errors import InputError
from adain_nodes.host.processes import World
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.training.optimizer import CLIP_NORM, Method, Optimizer


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


@pytest.mark.parametrize("method", get_args(Method))
def test_losses_fall(network: Decoder, method: Method) -> None:
    x = torch.rand(2, 10, 4, 4)
    before = loss_of(network, x).item()
    steps(network, Optimizer(network, method, World()), 0, 30)
    assert loss_of(network, x).item() < 0.5 * before


@pytest.mark.parametrize("method", get_args(Method))
def test_going_on_from_the_state_is_going_straight_on(network: Decoder, method: Method) -> None:
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

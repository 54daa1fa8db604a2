from __future__ import annotations

import logging
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from adain_nodes.host.errors import InputError
from adain_nodes.host.processes import World
from adain_nodes.models.weights.tensors import read_tensors, write_tensors
from adain_nodes.training.averaging import WeightAverage
from adain_nodes.training.checkpoint import NAME, load_checkpoint, save_checkpoint
from adain_nodes.training.optimizer import Optimizer

ENCODER = "a" * 64


def trained(network: nn.Module) -> tuple[Optimizer, WeightAverage]:
    """Two steps on nothing in particular."""
    optimizer = Optimizer(network, "muon", World())
    average = WeightAverage(network, 0.9)
    for step in range(1, 3):
        optimizer.prepare(step)
        optimizer.minimize(network(torch.randn(4, 3, 2, 2)).square().sum(), 1e-3)
        average.update(network, step)
    return optimizer, average


def new() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def saved(folder: Path) -> tuple[nn.Module, Optimizer, WeightAverage]:
    network = new()
    optimizer, average = trained(network)
    save_checkpoint(
        folder,
        step=2,
        decoder=network,
        optimizer=optimizer,
        average=average,
        encoder=ENCODER,
        options={"crop": 64},
    )
    return network, optimizer, average


def load(
    folder: Path, network: nn.Module, average: WeightAverage | None, encoder: str = ENCODER
) -> tuple[int, Optimizer]:
    optimizer = Optimizer(network, "muon", World())
    step, options = load_checkpoint(
        folder, decoder=network, optimizer=optimizer, average=average, encoder=encoder
    )
    assert options == ({"crop": 64} if step else {})
    return step, optimizer


def rewrite(folder: Path, *, without: str) -> None:
    """As an earlier version would have written it."""
    tensors, metadata = read_tensors(folder / NAME)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(without)}
    metadata.pop(without, None)
    write_tensors(folder / NAME, kept, metadata)


def test_everything_comes_back(tmp_path: Path) -> None:
    network, optimizer, average = saved(tmp_path)
    other = new()
    other_average = WeightAverage(other, 0.9)
    step, other_optimizer = load(tmp_path, other, other_average)
    assert step == 2
    for before, after in ((network, other), (average.network, other_average.network)):
        for name, tensor in before.state_dict().items():
            assert torch.equal(after.state_dict()[name], tensor), name
    state, other_state = dict(optimizer.state()), dict(other_optimizer.state())
    assert other_state.keys() == state.keys()
    for key, value in state.items():
        assert torch.equal(other_state[key], value), key


def test_what_came_back_is_no_view_of_the_file(tmp_path: Path) -> None:
    _, optimizer, _ = saved(tmp_path)
    before = {name: tensor.clone() for name, tensor in optimizer.state()}
    _, other = load(tmp_path, new(), None)
    path = tmp_path / NAME
    size = path.stat().st_size
    with path.open("r+b") as file:
        header = 8 + int.from_bytes(file.read(8), "little")
        file.seek(header)
        file.write(bytes(size - header))
    for name, tensor in other.state():
        assert torch.equal(tensor, before[name]), name


def test_an_empty_folder_starts_from_nothing(tmp_path: Path) -> None:
    network = new()
    before = deepcopy(network.state_dict())
    assert load(tmp_path, network, None)[0] == 0
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())


def test_an_average_that_the_checkpoint_lacks_starts_from_the_weights(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network, _, _ = saved(tmp_path)
    rewrite(tmp_path, without="ema.")
    other = new()
    average = WeightAverage(other, 0.9)
    with caplog.at_level(logging.INFO):
        load(tmp_path, other, average)
    assert "no averaged weights" in caplog.text
    for name, tensor in network.state_dict().items():
        assert torch.equal(average.network.state_dict()[name], tensor), name


def test_an_average_that_is_no_longer_wanted_is_left(tmp_path: Path) -> None:
    saved(tmp_path)
    assert load(tmp_path, new(), None)[0] == 2


def test_another_encoder_is_refused_where_the_checkpoint_names_its_own(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(InputError, match=r"checkpoint\.safetensors .*a{12}.*b{12}"):
        load(tmp_path, new(), None, encoder="b" * 64)
    rewrite(tmp_path, without="encoder")
    assert load(tmp_path, new(), None, encoder="b" * 64)[0] == 2


def test_another_kind_of_decoder_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    for other in (nn.Sequential(nn.Conv2d(3, 4, 1)), nn.Linear(3, 4)):
        with pytest.raises(InputError, match="another kind of decoder"):
            load(tmp_path, other, None)

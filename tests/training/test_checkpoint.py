from __future__ import annotations

import json
import logging
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from adain_nodes.host.errors import InputError
from adain_nodes.host.processes import World
from adain_nodes.models.model import load_networks
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Architecture, Encoder
from adain_nodes.models.weights.store import ModelFiles
from adain_nodes.models.weights.tensors import (
    EncoderIdentity,
    identify,
    read_tensors,
    write_tensors,
)
from adain_nodes.training.checkpoint import (
    NAME,
    export_decoder,
    load_checkpoint,
    read_decoder,
    save_checkpoint,
)
from adain_nodes.training.optimizer import Optimizer
from adain_nodes.training.trainer import WeightAverage

from ..models.tiny_models import TINY, write_model

ENCODER = EncoderIdentity("a" * 64, "ours")
OTHER = EncoderIdentity("b" * 64, "theirs")


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
        average=average.network,
        encoder=ENCODER.sha256,
        options={"crop": 64},
    )
    return network, optimizer, average


def load(
    folder: Path,
    network: nn.Module,
    average: WeightAverage | None,
    encoder: EncoderIdentity = ENCODER,
) -> tuple[int, Optimizer]:
    optimizer = Optimizer(network, "muon", World())
    step, options = load_checkpoint(
        folder,
        decoder=network,
        optimizer=optimizer,
        average=average.network if average else None,
        encoder=encoder,
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
    with pytest.raises(
        InputError, match=r"checkpoint\.safetensors .* a{12}, not for theirs \(b{12}\)"
    ):
        load(tmp_path, new(), None, encoder=OTHER)
    rewrite(tmp_path, without="encoder")
    assert load(tmp_path, new(), None, encoder=OTHER)[0] == 2


def test_another_kind_of_decoder_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    for other in (nn.Sequential(nn.Conv2d(3, 4, 1)), nn.Linear(3, 4)):
        with pytest.raises(InputError, match="another kind of decoder"):
            load(tmp_path, other, None)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("broken")


def _something_else(path: Path) -> None:
    write_tensors(path, {"x": torch.zeros(2)}, {})


def _metadata(**changes: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        tensors, metadata = read_tensors(path)
        write_tensors(path, tensors, {**metadata, **changes})

    return damage


def _shapes(start: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        tensors, metadata = read_tensors(path)
        changed = {
            n: t[:1, :1] if n.startswith(start) and t.ndim > 1 else t for n, t in tensors.items()
        }
        write_tensors(path, changed, metadata)

    return damage


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "truncated": _truncated,
    "empty": _empty,
    "text": _text,
    "a folder": _folder,
    "of something else": _something_else,
    "step": _metadata(step="many"),
    "negative step": _metadata(step="-1"),
    "options": _metadata(options="{"),
    "options of another type": _metadata(options="[1]"),
    "shapes of the decoder": _shapes("decoder."),
    "shapes of the optimiser": _shapes("optimizer."),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    saved(tmp_path)
    DAMAGES[damage](tmp_path / NAME)
    with pytest.raises(InputError) as caught:
        load(tmp_path, new(), None)
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / NAME) in message or "optimiser" in message


@pytest.mark.parametrize("damage", ["step", "options", "options of another type"])
def test_a_damaged_checkpoint_is_not_exported(tmp_path: Path, trunk: Path, damage: str) -> None:
    checkpoint = write_checkpoint(tmp_path, Decoder(TINY), encoder=trunk)
    DAMAGES[damage](checkpoint)
    with pytest.raises(InputError, match=f"{NAME} is damaged"):
        export_decoder(checkpoint, trunk, tmp_path / "decoder.safetensors", license=None)


def test_a_run_starts_from_a_decoder_of_its_own_encoder_alone(tmp_path: Path, trunk: Path) -> None:
    other = tmp_path / "other.safetensors"
    write_model(other, tmp_path / "unused.safetensors", seed=1)
    checkpoint = write_checkpoint(tmp_path, Decoder(TINY), encoder=other)
    path = tmp_path / "decoder.safetensors"
    export_decoder(checkpoint, other, path, license=None)
    encoders = [Encoder.from_tensors(read_tensors(file)[0]) for file in (other, trunk)]
    read_decoder(path, encoders[0], "other")
    with pytest.raises(InputError, match=r"decoder\.safetensors .* other \(.*not for mine \("):
        read_decoder(path, encoders[1], "mine")


@pytest.fixture
def trunk(tmp_path: Path) -> Path:
    path = tmp_path / "trunk.safetensors"
    write_model(path, tmp_path / "unused.safetensors", seed=0)
    return path


def write_checkpoint(
    folder: Path, decoder: Decoder, *, encoder: Path, average: WeightAverage | None = None
) -> Path:
    identity = identify(read_tensors(encoder)[0], "").sha256
    decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = Optimizer(decoder, "muon", World())
    save_checkpoint(
        folder,
        step=7,
        decoder=decoder,
        optimizer=optimizer,
        average=average.network if average else None,
        encoder=identity,
        options={"crop": 96},
    )
    return folder / "checkpoint.safetensors"


def test_the_decoder_is_written_in_fp16_and_names_its_encoder(tmp_path: Path, trunk: Path) -> None:
    decoder = Decoder(TINY)
    checkpoint = write_checkpoint(tmp_path, decoder, encoder=trunk)
    output = tmp_path / "decoder.safetensors"
    export_decoder(checkpoint, trunk, output, license="MIT")
    _, loaded, identity = load_networks(ModelFiles(trunk, output, "trunk"))
    assert loaded is not None
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())
    with safe_open(output, framework="pt") as file:
        assert file.get_tensor("conv1_1.weight").dtype == torch.float16
    metadata = read_tensors(output)[1]
    assert json.loads(metadata.pop("options")) == {"crop": 96}
    assert metadata == {
        "format": "adain-decoder",
        "encoder": identity.sha256,
        "encoder_name": "trunk",
        "steps": "7",
        "crop": "96",
        "license": "MIT",
    }


def test_averaged_weights_are_what_is_exported(tmp_path: Path, trunk: Path) -> None:
    decoder = Decoder(TINY)
    average = WeightAverage(Decoder(TINY), 0.5)
    checkpoint = write_checkpoint(tmp_path, decoder, encoder=trunk, average=average)
    output = tmp_path / "decoder.safetensors"
    export_decoder(checkpoint, trunk, output, license=None)
    tensors, _ = read_tensors(output)
    assert tensors.keys() == decoder.state_dict().keys()
    for name, tensor in average.network.state_dict().items():
        assert torch.equal(tensors[name], tensor.half().float()), name


def test_a_checkpoint_of_a_run_with_another_encoder_is_an_error(
    tmp_path: Path, trunk: Path
) -> None:
    other = tmp_path / "other.safetensors"
    write_model(other, tmp_path / "unused.safetensors", seed=1)
    checkpoint = write_checkpoint(tmp_path, Decoder(TINY), encoder=other)
    output = tmp_path / "decoder.safetensors"
    with pytest.raises(
        InputError, match=r"checkpoint\.safetensors was trained for the encoder .*, not for trunk"
    ):
        export_decoder(checkpoint, trunk, output, license=None)
    assert not output.exists()


def test_a_license_is_said_only_if_it_is_known(tmp_path: Path, trunk: Path) -> None:
    output = tmp_path / "decoder.safetensors"
    checkpoint = write_checkpoint(tmp_path, Decoder(TINY), encoder=trunk)
    export_decoder(checkpoint, trunk, output, license=None)
    assert "license" not in read_tensors(output)[1]


def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path: Path, trunk: Path) -> None:
    with pytest.raises(InputError, match="not a training checkpoint"):
        export_decoder(trunk, trunk, tmp_path / "decoder.safetensors", license=None)


def test_a_checkpoint_for_another_architecture_is_an_error(tmp_path: Path, trunk: Path) -> None:
    deeper = Architecture(depths=(2, 2, 4, 1), widths=TINY.widths)
    checkpoint = write_checkpoint(tmp_path, Decoder(deeper), encoder=trunk)
    output = tmp_path / "decoder.safetensors"
    with pytest.raises(InputError, match=r"checkpoint\.safetensors does not fit"):
        export_decoder(checkpoint, trunk, output, license=None)
    assert not output.exists()


@pytest.mark.parametrize("start", ["decoder.", "optimizer.", "ema."])
def test_numbers_that_are_none_are_refused_with_their_tensor(tmp_path: Path, start: str) -> None:
    network, _, average = saved(tmp_path)
    with safe_open(tmp_path / NAME, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    name = next(name for name, tensor in tensors.items() if name.startswith(start) and tensor.ndim)
    tensors[name].view(-1)[0] = float("nan")
    write_tensors(tmp_path / NAME, tensors, metadata)
    with pytest.raises(InputError, match=rf"is damaged: tensor {name} holds nan"):
        load(tmp_path, network, average)

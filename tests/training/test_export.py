"""From a training checkpoint to a decoder file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from adain_nodes.host.errors import InputError
from adain_nodes.host.processes import World
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Architecture
from adain_nodes.models.weights.store import ModelFiles, load_networks
from adain_nodes.models.weights.tensors import identify, read_tensors
from adain_nodes.training.averaging import WeightAverage
from adain_nodes.training.checkpoint import save_checkpoint
from adain_nodes.training.export import export_decoder
from adain_nodes.training.optimizer import Optimizer

from ..models.tiny_models import TINY, write_model


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
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
        average=average,
        encoder=identity,
        options={"crop": 96},
    )
    return folder / "checkpoint.safetensors"


def test_the_decoder_is_written_in_fp16_and_names_its_encoder(
    tmp_path: Path, encoder: Path
) -> None:
    decoder = Decoder(TINY)
    checkpoint = write_checkpoint(tmp_path, decoder, encoder=encoder)
    output = tmp_path / "decoder.safetensors"
    export_decoder(checkpoint, encoder, output, license="MIT")
    _, loaded, identity = load_networks(ModelFiles("mine", encoder, output, "trunk"))
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


def test_averaged_weights_are_what_is_exported(tmp_path: Path, encoder: Path) -> None:
    decoder = Decoder(TINY)
    average = WeightAverage(Decoder(TINY), 0.5)
    checkpoint = write_checkpoint(tmp_path, decoder, encoder=encoder, average=average)
    output = tmp_path / "decoder.safetensors"
    export_decoder(checkpoint, encoder, output, license=None)
    tensors, _ = read_tensors(output)
    assert tensors.keys() == decoder.state_dict().keys()
    for name, tensor in average.network.state_dict().items():
        assert torch.equal(tensors[name], tensor.half().float()), name


def test_a_checkpoint_of_a_run_with_another_encoder_is_an_error(
    tmp_path: Path, encoder: Path
) -> None:
    other = tmp_path / "other.safetensors"
    write_model(other, tmp_path / "unused.safetensors", seed=1)
    checkpoint = write_checkpoint(tmp_path, Decoder(TINY), encoder=other)
    output = tmp_path / "decoder.safetensors"
    with pytest.raises(InputError, match=r"checkpoint\.safetensors .*trunk\.safetensors has"):
        export_decoder(checkpoint, encoder, output, license=None)
    assert not output.exists()


def test_a_license_is_said_only_if_it_is_known(tmp_path: Path, encoder: Path) -> None:
    output = tmp_path / "decoder.safetensors"
    checkpoint = write_checkpoint(tmp_path, Decoder(TINY), encoder=encoder)
    export_decoder(checkpoint, encoder, output, license=None)
    assert "license" not in read_tensors(output)[1]


def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path: Path, encoder: Path) -> None:
    with pytest.raises(InputError, match="not a training checkpoint"):
        export_decoder(encoder, encoder, tmp_path / "decoder.safetensors", license=None)


def test_a_checkpoint_for_another_architecture_is_an_error(tmp_path: Path, encoder: Path) -> None:
    deeper = Architecture(depths=(2, 2, 4, 1), widths=TINY.widths)
    checkpoint = write_checkpoint(tmp_path, Decoder(deeper), encoder=encoder)
    output = tmp_path / "decoder.safetensors"
    with pytest.raises(InputError, match=r"checkpoint\.safetensors does not fit"):
        export_decoder(checkpoint, encoder, output, license=None)
    assert not output.exists()

"""Loading of a model."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from adain_nodes.host.devices import chosen_device
from adain_nodes.host.errors import InputError
from adain_nodes.host.options import Precision
from adain_nodes.models.model import Model, load_model, load_networks
from adain_nodes.models.weights.store import ModelFiles
from adain_nodes.models.weights.tensors import read_tensors, write_tensors

from .tiny_models import write_model


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_networks_compute_in_the_precision_asked_for(
    tiny_model_folder: Path, precision: Precision, dtype: torch.dtype
) -> None:
    model = load_model(tiny_model_folder, precision=precision)
    assert model.dtype == dtype
    for network in (model.encoder.load(), model.decoder.load()):
        for parameter in network.parameters():
            assert parameter.dtype == dtype
            assert not parameter.requires_grad


def test_a_model_loaded_in_inference_mode_can_take_part_in_gradients(
    tiny_model_folder: Path,
) -> None:
    with torch.inference_mode():
        model = load_model(tiny_model_folder, precision="fp32")
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    model.encoder.load()(picture).sum().backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0


def test_models_of_the_same_files_share_their_networks(tiny_model_folder: Path) -> None:
    def load(**options: Any) -> Model:
        return load_model(tiny_model_folder, device="cpu", **options)

    first, again = load(precision="fp32"), load(precision="fp32", tile_size=64)
    assert again.encoder is first.encoder
    assert again.decoder is first.decoder
    assert (first.tile_size, again.tile_size) == (0, 64)
    assert load(precision="bf16").encoder is not first.encoder


def test_a_file_that_has_changed_is_loaded_anew(tiny_model_folder: Path) -> None:
    first = load_model(tiny_model_folder, precision="fp32", device="cpu")
    path = tiny_model_folder / "decoder.safetensors"
    tensors, metadata = read_tensors(path)
    tensors["conv1_1.bias"] = tensors["conv1_1.bias"] + 1
    write_tensors(path, tensors, metadata)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
    second = load_model(tiny_model_folder, precision="fp32", device="cpu")
    before, after = (
        model.decoder.load().get_parameter("conv1_1.bias") for model in (first, second)
    )
    torch.testing.assert_close(after, before + 1)


def test_a_negative_tile_size_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(InputError, match="-8"):
        load_model(tiny_model_folder, tile_size=-8)


@pytest.mark.parametrize("device", ["cpu", "auto", None, torch.device("cpu")])
def test_a_device_is_a_word_or_an_object(
    tiny_model_folder: Path, device: str | torch.device | None
) -> None:
    model = load_model(tiny_model_folder, device=device)
    assert model.name == str(tiny_model_folder)
    expected = chosen_device("auto") if device in ("auto", None) else torch.device("cpu")
    assert model.encoder.device == model.decoder.device == expected


def test_an_unknown_device_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(InputError, match="device tpu is unknown; there are auto, cpu"):
        load_model(tiny_model_folder, device="tpu")


def files_in(folder: Path) -> ModelFiles:
    return ModelFiles(folder / "encoder.safetensors", folder / "decoder.safetensors", folder.name)


def written(folder: Path, *, seed: int) -> Path:
    write_model(folder / "encoder.safetensors", folder / "decoder.safetensors", seed=seed)
    return folder


def test_networks_are_fp32_frozen_and_usable_in_a_gradient(tmp_path: Path) -> None:
    home = written(tmp_path / "home", seed=1)
    with torch.inference_mode():
        encoder, decoder, identity = load_networks(files_in(home))
    assert decoder is not None
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    decoder(encoder(picture)).sum().backward()
    assert picture.grad is not None
    parameters = [*encoder.parameters(), *decoder.parameters()]
    assert {parameter.dtype for parameter in parameters} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in parameters)
    assert identity.name == "home"


def test_a_decoder_for_another_encoder_is_an_error_that_names_both(tmp_path: Path) -> None:
    one = written(tmp_path / "one", seed=1)
    two = written(tmp_path / "two", seed=2)
    shutil.copy(two / "decoder.safetensors", one)
    with pytest.raises(InputError, match=r"trained for the encoder tiny .* is one \("):
        load_networks(files_in(one))


def test_a_decoder_that_names_no_encoder_is_taken_if_its_shapes_fit(tmp_path: Path) -> None:
    home = written(tmp_path / "home", seed=1)
    path = home / "decoder.safetensors"
    tensors, _ = read_tensors(path)
    write_tensors(path, tensors, {})
    load_networks(files_in(home))
    tensors.pop("conv1_1.bias")
    write_tensors(path, tensors, {})
    with pytest.raises(InputError, match=r"home/decoder\.safetensors: .*conv1_1\.bias"):
        load_networks(files_in(home))

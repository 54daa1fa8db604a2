"""Loading of a model."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import Precision
from adain_nodes.models.model import Model, load_model
from adain_nodes.models.weights.tensors import read_tensors, write_tensors


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_networks_compute_in_the_precision_asked_for(
    tiny_model_folder: Path, precision: Precision, dtype: torch.dtype
) -> None:
    model = load_model(str(tiny_model_folder), precision=precision)
    assert model.dtype == dtype
    for network in (model.encoder.load(), model.decoder.load()):
        for parameter in network.parameters():
            assert parameter.dtype == dtype
            assert not parameter.requires_grad


def test_a_model_loaded_in_inference_mode_can_take_part_in_gradients(
    tiny_model_folder: Path,
) -> None:
    with torch.inference_mode():
        model = load_model(str(tiny_model_folder), precision="fp32")
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    model.encoder.load()(picture).sum().backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0


def test_models_of_the_same_files_share_their_networks(tiny_model_folder: Path) -> None:
    def load(**options: Any) -> Model:
        return load_model(str(tiny_model_folder), device=torch.device("cpu"), **options)

    first, again = load(precision="fp32"), load(precision="fp32", tile_size=64)
    assert again.encoder is first.encoder
    assert again.decoder is first.decoder
    assert (first.tile_size, again.tile_size) == (0, 64)
    assert load(precision="bf16").encoder is not first.encoder


def test_a_file_that_has_changed_is_loaded_anew(tiny_model_folder: Path) -> None:
    device = torch.device("cpu")
    first = load_model(str(tiny_model_folder), precision="fp32", device=device)
    path = tiny_model_folder / "decoder.safetensors"
    tensors, metadata = read_tensors(path)
    tensors["conv1_1.bias"] = tensors["conv1_1.bias"] + 1
    write_tensors(path, tensors, metadata)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
    second = load_model(str(tiny_model_folder), precision="fp32", device=device)
    before, after = (
        model.decoder.load().get_parameter("conv1_1.bias") for model in (first, second)
    )
    torch.testing.assert_close(after, before + 1)


def test_a_negative_tile_size_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(InputError, match="-8"):
        load_model(str(tiny_model_folder), tile_size=-8)

"""Loading of a model."""

from pathlib import Path

import pytest
import torch

from adain_nodes.host import Precision
from adain_nodes.model import load_model


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

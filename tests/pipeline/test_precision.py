"""The shipped weights in half precision."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from adain_nodes.files.pictures import read_picture
from adain_nodes.host.options import Precision
from adain_nodes.models.model import load_model
from adain_nodes.pipeline.transfer import decode, encode, style_of, transfer

IMAGES = Path(__file__).parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def exact() -> Tensor:
    return stylized("fp32")


def stylized(precision: Precision) -> Tensor:
    model = load_model(precision=precision, device=torch.device("cpu"))
    content, art = (
        read_picture(IMAGES / name) for name in ("content-cat.jpg", "style-stained-glass.jpg")
    )
    features = encode(model, content, shorter_side=96)
    return decode(model, transfer(features, style_of(model, art, shorter_side=96)))


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_does_not_show(exact: Tensor, precision: Precision) -> None:
    error = (stylized(precision) - exact).square().mean().item()
    assert error > 0
    assert -10 * math.log10(error) >= 40

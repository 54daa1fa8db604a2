"""The plain implementation gives what ours gives: what the benchmark compares is the same work."""

from __future__ import annotations

import pytest
import torch

from adain_nodes.cli.plain_networks import PlainModel, plain
from adain_nodes.models.model import Model
from adain_nodes.pipeline.transfer import decode, encode, style_of, transfer


@pytest.mark.parametrize("size", [(16, 24), (21, 30)])
def test_it_gives_the_same_picture(model: Model, size: tuple[int, int]) -> None:
    content, art = torch.rand(1, *size, 3), torch.rand(1, 40, 24, 3)
    expected = decode(model, transfer(encode(model, content), style_of(model, art)))
    torch.testing.assert_close(PlainModel(model)(content, art), expected)


def test_it_computes_in_fp32_whatever_the_model_does(model: Model) -> None:
    encoder, decoder = model.encoder.load(), model.decoder.load()
    picture = torch.rand(1, 3, 16, 16)
    expected = encoder(picture)
    encoder.to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    decoder.to(torch.bfloat16)
    features = plain(encoder)(picture)
    assert features.dtype == plain(decoder)(features).dtype == torch.float32
    assert features.is_contiguous()
    torch.testing.assert_close(features, expected, rtol=0.05, atol=0.02)

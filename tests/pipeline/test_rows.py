from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.pipeline import rows
from adain_nodes.pipeline.types import Features

ONE = EncoderIdentity("1" * 64, "one")


def test_features_are_computed_a_few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    features = Features(torch.randn(2, 4, 5, 3), (40, 24), None, ONE)
    monkeypatch.setattr(rows, "BLOCK_ELEMENTS", 2 * 4 * 3 * 2)
    heights = []

    def doubled(part: slice) -> Tensor:
        result = 2 * features.values[:, :, part]
        heights.append(result.shape[2])
        return result

    result = rows.computed(features, doubled)
    assert torch.equal(result.values, 2 * features.values)
    assert result.values.is_contiguous(memory_format=torch.channels_last)
    assert (result.size, result.encoder) == (features.size, features.encoder)
    assert heights == [2, 2, 1]

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adain_nodes.models.conversion.folding import fold_affine, fold_input
from adain_nodes.models.networks.vgg import Encoder

from ..layers import pre_activations

MEAN, STD = [0.4, 0.45, 0.5], [0.2, 0.25, 0.3]


@pytest.fixture
def tensors(encoder: Encoder) -> dict[str, Tensor]:
    return dict(encoder.state_dict())


@pytest.mark.parametrize("bgr", [False, True])
def test_folding_equals_normalising_first(tensors: dict[str, Tensor], bgr: bool) -> None:
    picture = torch.rand(2, 3, 17, 13)
    channels = picture[:, [2, 1, 0]] if bgr else picture
    normalised = torch.stack(
        [(channels[:, i].double() - MEAN[i]) / STD[i] for i in range(3)], dim=1
    )
    expected = pre_activations(tensors, normalised)["conv4_1"].relu()
    folded = Encoder.from_tensors(fold_input(tensors, mean=MEAN, std=STD, bgr=bgr))
    torch.testing.assert_close(folded(picture).detach(), expected.float(), rtol=1e-4, atol=1e-4)


def test_folding_equals_mixing_the_channels_first(tensors: dict[str, Tensor]) -> None:
    matrix, offset = torch.randn(3, 3), torch.randn(3)
    picture = torch.rand(2, 3, 17, 13)
    mixed = torch.einsum("ij,bjhw->bihw", matrix, picture) + offset[:, None, None]
    expected = pre_activations(tensors, mixed)["conv4_1"].relu()
    folded = Encoder.from_tensors(fold_affine(tensors, matrix=matrix, offset=offset))
    torch.testing.assert_close(folded(picture).detach(), expected.float(), rtol=1e-4, atol=1e-4)

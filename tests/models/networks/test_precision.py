from __future__ import annotations

import pytest
import torch

from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.precision import convert, rounded
from adain_nodes.models.networks.vgg import VGG16, Architecture, Encoder

TINY = Architecture(VGG16.depths, (4, 6, 8, 10))
HALF = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", HALF)
def test_the_sum_of_a_rounded_kernel_stays(dtype: torch.dtype) -> None:
    kernels = torch.randn(200, 3, 3, 3)
    result = rounded(kernels, dtype)
    assert result.dtype == dtype
    exact, plain = kernels.double().sum((1, 2, 3)), kernels.to(dtype).double().sum((1, 2, 3))
    error = (result.double().sum((1, 2, 3)) - exact).abs()
    half_a_step = torch.finfo(dtype).eps / 2 * 4  # of taps below 4
    assert error.max() <= half_a_step
    assert error.mean() < (plain - exact).abs().mean() / 2


@pytest.mark.parametrize("dtype", HALF)
def test_every_tap_is_off_by_no_more_than_two_roundings(dtype: torch.dtype) -> None:
    kernels = torch.randn(50, 3, 3, 3)
    error = (rounded(kernels, dtype).float() - kernels).abs()
    assert error.max() <= 2 * torch.finfo(dtype).eps / 2 * 4


@pytest.mark.parametrize("kind", [Encoder, Decoder])
@pytest.mark.parametrize("dtype", [*HALF, torch.float32])
def test_only_the_first_kernels_of_an_encoder_are_rounded_in_another_way(
    kind: type[Encoder] | type[Decoder], dtype: torch.dtype
) -> None:
    network = kind(TINY)
    network.load_state_dict({name: torch.randn_like(p) for name, p in network.named_parameters()})
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    convert(network, dtype)
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == dtype
        if tensor.ndim == 4:
            assert tensor.is_contiguous(memory_format=torch.channels_last)
        plain = before[name].to(dtype)
        diffused = isinstance(network, Encoder) and name == "conv1_1.weight"
        same = diffused and dtype != torch.float32
        assert torch.equal(tensor, plain) != same

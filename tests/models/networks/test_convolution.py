"""The function that networks are trained with, against PyTorch's own operators."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.models.networks.convolution import (
    MirroredConv2d,
    mirrored_convolution,
    with_border,
)

MODES = {3: "reflect", 2: "replicate"}


def plain(x: Tensor, weight: Tensor, bias: Tensor, *, relu: bool) -> Tensor:
    y = F.conv2d(F.pad(x, (1,) * 4, mode=MODES[weight.shape[2]]), weight, bias)
    return F.relu(y) if relu else y


def random_inputs(side: int, size: tuple[int, int], dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(side)
    shapes = (2, 3, *size), (4, 3, side, side), (4,)
    return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]


@pytest.mark.usefixtures("with_and_without_onednn")
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("side", [3, 2])
@pytest.mark.parametrize("size", [(2, 2), (3, 2), (5, 7)])
def test_values_and_gradients_are_those_of_padding_convolution_and_relu(
    size: tuple[int, int], side: int, relu: bool
) -> None:
    inputs = [tensor.requires_grad_() for tensor in random_inputs(side, size, torch.float32)]
    result = mirrored_convolution(*inputs, relu=relu)
    expected = plain(*inputs, relu=relu)
    torch.testing.assert_close(result, expected)
    slope = torch.randn(result.shape)
    gradients = torch.autograd.grad(result, inputs, slope)
    for gradient, wanted in zip(
        gradients, torch.autograd.grad(expected, inputs, slope), strict=True
    ):
        torch.testing.assert_close(gradient, wanted)


@pytest.mark.parametrize("side", [3, 2])
def test_gradients_are_those_of_finite_differences(side: int) -> None:
    inputs = [tensor.requires_grad_() for tensor in random_inputs(side, (3, 4), torch.float64)]
    assert torch.autograd.gradcheck(
        lambda *tensors: mirrored_convolution(*tensors, relu=True), inputs
    )


@pytest.mark.parametrize("frozen", ["map", "kernel", "all but the bias"])
def test_what_is_frozen_needs_no_gradient(frozen: str) -> None:
    x, weight, bias = random_inputs(3, (4, 5), torch.float32)
    asked = {"map": [weight, bias], "kernel": [x], "all but the bias": [bias]}[frozen]
    for tensor in asked:
        tensor.requires_grad_()
    loss = mirrored_convolution(x, weight, bias, relu=True).square().sum()
    gradients = torch.autograd.grad(loss, asked)
    expected = torch.autograd.grad(plain(x, weight, bias, relu=True).square().sum(), asked)
    for gradient, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, wanted)


def test_a_map_in_half_precision_has_a_kernel_in_fp32() -> None:
    x, weight, bias = random_inputs(3, (6, 6), torch.float32)
    x = x.bfloat16()
    weight.requires_grad_()
    result = mirrored_convolution(x, weight, bias, relu=True)
    assert result.dtype == torch.bfloat16
    expected = plain(x.float(), weight.bfloat16().float(), bias.bfloat16().float(), relu=True)
    torch.testing.assert_close(result.float(), expected, rtol=1e-2, atol=1e-2)
    (gradient,) = torch.autograd.grad(result.float().sum(), [weight])
    (wanted,) = torch.autograd.grad(expected.sum(), [weight])
    assert gradient.dtype == torch.float32
    torch.testing.assert_close(gradient, wanted, rtol=2e-2, atol=0.2)


def test_gradients_of_others_are_left_alone() -> None:
    x, weight, bias = random_inputs(3, (4, 4), torch.float32)
    x.requires_grad_()
    y = mirrored_convolution(x, weight, bias, relu=True)
    slope = torch.randn(y.shape)
    kept = slope.clone()
    torch.autograd.grad(y, x, slope)
    assert torch.equal(slope, kept)


@pytest.mark.parametrize("reach", [1, 2])
@pytest.mark.parametrize("size", [(2, 2), (5, 3)])
def test_borders_mirror(size: tuple[int, int], reach: int) -> None:
    x = torch.randn(2, 3, *size)
    expected = F.pad(x, (1,) * 4, mode=MODES[reach + 1])
    assert torch.equal(with_border(x, reach), expected)


def test_maps_stay_channels_last() -> None:
    layer = MirroredConv2d(8, 16)
    y = layer(torch.randn(2, 8, 5, 6))
    assert tuple(y.shape) == (2, 16, 5, 6)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert y.min() == 0

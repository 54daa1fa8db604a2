"""Convolutions with mirrored borders and ReLU, as networks are trained with them.

One autograd function does border, convolution and ReLU: done one by one, they cost three times as
much as its matrix products. `inference` and `bands` do the same without gradients, band by band.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import onednn


class MirroredConv2d(nn.Conv2d):
    """A 3x3 convolution after reflection padding by 1, with its ReLU.

    Args:
        inputs: channels of the map.
        outputs: channels of the result.
        relu: whether ReLU follows.
    """

    def __init__(self, inputs: int, outputs: int, *, relu: bool = True) -> None:
        super().__init__(inputs, outputs, 3)
        self.relu = relu

    def forward(self, input: Tensor) -> Tensor:
        """[B,C,h,w], both sides at least 2, to [B,C',h,w] in the same precision."""
        assert self.bias is not None
        return mirrored_convolution(input, self.weight, self.bias, relu=self.relu)


def mirrored_convolution(x: Tensor, weight: Tensor, bias: Tensor, *, relu: bool) -> Tensor:
    """Gives a map a border of one row and column on every side and convolves it.

    Differentiable once, with respect to each tensor.

    Args:
        x: the map, [B,I,h,w]. The result has its precision.
        weight: [O,I,3,3], for which the border reflects the map, or [O,I,2,2], for which it repeats
            the edge; in any precision.
        bias: [O], in any precision.
        relu: whether ReLU follows.

    Returns:
        [B,O,h,w] for 3x3, [B,O,h+1,w+1] for 2x2, channels last.
    """
    result: Tensor = _MirroredConvolution.apply(x, weight, bias, relu)  # type: ignore[no-untyped-call]
    return result


class _MirroredConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, relu: bool) -> Tensor:
        reach = weight.shape[2] - 1
        kernel = weight.to(x.dtype, memory_format=torch.channels_last)
        padded = with_border(x, reach)
        if onednn.is_available(x):
            y = onednn.convolution(padded, kernel, bias.to(x.dtype), relu=relu)
        else:
            y = F.conv2d(padded, kernel, bias.to(x.dtype))
            if relu:
                y = y.relu_()
        # Only the gradient of the kernel needs the input.
        ctx.save_for_backward(padded if weight.requires_grad else None, kernel, y if relu else None)
        ctx.shape = padded.shape
        ctx.precisions = weight.dtype, bias.dtype
        return y

    @staticmethod
    def backward(
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        padded, kernel, y = ctx.saved_tensors
        if y is not None:
            grad = torch.ops.aten.threshold_backward(grad, y, 0)
        needs_x, needs_weight, needs_bias, _ = ctx.needs_input_grad
        if padded is None:
            padded = grad.new_empty(()).expand(ctx.shape)
        grad_x, grad_weight, grad_bias = torch.ops.aten.convolution_backward(
            grad, padded, kernel, [kernel.shape[0]],
            [1, 1], [0, 0], [1, 1], False, [0, 0], 1,
            [needs_x, needs_weight, needs_bias],
        )  # fmt: skip
        if needs_x:
            grad_x = without_border(grad_x, kernel.shape[2] - 1)
        of_weight, of_bias = ctx.precisions
        return (
            grad_x,
            grad_weight.to(of_weight) if needs_weight else None,
            grad_bias.to(of_bias) if needs_bias else None,
            None,
        )


def with_border(x: Tensor, reach: int) -> Tensor:
    """A map with a border of one row and column on every side, each a copy of the row or column
    `reach` away from it.

    Args:
        x: [B,C,h,w], both sides at least `reach`.
        reach: 2 reflects, 1 repeats the edge.

    Returns:
        [B,C,h+2,w+2], channels last.
    """
    batch, channels, height, width = x.shape
    result = x.new_empty(batch, height + 2, width + 2, channels).permute(0, 3, 1, 2)
    rows = result[:, :, 1:-1]
    rows[..., 1:-1] = x
    rows[..., 0] = rows[..., reach]
    rows[..., -1] = rows[..., -1 - reach]
    result[:, :, 0] = result[:, :, reach]
    result[:, :, -1] = result[:, :, -1 - reach]
    return result


def without_border(grad: Tensor, reach: int) -> Tensor:
    """The gradient of `with_border`, made in place."""
    grad[:, :, reach] += grad[:, :, 0]
    grad[:, :, -1 - reach] += grad[:, :, -1]
    rows = grad[:, :, 1:-1]
    rows[..., reach] += rows[..., 0]
    rows[..., -1 - reach] += rows[..., -1]
    return rows[..., 1:-1]

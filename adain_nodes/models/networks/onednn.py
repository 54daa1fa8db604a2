"""PyTorch's convolutions with fused ReLU for CPUs.

They are private to PyTorch's compiler: a release may rename them or change what they take, so
`is_available` tries them before they are used.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor


def is_available(tensor: Tensor) -> bool:
    """Whether there is a fused convolution for a tensor's device and precision."""
    if tensor.device.type != "cpu" or tensor.dtype not in (torch.float32, torch.bfloat16):
        return False
    return _works(tensor.dtype)


@cache
def _works(dtype: torch.dtype) -> bool:
    kernel, bias = torch.ones(1, 1, 1, 1, dtype=dtype), torch.zeros(1, dtype=dtype)
    x = torch.tensor([-1.0, 2.0], dtype=dtype).reshape(1, 1, 1, 2)
    try:
        if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return False
        return torch.equal(convolution(x, packed(kernel), bias, relu=True), x.clamp(min=0))
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False


def packed(weight: Tensor) -> Tensor:
    """A kernel [O,I,kh,kw] in oneDNN's own order, for `convolution` to use many times."""
    # The order does not depend on the size of the map.
    size = [1, weight.shape[1], 64, 64]
    result: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
        weight, (0, 0), (1, 1), (1, 1), 1, size
    )
    return result


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, relu: bool = False, padding: int = 0
) -> Tensor:
    """A convolution and its ReLU; not differentiable.

    Args:
        x: [B,I,h,w].
        weight: [O,I,kh,kw], or what `packed` returns.
        bias: [O]; none if absent.
        relu: whether ReLU follows.
        padding: rows and columns of zeros on every side.

    Returns:
        [B,O,h-kh+1+2 padding,w-kw+1+2 padding].
    """
    fused = "relu" if relu else "none"
    result: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, (padding, padding), (1, 1), (1, 1), 1, fused, [], ""
    )
    return result

"""Networks in half precision.

Rounding the kernels of conv1_1 to bf16 shows: they are differences between neighbours and between
colours, of pixels that differ little. Wrong sums shift every channel with brightness, and AdaIN
amplifies that where the content has little contrast: 36 dB against fp32 on a picture with much sky.
Rounded so that their sums stay, they leave 61 dB. No other layer matters; rounding the picture
does, see `inference.MIDDLE`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .decoder import Decoder
from .vgg import Encoder


def convert(network: Encoder | Decoder, dtype: torch.dtype) -> None:
    """Brings a network from fp32 to another precision, and to channels last, in place."""
    first = network.get_parameter("conv1_1.weight")
    kernels = first.detach().clone()
    network.to(dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if isinstance(network, Encoder):
        with torch.no_grad():
            network.get_parameter("conv1_1.weight").copy_(rounded(kernels, dtype))


def rounded(kernels: Tensor, dtype: torch.dtype) -> Tensor:
    """Kernels [O,I,3,3] in another precision, where each tap makes up for the error of those before
    it, so that the sum of a kernel is off by the rounding of one tap at most."""
    taps = kernels.flatten(1)
    result = torch.empty_like(taps, dtype=dtype)
    error = torch.zeros_like(taps[:, 0])
    for index in range(taps.shape[1]):
        wanted = taps[:, index] + error
        result[:, index] = wanted
        error = wanted - result[:, index]
    return result.view_as(kernels)

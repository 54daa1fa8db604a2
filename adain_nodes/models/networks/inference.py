"""Encoder and decoder as steps prepared for inference.

They compute what `Encoder.forward` and `Decoder.forward` do, up to rounding, without gradients and
in less time:

- The kernels that `upsampling` folds are folded once.
- On CPUs, kernels are kept in the order that oneDNN wants, and ReLU is part of the convolution.

An encoder's first step takes pictures minus `MIDDLE`: half precision is finest around 0, and
rounding bright pixels costs 13 dB more than rounding their distance from grey.

A step does no padding: it takes its input with a border, which `bands` keeps up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import onednn
from .decoder import Decoder
from .upsampling import UpsampledConv2d, folded, interleaved
from .vgg import Encoder

MIDDLE = 0.5
"""Value to subtract from pictures in 0..1, in fp32, before they go into an encoder's steps."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with its bias and ReLU."""

    reach: int
    """Rows and columns that the kernel reaches beyond a position: 2 for 3x3, 1 for 2x2. The border
    of its input repeats the row `reach` away: a reflection for 3x3, the edge itself for 2x2."""

    scale: int
    """2 if it upsamples, else 1."""

    compute: Callable[[Tensor], Tensor]
    """Function from [B,C,h+reach,w+reach] to [B,C',h,w], channels last; where it upsamples, C'
    counts the pixels of a cell, too."""

    adjoint: Callable[[Tensor], Tensor]
    """The gradient with respect to its input, given that with respect to its output before ReLU;
    shapes as for `compute`, the other way round."""

    def __call__(self, x: Tensor) -> Tensor:
        """[B,C,h+reach,w+reach] to [B,C',scale h,scale w], channels last.

        Where it upsamples, the result starts as `upsampling.interleaved` says.
        """
        y = self.compute(x)
        return y if self.scale == 1 else interleaved(y)


@dataclass(frozen=True)
class Pooling:
    """The maximum of 2x2 cells, in ceil mode."""


Step = Convolution | Pooling


def prepared(network: Encoder | Decoder) -> Sequence[Step]:
    """The steps of a network, in order; made once and kept until its tensors have changed or moved.
    So 6 MB in 16 bits stay on a device that the host has moved the network away from."""
    state = [_state(parameter) for parameter in network.parameters()]
    kept = _prepared.get(network)
    if kept is None or kept[0] != state:
        with torch.no_grad():
            kept = state, _steps(network)
        _prepared[network] = kept
    return kept[1]


def taps(encoder: Sequence[Step]) -> list[int]:
    """Indices of an encoder's steps that give relu1_1, relu2_1, relu3_1 and relu4_1."""
    pools = [index for index, step in enumerate(encoder) if isinstance(step, Pooling)]
    return [0, *(index + 1 for index in pools)]


def _state(tensor: Tensor) -> tuple[int, torch.dtype, torch.device, int]:
    """Differs when the tensor has been changed or moved."""
    # A host that moves networks in inference mode leaves tensors that count no changes.
    version = 0 if tensor.is_inference() else tensor._version
    return tensor.data_ptr(), tensor.dtype, tensor.device, version


_prepared: WeakKeyDictionary[nn.Module, tuple[list[Any], Sequence[Step]]] = WeakKeyDictionary()


def _steps(network: Encoder | Decoder) -> list[Step]:
    encodes = isinstance(network, Encoder)
    architecture = network.architecture
    steps: list[Step] = []
    for layer in architecture.encoder_layers() if encodes else architecture.decoder_layers():
        if layer.pools:
            steps.append(Pooling())
        middle = MIDDLE if encodes and not steps else 0.0
        convolution = network.get_submodule(layer.name)
        steps.append(_convolution(convolution, relu=layer.relu, middle=middle))
    return steps


def _convolution(convolution: nn.Module, *, relu: bool, middle: float) -> Convolution:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    weight, bias = convolution.weight.detach(), convolution.bias.detach()
    if middle:
        bias = (bias.float() + middle * weight.float().sum((1, 2, 3))).to(bias.dtype)
    upsamples = isinstance(convolution, UpsampledConv2d)
    if upsamples:
        weight, bias = folded(weight), bias.repeat(4)
    weight = weight.contiguous(memory_format=torch.channels_last)
    reach = weight.shape[2] - 1
    turned = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
    return Convolution(
        reach,
        2 if upsamples else 1,
        _computed(weight, bias, relu=relu),
        _computed(turned, None, padding=reach),
    )


def _computed(
    weight: Tensor, bias: Tensor | None, *, relu: bool = False, padding: int = 0
) -> Callable[[Tensor], Tensor]:
    if onednn.is_available(weight):
        packed = onednn.packed(weight)
        return lambda x: onednn.convolution(x, packed, bias, relu=relu, padding=padding)

    def compute(x: Tensor) -> Tensor:
        y = F.conv2d(x, weight, bias, padding=padding)
        return F.relu_(y) if relu else y

    return compute

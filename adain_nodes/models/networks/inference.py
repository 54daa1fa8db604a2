"""The layers of encoder and decoder, prepared for inference.

They give the numbers of `Encoder.forward` and `Decoder.forward` up to rounding, without gradients
and in less time:

- The kernels that `upsampling` folds are folded once.
- On CPUs, kernels are kept in the order that oneDNN wants, and ReLU is part of the convolution.

An encoder's first layer takes pictures minus `MIDDLE`: half precision is finest around 0, and
rounding bright pixels costs 13 dB more than rounding their distance from grey.

A layer does no padding: it takes its input with a border, which `tiling` keeps up to date.
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
"""What is to be subtracted from pictures in 0..1, in fp32, before they go into an encoder."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with its bias and ReLU."""

    reach: int
    """How many rows and columns the kernel reaches back, 2 for 3x3, 1 for 2x2. The border of its
    input is the map itself, mirrored so that it takes up the row `reach` away: a reflection for
    3x3, a repetition for 2x2."""

    scale: int
    """2 where it upsamples, else 1."""

    compute: Callable[[Tensor], Tensor]
    """[B,C,h+reach,w+reach] to [B,C',h,w], channels last; C' counts the pixels of a cell, where it
    upsamples."""

    def __call__(self, x: Tensor) -> Tensor:
        """[B,C,h+reach,w+reach] to [B,C',scale h,scale w], channels last.

        Where it upsamples, the result starts as `upsampling.interleaved` says.
        """
        y = self.compute(x)
        return y if self.scale == 1 else interleaved(y)


@dataclass(frozen=True)
class Pooling:
    """The maximum of 2x2 cells, in ceil mode."""


Layer = Convolution | Pooling


def prepared(network: Encoder | Decoder) -> Sequence[Layer]:
    """The layers of a network, in order; made once and kept until it is used with changed or moved
    tensors. So 6 MB in 16 bits stay on a device that its host has moved it from."""
    state = [_state(parameter) for parameter in network.parameters()]
    kept = _prepared.get(network)
    if kept is None or kept[0] != state:
        with torch.no_grad():
            layers = list(_layers(network))
        kept = state, layers
        _prepared[network] = kept
    return kept[1]


def taps(encoder: Sequence[Layer]) -> list[int]:
    """Where an encoder's prepared layers give relu1_1, relu2_1, relu3_1 and relu4_1: indices."""
    pools = [index for index, layer in enumerate(encoder) if isinstance(layer, Pooling)]
    return [0, *(index + 1 for index in pools)]


def _state(tensor: Tensor) -> tuple[int, torch.dtype, torch.device, int]:
    """Differs when the tensor has been changed or moved."""
    # A host that moves networks in inference mode leaves tensors that count no changes.
    version = 0 if tensor.is_inference() else tensor._version
    return tensor.data_ptr(), tensor.dtype, tensor.device, version


_prepared: WeakKeyDictionary[nn.Module, tuple[list[Any], Sequence[Layer]]] = WeakKeyDictionary()


def _layers(network: Encoder | Decoder) -> Sequence[Layer]:
    encodes = isinstance(network, Encoder)
    architecture = network.architecture
    layers: list[Layer] = []
    names = architecture.encoder_layers() if encodes else architecture.decoder_layers()
    for name, _, _ in names:
        if encodes and name.endswith("_1") and name != "conv1_1":
            layers.append(Pooling())
        relu = encodes or name != "conv1_1"
        middle = MIDDLE if encodes and name == "conv1_1" else 0.0
        layers.append(_convolution(network.get_submodule(name), relu=relu, middle=middle))
    return layers


def _convolution(convolution: nn.Module, *, relu: bool, middle: float) -> Convolution:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    weight, bias = convolution.weight.detach(), convolution.bias.detach()
    if middle:
        bias = (bias.float() + middle * weight.float().sum((1, 2, 3))).to(bias.dtype)
    upsamples = isinstance(convolution, UpsampledConv2d)
    if upsamples:
        weight, bias = folded(weight), bias.repeat(4)
    weight = weight.contiguous(memory_format=torch.channels_last)
    return Convolution(weight.shape[2] - 1, 2 if upsamples else 1, _computed(weight, bias, relu))


def _computed(weight: Tensor, bias: Tensor, relu: bool) -> Callable[[Tensor], Tensor]:
    if onednn.is_available(weight):
        packed = onednn.packed(weight)
        return lambda x: onednn.convolution(x, packed, bias, relu=relu)

    def compute(x: Tensor) -> Tensor:
        y = F.conv2d(x, weight, bias)
        return F.relu_(y) if relu else y

    return compute

"""The encoder f: VGG up to relu4_1 (paper, section 5.1), with taps for the losses.

One class covers VGG-16 and VGG-19: they differ only in how many convolutions the third block has,
and that is read off the tensors. Pictures come in as RGB in 0..1; whatever normalisation a set of
weights was trained with is folded into its first convolution when it is converted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ...host.errors import InputError
from .convolution import MirroredConv2d

STRIDE = 8
"""Pixels of the picture for each cell of the feature grid, per side."""

MIN_SIDE = 9
"""Smallest side of a picture in px: below it the last feature map has one cell a side, which
reflection padding cannot extend."""


@dataclass(frozen=True)
class Layer:
    """A 3x3 convolution with reflection padding, and what goes with it."""

    name: str
    """conv1_1 to conv4_1; its tensors are NAME.weight and NAME.bias."""

    inputs: int
    """Channels of its input."""

    outputs: int
    """Channels of its output."""

    stride: int
    """Pixels of the picture for each position of its output, per side: 1, 2, 4 or 8."""

    pools: bool = False
    """Whether 2x2 max pooling in ceil mode comes before it; in encoders only."""

    upsamples: bool = False
    """Whether nearest upsampling by 2 comes before it; in decoders only."""

    relu: bool = True
    """Whether ReLU follows."""

    tapped: bool = False
    """Whether its output after ReLU is one of relu1_1, relu2_1, relu3_1 and relu4_1, which the
    style loss compares (paper, equation 13)."""


@dataclass(frozen=True)
class Architecture:
    """Shape of an encoder and of the decoder that mirrors it."""

    depths: tuple[int, ...]
    """Convolutions in each block up to relu4_1: (2, 2, 3, 1) for VGG-16, (2, 2, 4, 1) for
    VGG-19."""

    widths: tuple[int, ...]
    """Channels of each block: (64, 128, 256, 512) for VGG."""

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Architecture:
        """Reads the architecture off the tensors of an encoder.

        Raises:
            InputError: the names are not conv1_1 ... conv4_1, or a shape does not fit them.
        """
        depths = []
        for block in range(1, 5):
            depth = 0
            while f"conv{block}_{depth + 1}.weight" in tensors:
                depth += 1
            depths.append(depth)
        if 0 in depths:
            raise InputError(
                "an encoder has convolutions conv1_1.weight to conv4_1.weight, found "
                f"{_abbreviated(tensors)}"
            )
        firsts = [f"conv{block}_1.weight" for block in range(1, 5)]
        for name in firsts:
            if tensors[name].ndim != 4:
                shape = tuple(tensors[name].shape)
                raise InputError(f"tensor {name} must have 4 dimensions, got shape {shape}")
        widths = tuple(tensors[name].shape[0] for name in firsts)
        # Encoders end at relu4_1: `check` calls a second convolution there superfluous.
        architecture = cls((*depths[:3], 1), widths)
        architecture.check(tensors, architecture.encoder_layers())
        return architecture

    def encoder_layers(self) -> Iterator[Layer]:
        """Every convolution of the encoder, in order."""
        channels = 3
        for block, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True)):
            for index in range(depth):
                yield Layer(
                    f"conv{block + 1}_{index + 1}",
                    channels,
                    width,
                    stride=2**block,
                    pools=index == 0 and block > 0,
                    tapped=index == 0,
                )
                channels = width

    def decoder_layers(self) -> Iterator[Layer]:
        """Every convolution of the mirrored decoder, in order: conv4_1 first, inputs and outputs
        swapped, upsampling where the encoder pools, no ReLU at the end."""
        layers = list(self.encoder_layers())
        upsamples = False
        for layer in reversed(layers):
            yield Layer(
                layer.name,
                layer.outputs,
                layer.inputs,
                stride=layer.stride,
                upsamples=upsamples,
                relu=layer is not layers[0],
            )
            upsamples = layer.pools

    def check(self, tensors: Mapping[str, Tensor], layers: Iterable[Layer]) -> None:
        """Checks that the tensors are exactly the kernels and biases of these layers.

        Raises:
            InputError: a tensor is missing, superfluous, or of the wrong shape.
        """
        expected: dict[str, tuple[int, ...]] = {}
        for layer in layers:
            expected[f"{layer.name}.weight"] = (layer.outputs, layer.inputs, 3, 3)
            expected[f"{layer.name}.bias"] = (layer.outputs,)
        if expected.keys() != tensors.keys():
            different = sorted(expected.keys() ^ tensors.keys())
            raise InputError(
                f"tensors {different} are missing or superfluous for depths {self.depths}"
            )
        for name, shape in expected.items():
            if tuple(tensors[name].shape) != shape:
                raise InputError(
                    f"tensor {name} has shape {tuple(tensors[name].shape)}, expected {shape}"
                )


VGG16 = Architecture(depths=(2, 2, 3, 1), widths=(64, 128, 256, 512))
VGG19 = Architecture(depths=(2, 2, 4, 1), widths=(64, 128, 256, 512))


class Encoder(nn.Module):
    """VGG to relu4_1 with reflection padding and ceil-mode pooling.

    Args:
        architecture: the layers that it has.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for layer in architecture.encoder_layers():
            self.add_module(layer.name, MirroredConv2d(layer.inputs, layer.outputs))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Encoder:
        """Builds an encoder around its tensors, as `Architecture.of` reads them."""
        encoder = cls(Architecture.of(tensors))
        encoder.load_state_dict(tensors)
        return encoder

    def forward(self, pictures: Tensor) -> Tensor:
        """Encodes pictures.

        Args:
            pictures: [B,3,H,W], RGB in 0..1, both sides at least `MIN_SIDE`.

        Returns:
            relu4_1, [B,C,ceil(H/8),ceil(W/8)], 0 and above.
        """
        x = pictures
        for _, activation in self._activations(pictures):
            x = activation
        return x

    def taps(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Like `forward`, but returns relu1_1, relu2_1, relu3_1 and relu4_1, the layers phi_i of
        the style loss (paper, equation 13)."""
        return tuple(x for layer, x in self._activations(pictures) if layer.tapped)

    def _activations(self, pictures: Tensor) -> Iterator[tuple[Layer, Tensor]]:
        """Every layer and its output after ReLU, in order."""
        x = pictures
        for layer in self.architecture.encoder_layers():
            if layer.pools:
                x = F.max_pool2d(x, 2, ceil_mode=True)
            x = self.get_submodule(layer.name)(x)
            yield layer, x


def grid_size(size: Sequence[int]) -> tuple[int, int]:
    """Height and width of the feature grid of a picture of this height and width in px."""
    height, width = (max(side, MIN_SIDE) for side in size)
    return -(-height // STRIDE), -(-width // STRIDE)


def _abbreviated(tensors: Mapping[str, Tensor]) -> str:
    names = [re.sub(r"\s", " ", name) for name in tensors]
    return (
        ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"
    )

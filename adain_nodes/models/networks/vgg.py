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
"""Smallest picture side in px: below it, the last feature map has one cell a side, which
reflection padding cannot extend."""


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
        # Encoders end at relu4_1: a second convolution there is superfluous, which `check` says.
        architecture = cls((*depths[:3], 1), widths)
        architecture.check(tensors, architecture.encoder_layers())
        return architecture

    def encoder_layers(self) -> Iterator[tuple[str, int, int]]:
        """Name, input channels and output channels of every convolution, in order."""
        channels = 3
        for block, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), 1):
            for index in range(1, depth + 1):
                yield f"conv{block}_{index}", channels, width
                channels = width

    def decoder_layers(self) -> Iterator[tuple[str, int, int]]:
        """The same for the mirrored decoder: conv4_1 first, inputs and outputs swapped."""
        for name, inputs, outputs in reversed(list(self.encoder_layers())):
            yield name, outputs, inputs

    def check(self, tensors: Mapping[str, Tensor], layers: Iterable[tuple[str, int, int]]) -> None:
        """Checks that the tensors are exactly the kernels and biases of these layers.

        Raises:
            InputError: a tensor is missing, superfluous, or of the wrong shape.
        """
        expected: dict[str, tuple[int, ...]] = {}
        for name, inputs, outputs in layers:
            expected[f"{name}.weight"] = (outputs, inputs, 3, 3)
            expected[f"{name}.bias"] = (outputs,)
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
        architecture: which layers it has.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for name, inputs, outputs in architecture.encoder_layers():
            self.add_module(name, MirroredConv2d(inputs, outputs))

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
        """Like `forward`, but gives relu1_1, relu2_1, relu3_1 and relu4_1, the layers phi_i of
        the style loss (paper, equation 13)."""
        return tuple(x for name, x in self._activations(pictures) if name.endswith("_1"))

    def _activations(self, pictures: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Every convolution's name and output after ReLU, in order."""
        x = pictures
        for name, _, _ in self.architecture.encoder_layers():
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2, ceil_mode=True)
            x = self.get_submodule(name)(x)
            yield name, x


def grid_size(size: Sequence[int]) -> tuple[int, int]:
    """Height and width of the feature grid of a picture of this height and width in px."""
    height, width = (max(side, MIN_SIDE) for side in size)
    return -(-height // STRIDE), -(-width // STRIDE)


def _abbreviated(tensors: Mapping[str, Tensor]) -> str:
    names = [re.sub(r"\s", " ", name) for name in tensors]
    return (
        ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"
    )

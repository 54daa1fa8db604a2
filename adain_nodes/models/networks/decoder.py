"""The decoder g: the encoder mirrored, with nearest upsampling for pooling (paper, section 5.1).

It has no normalisation layers, which would undo the statistics that AdaIN has just set (paper,
sections 5.1 and 7.1).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from .convolution import MirroredConv2d
from .upsampling import UpsampledConv2d
from .vgg import Architecture


class Decoder(nn.Module):
    """Turns relu4_1 features back into pictures.

    Its convolutions carry the names of the encoder's that they mirror: conv4_1 comes first,
    conv1_1 last; see `Architecture.decoder_layers`.

    Args:
        architecture: that of the encoder it mirrors.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for layer in architecture.decoder_layers():
            kind = UpsampledConv2d if layer.upsamples else MirroredConv2d
            self.add_module(layer.name, kind(layer.inputs, layer.outputs, relu=layer.relu))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], architecture: Architecture) -> Decoder:
        """Builds the decoder of an encoder's architecture around its tensors.

        Raises:
            InputError: the tensors do not fit that architecture.
        """
        architecture.check(tensors, architecture.decoder_layers())
        decoder = cls(architecture)
        decoder.load_state_dict(tensors)
        return decoder

    def forward(self, features: Tensor) -> Tensor:
        """Decodes features.

        Args:
            features: [B,C,h,w] in the encoder's relu4_1 space, both sides at least 2.

        Returns:
            RGB pictures, [B,3,8h,8w], nominally in 0..1 but not clamped.
        """
        x = features
        for layer in self.architecture.decoder_layers():
            x = self.get_submodule(layer.name)(x)
        return x

"""The four ways to combine content and style that the paper compares (section 7.2, figures 5, 6).

| name | the decoder is fed | its convolutions are followed by |
|---|---|---|
| Enc-AdaIN-Dec | t = AdaIN(f(c), f(s)) | ReLU |
| Enc-Concat-Dec | f(c) and f(s), side by side in channels | ReLU |
| Enc-AdaIN-BNDec | t | batch normalisation, ReLU |
| Enc-AdaIN-INDec | t | instance normalisation, ReLU |

All are trained against the same t. The paper leaves open, and here is so: the normalisations are
affine and follow every convolution but the last, the picture's own; batch normalisation is
evaluated with its running statistics; Concat takes twice the channels in its first convolution and
is otherwise the plain decoder.

All start at random by `initialization.initialize_at_random`, and share every kernel that has the
same shape in them, which is all but the first of Concat. The transposed encoder, from which `train`
starts by default, would favour some: it inverts features, so AdaIN's decoder would get a start that
Concat's has for half of its input only, and its gains mean nothing before a normalisation. Scales
start at 1, shifts at 0. For the same reason none of them gets the help that `optimizer` has against
dying ReLUs, which counts on ReLUs that follow convolutions directly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ...models.networks.convolution import MirroredConv2d
from ...models.networks.decoder import Decoder
from ...models.networks.vgg import Architecture
from ..initialization import initialize_at_random


@dataclass(frozen=True)
class Variant:
    """One of the four: a decoder, and what it is fed."""

    name: str
    """As in the paper."""

    concatenates: bool = False
    """Whether the decoder is fed both features instead of the AdaIN output."""

    normalization: Callable[[int], nn.Module] | None = None
    """Makes the layer after a convolution of so many channels; None: there is none."""

    def decoder(self, architecture: Architecture, seed: int) -> Decoder:
        """A new decoder for an encoder's architecture, at its random start."""
        decoder = Decoder(architecture)
        layers = list(architecture.decoder_layers())
        if self.concatenates:
            first = layers[0]
            decoder.add_module(first.name, MirroredConv2d(2 * first.inputs, first.outputs))
        initialize_at_random(decoder, seed)
        if self.normalization is not None:
            for layer in layers[:-1]:
                convolution = decoder.get_submodule(layer.name)
                assert isinstance(convolution, MirroredConv2d)
                convolution.relu = False
                normalization = self.normalization(layer.outputs)
                decoder.add_module(layer.name, nn.Sequential(convolution, normalization, nn.ReLU()))
        return decoder

    def condition(self, content: Tensor, style: Tensor, target: Tensor) -> Tensor:
        """The `objective.Condition` of this variant: t, [B,C,h,w], or f(c) and f(s), [B,2C,h,w]."""
        return torch.cat([content, style], dim=1) if self.concatenates else target


VARIANTS = (
    Variant("Enc-AdaIN-Dec"),
    Variant("Enc-Concat-Dec", concatenates=True),
    Variant("Enc-AdaIN-BNDec", normalization=nn.BatchNorm2d),
    Variant("Enc-AdaIN-INDec", normalization=partial(nn.InstanceNorm2d, affine=True)),
)

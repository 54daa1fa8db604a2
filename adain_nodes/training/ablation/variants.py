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

All start at random, as the paper's decoder does. The transposed encoder, from which `train` starts,
would favour some: it inverts features, so it gives AdaIN's decoder a start that Concat's has for
half of its input only, and its gains mean nothing before a normalisation. Kernels are drawn after
He et al. 2015 with biases of 0, every layer from a seed of its own: the variants share each kernel
that has the same shape in them, which is all but the first of Concat. Scales start at 1, shifts at
0. The last kernel is made smaller and its bias a medium grey, so that all start from pictures of
little contrast within 0..1, and none has to unlearn the contrast that its activations happen to
have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...models.networks.convolution import MirroredConv2d
from ...models.networks.decoder import Decoder
from ...models.networks.vgg import Architecture

LAST_GAIN = 0.1
"""Of the last kernel at the start: contrast of the first pictures, about."""

GREY = 0.5
"""Mean of the first pictures."""


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
        """A new decoder at its random start.

        Args:
            architecture: that of the encoder it mirrors.
            seed: of its kernels.
        """
        decoder = Decoder(architecture)
        layers = list(architecture.decoder_layers())
        if self.concatenates:
            name, inputs, outputs = layers[0]
            decoder.add_module(name, MirroredConv2d(2 * inputs, outputs))
        for index, (name, _, outputs) in enumerate(layers):
            convolution = decoder.get_submodule(name)
            assert isinstance(convolution, MirroredConv2d)
            _draw(convolution, torch.Generator().manual_seed(len(layers) * seed + index))
            if self.normalization is not None and index < len(layers) - 1:
                convolution.relu = False
                normalization = self.normalization(outputs)
                decoder.add_module(name, nn.Sequential(convolution, normalization, nn.ReLU()))
        with torch.no_grad():
            decoder.get_parameter("conv1_1.weight").mul_(LAST_GAIN)
            decoder.get_parameter("conv1_1.bias").fill_(GREY)
        return decoder

    def condition(self, content: Tensor, style: Tensor, target: Tensor) -> Tensor:
        """What the decoder is fed, the `trainer.Condition` of this variant.

        Args:
            content: f(c), [B,C,h,w].
            style: f(s), of the same shape.
            target: t, likewise.

        Returns:
            [B,C,h,w], or [B,2C,h,w] where it concatenates.
        """
        return torch.cat([content, style], dim=1) if self.concatenates else target


def _batch_normalization(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels)


def _instance_normalization(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True)


VARIANTS = (
    Variant("Enc-AdaIN-Dec"),
    Variant("Enc-Concat-Dec", concatenates=True),
    Variant("Enc-AdaIN-BNDec", normalization=_batch_normalization),
    Variant("Enc-AdaIN-INDec", normalization=_instance_normalization),
)


def _draw(convolution: nn.Conv2d, generator: torch.Generator) -> None:
    """He et al. 2015: normal kernels that keep the mean square through ReLU; biases of 0."""
    weight, bias = convolution.weight, convolution.bias
    assert bias is not None
    with torch.no_grad():
        weight.normal_(0, math.sqrt(2 / weight[0].numel()), generator=generator)
        bias.zero_()

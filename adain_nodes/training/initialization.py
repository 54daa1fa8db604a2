"""Where the decoder starts: at the encoder's transpose, which already half inverts it, or at
random."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..models.networks.convolution import MirroredConv2d
from ..models.networks.decoder import Decoder
from ..models.networks.vgg import Encoder

LAST_GAIN = 0.1
"""Factor of the last random kernel: roughly the contrast of the first pictures."""

GREY = 0.5
"""Mean of the first pictures of a random decoder."""


@torch.no_grad()
def initialize_from_encoder(decoder: Decoder, encoder: Encoder, pictures: Tensor) -> None:
    """Sets each kernel to its mirror's, transposed and flipped, and the gain and the bias of each
    channel on data (after Salimans and Kingma 2016).

    Before ReLU, every channel has mean 0 and deviation 1 over the pictures, [B,3,H,W] in 0..1 with
    sides that are multiples of 8, so none is dead, and the decoded pictures have the mean and
    deviation of the given ones in each colour. With one gain for each layer, a third of all
    channels die within some hundred steps, and four fifths in time.
    """
    x = encoder(pictures)
    for described in decoder.architecture.decoder_layers():
        layer = _convolution(decoder, described.name)
        layer.weight.copy_(_convolution(encoder, described.name).weight.transpose(0, 1).flip(2, 3))
        bias = layer.bias
        assert bias is not None
        bias.zero_()
        wanted_mean, wanted_std = (
            (x.new_zeros(described.outputs), 1.0) if described.relu else _moments(pictures)
        )
        mean, std = _moments(_before_relu(layer, x))
        gain = wanted_std / std
        layer.weight.mul_(gain[:, None, None, None])
        bias.copy_(wanted_mean - gain * mean)
        x = layer(x)


@torch.no_grad()
def initialize_at_random(decoder: Decoder, seed: int) -> None:
    """Draws normal kernels that keep the mean square through ReLU, with biases of 0 (He et al.
    2015).

    Every layer draws from a seed of its own, so decoders share each kernel that has the same shape
    in them. The last kernel is made smaller and its bias a medium grey: the first pictures have
    little contrast and lie within 0..1.
    """
    layers = [layer.name for layer in decoder.architecture.decoder_layers()]
    for index, name in enumerate(layers):
        layer = _convolution(decoder, name)
        generator = torch.Generator().manual_seed(len(layers) * seed + index)
        layer.weight.normal_(0, math.sqrt(2 / layer.weight[0].numel()), generator=generator)
        assert layer.bias is not None
        layer.bias.zero_()
    decoder.get_parameter("conv1_1.weight").mul_(LAST_GAIN)
    decoder.get_parameter("conv1_1.bias").fill_(GREY)


def _moments(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel over batch and space."""
    return maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=0).sqrt()


def _before_relu(layer: MirroredConv2d, x: Tensor) -> Tensor:
    relu, layer.relu = layer.relu, False
    result: Tensor = layer(x)
    layer.relu = relu
    return result


def _convolution(network: nn.Module, name: str) -> MirroredConv2d:
    layer = network.get_submodule(name)
    assert isinstance(layer, MirroredConv2d)
    return layer

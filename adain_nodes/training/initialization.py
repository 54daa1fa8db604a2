"""Where the decoder starts: as the encoder's transpose, which already half inverts it."""

from __future__ import annotations

from contextlib import ExitStack

import torch
from torch import Tensor, nn

from ..networks.decoder import Decoder
from ..networks.vgg import Encoder


@torch.no_grad()
def initialize_from_encoder(decoder: Decoder, encoder: Encoder, pictures: Tensor) -> None:
    """Sets each kernel to its mirror's, transposed and flipped, and each layer's gain on data.

    The gain makes a layer's output match the contrast and the mean of what its mirror receives in
    the encoder (after LSUV, Mishkin and Matas 2016): the first pictures have the right range.

    Args:
        decoder: changed in place.
        encoder: of the same architecture.
        pictures: photographs, [B,3,H,W] in 0..1, sides multiples of 8.
    """
    wanted = _inputs(encoder, pictures)
    features = encoder(pictures)
    for name, _, _ in decoder.architecture.decoder_layers():
        layer = _convolution(decoder, name)
        layer.weight.copy_(_convolution(encoder, name).weight.transpose(0, 1).flip(2, 3))
        bias = layer.bias
        assert bias is not None
        bias.zero_()
        output = _output(decoder, name, features)
        target = wanted[name]
        gain = _contrast(target) / _contrast(output)
        layer.weight.mul_(gain)
        bias.copy_(target.mean((0, 2, 3)) - gain * output.mean((0, 2, 3)))


def _contrast(activations: Tensor) -> Tensor:
    """RMS about the mean of each channel."""
    return activations.var((0, 2, 3), correction=0).mean().sqrt()


def _convolution(network: nn.Module, name: str) -> nn.Conv2d:
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.Conv2d)
    return layer


def _inputs(encoder: Encoder, pictures: Tensor) -> dict[str, Tensor]:
    """What each convolution of the encoder receives, before padding."""
    inputs: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, _, _ in encoder.architecture.encoder_layers():

            def keep(_: nn.Module, args: tuple[Tensor], name: str = name) -> None:
                inputs[name] = args[0][:, :, 1:-1, 1:-1].clone()

            handle = _convolution(encoder, name).register_forward_pre_hook(keep)
            hooks.callback(handle.remove)
        encoder(pictures)
    return inputs


def _output(decoder: Decoder, name: str, features: Tensor) -> Tensor:
    """What a convolution of the decoder gives for these features, before ReLU."""
    outputs: list[Tensor] = []
    handle = _convolution(decoder, name).register_forward_hook(
        lambda _module, _args, output: outputs.append(output.clone())
    )
    decoder(features)
    handle.remove()
    return outputs[0]

"""Style transfer as public ports write it, for comparison: a model's layers and tensors in an
`nn.Sequential`, in fp32, contiguous, with explicit reflection padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..models.model import Model
from ..models.networks.decoder import Decoder
from ..models.networks.vgg import Encoder


class PlainModel:
    """A model's tensors in fp32, in plain networks.

    Args:
        model: the model whose tensors and device to use.
    """

    def __init__(self, model: Model) -> None:
        self._device = model.encoder.device
        self._encoder = plain(model.encoder.load()).to(self._device)
        self._decoder = plain(model.decoder.load()).to(self._device)

    @torch.no_grad()
    def __call__(self, content: Tensor, art: Tensor) -> Tensor:
        """Stylises a content [1,H,W,3] by a picture of style, [1,h,w,3]."""
        x, y = (
            self._encoder(picture.to(self._device).permute(0, 3, 1, 2).contiguous())
            for picture in (content, art)
        )
        (mean, std), (style_mean, style_std) = self._statistics(x), self._statistics(y)
        target = (x - mean.expand_as(x)) / std.expand_as(x)
        target = target * style_std.expand_as(x) + style_mean.expand_as(x)
        picture: Tensor = self._decoder(target)
        height, width = content.shape[1:3]
        return picture[:, :, :height, :width].clamp(0, 1).permute(0, 2, 3, 1).cpu()

    @staticmethod
    def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
        columns = x.view(*x.shape[:2], -1)
        std = (columns.var(dim=2, correction=0) + 1e-5).sqrt()
        return columns.mean(dim=2)[..., None, None], std[..., None, None]


def plain(network: Encoder | Decoder) -> nn.Sequential:
    """The layers of an encoder or of a decoder, one by one."""
    architecture = network.architecture
    encodes = isinstance(network, Encoder)
    modules: list[nn.Module] = []
    for layer in architecture.encoder_layers() if encodes else architecture.decoder_layers():
        if layer.pools:
            modules.append(nn.MaxPool2d(2, ceil_mode=True))
        if layer.upsamples:
            modules.append(nn.Upsample(scale_factor=2, mode="nearest"))
        modules += [nn.ReflectionPad2d(1), _plain(network.get_submodule(layer.name))]
        if layer.relu:
            modules.append(nn.ReLU())
    return nn.Sequential(*modules)


def _plain(convolution: nn.Module) -> nn.Conv2d:
    assert isinstance(convolution, nn.Conv2d)
    result = nn.Conv2d(convolution.in_channels, convolution.out_channels, 3)
    result.load_state_dict(convolution.state_dict())
    return result.to(torch.float32, memory_format=torch.contiguous_format).requires_grad_(False)  # type: ignore[call-overload,no-any-return]

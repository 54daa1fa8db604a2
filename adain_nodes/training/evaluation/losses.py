"""Content and style loss of a finished picture, as an encoder sees it.

    t = AdaIN(f(c), f(s))        (paper, equation 9)

Losses are those of `ops.losses`, for one picture at a time: how far f(picture) is from t, and how
far its statistics at four layers are from those of the style picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from statistics import fmean

import torch
from torch import Tensor

from ...host.errors import InputError
from ...host.options import Reference
from ...host.plain import Progress, Resident
from ...models.networks.vgg import Encoder
from ...ops.adain import adain
from ...ops.losses import content_loss, style_loss
from ...ops.statistics import Statistics, channel_statistics
from ...pipeline.checks import common_batch
from ...pipeline.engine import Report, cells, counter, measure_one

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Layers phi_i of the style loss, in the order of `Encoder.taps`."""


@dataclass(frozen=True)
class View:
    """A picture as an encoder sees it."""

    features: Tensor
    """relu4_1, [1,C,h,w], fp32."""

    statistics: tuple[Statistics, ...]
    """Mean and deviation of every channel at each of `LAYERS`."""


@dataclass(frozen=True)
class Losses:
    """Losses of one picture, fp32; differentiable where its view is."""

    content: Tensor
    """L_c, a scalar: its features against t."""

    layers: Tensor
    """L_s in parts, [4]: its statistics against the style's at each of `LAYERS`."""

    @property
    def style(self) -> Tensor:
        """L_s, the sum over the layers."""
        return self.layers.sum()


@dataclass(frozen=True)
class MeanLosses:
    """Losses, averaged over pictures."""

    content: float
    """L_c, at least 0."""

    layers: tuple[float, ...]
    """L_s at each of `LAYERS`, at least 0."""

    style: float
    """L_s, the sum of `layers`."""

    @classmethod
    def of(cls, losses: Sequence[Losses]) -> MeanLosses:
        """The means over at least one picture."""
        layers = torch.stack([one.layers.cpu() for one in losses]).mean(0).tolist()
        return cls(fmean(one.content.item() for one in losses), tuple(layers), sum(layers))


class LossMeter:
    """Measures the losses of pictures.

    Args:
        encoder: f, frozen; losses are in units of its features.
        dtype: floating type that it computes in; statistics and losses are fp32 whatever it is.
        reference: how the losses are read, see `ops.losses`.
        tile_size: see `model.Model`.
    """

    def __init__(
        self,
        encoder: Resident[Encoder],
        dtype: torch.dtype,
        reference: Reference = "pytorch",
        *,
        tile_size: int = 0,
    ) -> None:
        self.reference = reference
        self.device = encoder.device
        self._encoder = encoder
        self._dtype = dtype
        self._tile_size = tile_size

    def view(
        self, picture: Tensor, *, shorter_side: int = 0, report: Report = lambda _: None
    ) -> View:
        """Encodes a picture tile by tile.

        Args:
            picture: [1,H,W,C], clamped to 0..1; a fourth channel is ignored.
            shorter_side: px to scale the shorter side to; 0 keeps the size.
            report: told of every tile, in cells, see `pipeline.engine`.
        """
        features, [layers] = measure_one(
            self._encoder, self._dtype, picture, shorter_side, report, tile_size=self._tile_size
        )
        return View(features, tuple(moments.statistics() for moments in layers))

    def view_of_color(self, color: Tensor) -> View:
        """Encodes what `pictures.to_network` gives, [1,3,H,W], at once; differentiable."""
        encoder = self._encoder.load()
        taps = encoder.taps(color.to(self._dtype, memory_format=torch.channels_last))
        return View(taps[-1].float(), tuple(channel_statistics(tap) for tap in taps))

    def target(self, content: View, style: View) -> Tensor:
        """t, [1,C,h,w]: what the features of the result ought to be."""
        return adain(content.features, style.statistics[-1], content.statistics[-1])

    def measure(
        self,
        content: Tensor,
        style: Tensor,
        result: Tensor,
        *,
        style_size: int = 0,
        progress: Progress | None = None,
    ) -> tuple[MeanLosses, MeanLosses]:
        """Measures a batch of results, and then their contents as they are, each against its
        content and style; 1 broadcasts against n.

        Args:
            content: [B,H,W,C] in 0..1.
            style: [B,H',W',C] in 0..1.
            result: [B,H,W,C] in 0..1, of the content's size; any method may have made it.
            style_size: px to scale the shorter side of styles to; 0 keeps their size.
            progress: told of every tile that is encoded, in cells.

        Raises:
            InputError: sizes of result and content, or of the batches, do not fit.
        """
        if result.shape[1:3] != content.shape[1:3]:
            raise InputError(
                f"result has {result.shape[2]}x{result.shape[1]} px, content "
                f"{content.shape[2]}x{content.shape[1]} px: they must be of equal size"
            )
        batch = common_batch(content=len(content), style=len(style), result=len(result))
        inputs = ((content, 0), (style, style_size), (result, 0))
        work = sum(len(pictures) * cells(pictures.shape[1:3], size) for pictures, size in inputs)
        report = counter(progress, work)

        def views(pictures: Tensor, size: int) -> Iterator[View]:
            for picture in pictures:
                view = self.view(picture[None], shorter_side=size, report=report)
                yield from repeat(view) if len(pictures) == 1 else (view,)

        results, unchanged = [], []
        for c, s, r in islice(zip(*(views(*one) for one in inputs), strict=False), batch):
            target = self.target(c, s)
            results.append(self.losses(r, target, s))
            unchanged.append(self.losses(c, target, s))
        return MeanLosses.of(results), MeanLosses.of(unchanged)

    def losses(self, result: View, target: Tensor, style: View) -> Losses:
        """The losses of a result.

        Args:
            result: the picture to judge, of as many cells as the content.
            target: t, from `target`.
            style: the style picture.
        """
        layers = [
            style_loss([own], [wanted], self.reference)[0]
            for own, wanted in zip(result.statistics, style.statistics, strict=True)
        ]
        content = content_loss(result.features, target, self.reference)[0]
        return Losses(content, torch.stack(layers))

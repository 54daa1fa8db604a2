"""What a decoder is trained for (paper, section 6, equations 10 to 13), and what may be added."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.networks.vgg import Encoder
from ..ops.adain import adain
from ..ops.losses import content_loss, style_loss
from ..ops.statistics import channel_statistics
from .options import TrainingOptions, style_weight

RANGE_WEIGHT = 10.0
"""Of the mean square by which pictures leave 0..1: clamping them would lose its gradient there."""

FEATURE_WEIGHT = 0.05
"""Of features beside pixels in reconstruction: a fifth of the loss after some hundred steps."""

SMOOTHNESS_BLOCK = 8
"""Side in px of the blocks whose means are to be smooth: strokes within a block cost nothing."""

EDGE_CONTRAST = 0.02
"""Difference of two blocks of a content at which their border counts 1/e."""

Condition = Callable[[Tensor, Tensor, Tensor], Tensor]
"""What the decoder is fed: a function of the content's features f(c), the style's f(s) and the
target t = AdaIN(f(c), f(s)), each [B,C,h,w]. f(s) may have another grid than the other two."""


def target_alone(_content: Tensor, _style: Tensor, target: Tensor) -> Tensor:
    """The paper's `Condition`: the decoder sees t."""
    return target


class Objective:
    """The losses of one batch, to be minimised over the weights of the decoder.

    Args:
        encoder: f, frozen.
        options: weights and reading of the losses.
        condition: what the decoder is fed. Where a picture is its own style, as in reconstruction
            and in the identity term, it is called with that picture's features in all three places.
        bf16: whether networks compute in bf16; statistics and losses stay fp32.
    """

    def __init__(
        self, encoder: Encoder, options: TrainingOptions, condition: Condition, *, bf16: bool
    ) -> None:
        self.encoder = encoder
        self.options = options
        self.condition = condition
        self.dtype = torch.bfloat16 if bf16 else torch.float32
        """Of pictures and features; the networks compute in it."""

    def reconstruction(self, decoder: nn.Module, pictures: Tensor) -> dict[str, Tensor]:
        """Pixels of g(f(x)) against pictures x, [B,3,h,w] in 0..1, by their mean absolute
        difference, and features of both, by the mean of squares. Pixels alone give pictures that
        are right and soft.

        Returns:
            Scalars by name; `loss` is what to minimise.
        """
        with torch.no_grad():
            features = self.encoder(pictures.to(self.dtype))
        result = decoder(self.condition(features, features, features))
        again = self.encoder(result)
        content = content_loss(again.float(), features.float(), "pytorch").mean()
        reconstruction = F.l1_loss(result.float(), pictures)
        loss = reconstruction + FEATURE_WEIGHT * content
        return {"loss": loss, "reconstruction": reconstruction, "content": content}

    def stylization(
        self, decoder: nn.Module, contents: Tensor, styles: Tensor
    ) -> dict[str, Tensor]:
        """Features and statistics of g(t) against t and the style's, for contents c and styles s,
        each [B,3,h,w] in 0..1; the options may add terms.

        The mean over pairs is dominated by the few styles that are far from all photographs. The
        mean of logarithms, if the options ask for it, counts every pair alike: it gains as much
        from a pair whose losses fall by a tenth, whatever they are.

        `total_variation` is the mean absolute difference of neighbouring pixels of g(t), down plus
        across. `identity` is the mean absolute difference of c and what comes out for c in its own
        style, which leaves f(c) as it is: g(f(c)). `smoothness` is that of `edge_aware_smoothness`.

        Returns:
            Scalars by name; `loss` is what to minimise.
        """
        options = self.options
        with torch.no_grad():
            style_taps = self.encoder.taps(styles.to(self.dtype))
            style_statistics = [channel_statistics(tap) for tap in style_taps]
            features = self.encoder(contents.to(self.dtype))
            target = adain(features, style_statistics[-1])
        conditions = self.condition(features, style_taps[-1], target)
        if options.identity_weight:
            own = self.condition(features, features, features)
            # One call for both: DistributedDataParallel expects one for each step.
            result, reconstruction = decoder(torch.cat([conditions, own])).chunk(2)
        else:
            result = decoder(conditions)
        taps = self.encoder.taps(result)
        statistics = [channel_statistics(tap) for tap in taps]
        content = content_loss(taps[-1].float(), target.float(), options.reference)
        style = style_loss(statistics, style_statistics, options.reference)
        picture = result.float()
        excess = (picture - picture.clamp(0, 1)).square().mean()
        weight = style_weight(options.reference, options.style_weight)
        pairs = options.content_weight * content + weight * style
        loss = (pairs.log() if options.balanced else pairs).mean() + RANGE_WEIGHT * excess
        losses = {"content": content.mean(), "style": style.mean(), "range": excess}
        if options.tv_weight:
            losses["total_variation"] = total_variation(picture)
            loss = loss + options.tv_weight * losses["total_variation"]
        if options.smoothness_weight:
            losses["smoothness"] = edge_aware_smoothness(picture, contents)
            loss = loss + options.smoothness_weight * losses["smoothness"]
        if options.identity_weight:
            losses["identity"] = F.l1_loss(reconstruction.float(), contents)
            loss = loss + options.identity_weight * losses["identity"]
        return {"loss": loss, **losses}


def total_variation(pictures: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, down plus across (anisotropic), of [B,C,h,w]
    with sides of at least 2."""
    down, across = pictures.diff(dim=2), pictures.diff(dim=3)
    return down.abs().mean() + across.abs().mean()


def edge_aware_smoothness(pictures: Tensor, contents: Tensor) -> Tensor:
    """The share of the pictures' coarse contrast that is where their contents have none: halos.

    Contrast is the absolute difference of neighbouring blocks' means. It counts by exp(-|dc|), dc
    being that difference in the content, as in Godard et al. 2017, equation 3; and as a share of
    all contrast, for the sum alone would favour pictures of little.

    Args:
        pictures: [B,C,h,w], sides at least two blocks.
        contents: of the same shape, in 0..1.

    Returns:
        A scalar in 0..1, the mean over pairs; 0 for pictures of one colour.
    """
    coarse, guide = (F.avg_pool2d(values, SMOOTHNESS_BLOCK) for values in (pictures, contents))
    misplaced = total = pictures.new_zeros(len(pictures))
    for dim in (2, 3):
        change = coarse.diff(dim=dim).abs().mean(1)
        weight = (guide.diff(dim=dim).abs().mean(1) / -EDGE_CONTRAST).exp()
        misplaced = misplaced + (weight * change).mean((1, 2))
        total = total + change.mean((1, 2))
    return (misplaced / total.clamp(min=1e-6)).mean()

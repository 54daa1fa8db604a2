"""Content and style loss (paper, equations 11 to 13) in the three readings in use.

`paper` is the paper's text, `torch` the authors' code, `pytorch` the port that most people train
with. They differ in what is summed and what is averaged, and therefore in the style weight lambda
(`host.options.STYLE_WEIGHTS`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..host.options import Reference
from .statistics import Statistics


def content_loss(features: Tensor, target: Tensor, reference: Reference) -> Tensor:
    """How far the features of a picture are from the AdaIN output (paper, equation 12).

    Args:
        features: f(g(t)), [B,C,h,w].
        target: t, [B,C,h,w].
        reference: `paper`: the Euclidean norm for each sample; otherwise the mean of squares.

    Returns:
        [B], of each sample; the paper's loss is their mean.
    """
    difference = features - target
    if reference == "paper":
        # Unlike the root of a sum, it has a gradient at 0.
        norms: Tensor = torch.linalg.vector_norm(difference, dim=(1, 2, 3))
        return norms
    return difference.square().mean((1, 2, 3))


def style_loss(
    results: Sequence[Statistics], styles: Sequence[Statistics], reference: Reference
) -> Tensor:
    """How far the statistics of a picture are from the style's (paper, equation 13).

    Args:
        results: statistics of g(t) at relu1_1 ... relu4_1, each [B,C].
        styles: those of the style picture.
        reference: `paper`: norms of the differences of mu and of sigma; `torch`: squares summed
            over channels; `pytorch`: squares averaged over channels. Each is summed over
            the layers.

    Returns:
        [B], of each sample; the paper's loss is their mean.
    """
    return sum(
        (
            _distance(result.mean, style.mean, reference)
            + _distance(result.std, style.std, reference)
            for result, style in zip(results, styles, strict=True)
        ),
        results[0].mean.new_zeros(len(results[0].mean)),
    )


def _distance(a: Tensor, b: Tensor, reference: Reference) -> Tensor:
    difference = a - b
    if reference == "paper":
        norms: Tensor = torch.linalg.vector_norm(difference, dim=1)
        return norms
    if reference == "torch":
        return difference.square().sum(1)
    return difference.square().mean(1)

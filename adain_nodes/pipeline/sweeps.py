"""What changes with a control of the paper: rows of pictures, to be laid out by `sheets.arranged`.

Each function encodes every picture once; pictures are [1,H,W,C] in 0..1, of any size. Sizes are px
that the shorter side of contents and styles is scaled to, 0 to keep it. `progress` is told of every
picture that is encoded or decoded, each from nothing to its own total.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product

import torch.nn.functional as F
from torch import Tensor

from ..host.options import COLOR_METHODS
from ..host.plain import Progress
from ..models.model import Model
from ..ops.masks import remainder
from .colors import recolors_style, result_for, style_for
from .transfer import compose, decode, encode, interpolate_styles, style_of, transfer
from .types import Features, Style

Rows = list[list[Tensor | None]]
"""Pictures [1,H,W,C] in 0..1 in rows of equal length; None is an empty place."""

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of `alpha_sweep`."""

SQUARE = 5
"""Mixtures along a side of `interpolation_square`."""


def style_sweep(
    model: Model,
    contents: Sequence[Tensor],
    styles: Sequence[Tensor],
    *,
    size: int,
    alpha: float = 1.0,
    progress: Progress | None = None,
) -> Rows:
    """Contents x styles (paper, figure 4).

    Returns:
        The styles in the first row, the contents in the first column, results where they meet.
    """
    statistics = [style_of(model, style, shorter_side=size, progress=progress) for style in styles]
    rows: Rows = [[None, *styles]]
    for content in contents:
        features = encode(model, content, shorter_side=size, progress=progress)
        results = [_shown(model, features, style, alpha, progress) for style in statistics]
        rows.append([content, *results])
    return rows


def alpha_sweep(
    model: Model,
    contents: Sequence[Tensor],
    styles: Sequence[Tensor],
    *,
    size: int,
    progress: Progress | None = None,
) -> Rows:
    """The trade-off of content and style (paper, equation 14 and figure 7).

    Returns:
        A row for each content and style: the content, the results by `ALPHAS`, the style.
    """
    statistics = [style_of(model, style, shorter_side=size, progress=progress) for style in styles]
    rows: Rows = []
    for content in contents:
        features = encode(model, content, shorter_side=size, progress=progress)
        for picture, style in zip(styles, statistics, strict=True):
            results = [_shown(model, features, style, alpha, progress) for alpha in ALPHAS]
            rows.append([content, *results, picture])
    return rows


def interpolation_square(
    model: Model,
    content: Tensor,
    styles: Sequence[Tensor],
    *,
    size: int,
    alpha: float = 1.0,
    progress: Progress | None = None,
) -> Rows:
    """One content between four styles (paper, equation 15 and figure 8).

    Args:
        styles: of the corners: top left, top right, bottom left, bottom right.

    Returns:
        `SQUARE` rows of as many results, weighted bilinearly by their place, so that each corner
        is one style alone; outside the square, beside its corners, the style pictures.
    """
    statistics = [style_of(model, style, shorter_side=size, progress=progress) for style in styles]
    features = encode(model, content, shorter_side=size, progress=progress)
    shares = [index / (SQUARE - 1) for index in range(SQUARE)]
    rows: Rows = []
    for down in shares:
        mixtures = [
            interpolate_styles(
                statistics,
                [a * b for a, b in product((1 - down, down), (1 - across, across))],
            )
            for across in shares
        ]
        results = [_shown(model, features, style, alpha, progress) for style in mixtures]
        rows.append([None, *results, None])
    rows[0][0], rows[0][-1], rows[-1][0], rows[-1][-1] = styles
    return rows


def color_sweep(
    model: Model,
    contents: Sequence[Tensor],
    styles: Sequence[Tensor],
    *,
    size: int,
    alpha: float = 1.0,
    progress: Progress | None = None,
) -> Rows:
    """Ways to keep the colours of the content (paper, figure 9).

    Returns:
        A row for each content and style: both, the result in the colours of the style, and then
        those that keep the content's by each of `colors.COLOR_METHODS`.
    """
    style_of_size = partial(style_of, model, shorter_side=size, progress=progress)
    statistics = [style_of_size(picture) for picture in styles]
    rows: Rows = []
    for content in contents:
        features = encode(model, content, shorter_side=size, progress=progress)
        for picture, style in zip(styles, statistics, strict=True):
            plain = _shown(model, features, style, alpha, progress)
            row: list[Tensor | None] = [content, picture, plain]
            for method in COLOR_METHODS:
                result = plain
                if recolors_style(method):
                    recolored = style_of_size(style_for(content, picture, method))
                    result = _shown(model, features, recolored, alpha, progress)
                row.append(result_for(content, result, method))
            rows.append(row)
    return rows


def mask_sweep(
    model: Model,
    contents: Sequence[Tensor],
    styles: Sequence[Tensor],
    mask: Tensor,
    *,
    size: int,
    alpha: float = 1.0,
    progress: Progress | None = None,
) -> Rows:
    """Two styles in two regions (paper, figure 10).

    Args:
        styles: the first goes where the mask is 1, the second where it is 0.
        mask: [1,H,W] in 0..1, of any size.

    Returns:
        A row for each content: the content, the mask at its size, the two styles, the result.
    """
    statistics = [style_of(model, style, shorter_side=size, progress=progress) for style in styles]
    rows: Rows = []
    for content in contents:
        features = encode(model, content, shorter_side=size, progress=progress)
        masks = [mask, remainder([mask], features.size)]
        regions = [
            (transfer(features, style, alpha=alpha, mask=part, apply_mask=False), part)
            for style, part in zip(statistics, masks, strict=True)
            if part.any()  # the rest may be nothing
        ]
        result = decode(model, compose(regions, features), progress=progress)
        height, width = content.shape[1:3]
        shown = F.interpolate(mask[None], (height, width), mode="area").movedim(1, -1)
        rows.append([content, shown, *styles, result])
    return rows


def _shown(
    model: Model, features: Features, style: Style, alpha: float, progress: Progress | None
) -> Tensor:
    return decode(model, transfer(features, style, alpha=alpha), progress=progress)

"""What changes with a control of the paper: rows of pictures for `files.sheets.arranged`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
"""Of `Sweep.by_alpha`."""

SQUARE = 5
"""Mixtures along a side of `Sweep.by_mixture`."""


@dataclass(frozen=True)
class Sweep:
    """Contents and styles, of which each method shows one control; every picture is encoded once.

    Pictures are [1,H,W,C] in 0..1, of any size.
    """

    model: Model
    """Model to use."""

    contents: Sequence[Tensor]
    """Pictures to stylise."""

    styles: Sequence[Tensor]
    """Pictures of style."""

    size: int
    """Px to scale the shorter sides of both to; 0 keeps their sizes."""

    alpha: float = 1.0
    """Strength: 0 keeps the content, 1 is the full style."""

    progress: Progress | None = None
    """Told of every picture that is encoded or decoded, each from nothing to its own total."""

    def by_style(self) -> Rows:
        """Contents x styles (paper, figure 4): the styles in the first row, the contents in the
        first column, results where they meet."""
        looks = self._looks()
        rows: Rows = [[None, *self.styles]]
        for content, features in self._encoded():
            rows.append([content, *(self._result(features, look) for look in looks)])
        return rows

    def by_alpha(self) -> Rows:
        """The trade-off of content and style (paper, equation 14 and figure 7): a row for each
        content and style, with the content, the results by `ALPHAS`, the style."""
        looks = self._looks()
        return [
            [content, *(self._result(features, look, alpha) for alpha in ALPHAS), style]
            for content, features in self._encoded()
            for style, look in zip(self.styles, looks, strict=True)
        ]

    def by_mixture(self) -> Rows:
        """Each content between four styles (paper, equation 15 and figure 8), which are those of
        the corners: top left, top right, bottom left, bottom right.

        `SQUARE` rows of as many results, weighted bilinearly by their place, so that each corner is
        one style alone; outside the square, beside its corners, the style pictures.
        """
        looks = self._looks()
        shares = [index / (SQUARE - 1) for index in range(SQUARE)]
        rows: Rows = []
        for _, features in self._encoded():
            square: Rows = []
            for down in shares:
                mixtures = [
                    [a * b for a, b in product((1 - down, down), (1 - across, across))]
                    for across in shares
                ]
                styles = (interpolate_styles(looks, weights) for weights in mixtures)
                square.append([None, *(self._result(features, style) for style in styles), None])
            square[0][0], square[0][-1], square[-1][0], square[-1][-1] = self.styles
            rows += square
        return rows

    def by_color(self) -> Rows:
        """Ways to keep the colours of the content (paper, figure 9): a row for each content and
        style, with both, the result in the colours of the style, and then those that keep the
        content's by each of `COLOR_METHODS`."""
        looks = self._looks()
        rows: Rows = []
        for content, features in self._encoded():
            for style, look in zip(self.styles, looks, strict=True):
                plain = self._result(features, look)
                row: list[Tensor | None] = [content, style, plain]
                for method in COLOR_METHODS:
                    result = plain
                    if recolors_style(method):
                        recolored = self._look(style_for(content, style, method))
                        result = self._result(features, recolored)
                    row.append(result_for(content, result, method))
                rows.append(row)
        return rows

    def by_mask(self, mask: Tensor) -> Rows:
        """Two styles in two regions (paper, figure 10): a row for each content, with the content,
        the mask at its size, the two styles, the result.

        Args:
            mask: [1,H,W], of any size: 1 where the first style goes, 0 where the second does.
        """
        looks = self._looks()
        rows: Rows = []
        for content, features in self._encoded():
            regions = [
                (transfer(features, look, alpha=self.alpha, mask=part, apply_mask=False), part)
                for look, part in zip(looks, (mask, remainder([mask], features.size)), strict=True)
                if part.any()  # the rest may be nothing
            ]
            result = decode(self.model, compose(regions, features), progress=self.progress)
            shown = F.interpolate(mask[None], content.shape[1:3], mode="area").movedim(1, -1)
            rows.append([content, shown, *self.styles, result])
        return rows

    def _encoded(self) -> Iterator[tuple[Tensor, Features]]:
        for picture in self.contents:
            yield (
                picture,
                encode(self.model, picture, shorter_side=self.size, progress=self.progress),
            )

    def _looks(self) -> list[Style]:
        return [self._look(picture) for picture in self.styles]

    def _look(self, picture: Tensor) -> Style:
        return style_of(self.model, picture, shorter_side=self.size, progress=self.progress)

    def _result(self, features: Features, style: Style, alpha: float | None = None) -> Tensor:
        strength = self.alpha if alpha is None else alpha
        stylized = transfer(features, style, alpha=strength)
        return decode(self.model, stylized, progress=self.progress)

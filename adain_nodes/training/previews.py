"""Sheets that show how a decoder gets on: the same photographs in the same styles each time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ..files.pictures import read_picture
from ..files.sheets import arranged, square
from ..host.errors import InputError
from ..models.networks.vgg import Encoder
from ..ops.adain import adain
from ..ops.statistics import channel_statistics
from .objective import Condition

COUNT = 4
"""Number of contents, and of styles."""

SIZE = 256
"""Side of the pictures in px."""

logger = logging.getLogger(__name__)


class Previews:
    """Squares of `size` px, a multiple of 8, of pictures spread evenly over those of a run: `count`
    of each kind, or fewer if there are not as many. Files that cannot be read are passed over."""

    def __init__(
        self,
        contents: Sequence[Path],
        styles: Sequence[Path],
        *,
        count: int = COUNT,
        size: int = SIZE,
    ) -> None:
        self.contents = list(_spread(contents, count, size))
        """Squares of the contents, [size,size,3] each, in 0..1."""
        self.styles = list(_spread(styles, count, size))
        """Squares of the styles, [size,size,3] each, in 0..1."""

    @torch.no_grad()
    def sheet(self, encoder: Encoder, decoder: nn.Module, condition: Condition) -> Tensor:
        """What a decoder makes of the contents x styles, [H,W,3] in 0..1: styles in the first row,
        contents in the first column. The decoder, which is fed `condition`, is left in its mode."""
        device = next(encoder.parameters()).device
        training = decoder.training
        decoder.eval()
        styles = [encoder(_batch(style, device)) for style in self.styles]
        rows: list[list[Tensor | None]] = [[None, *(style[None] for style in self.styles)]]
        for content in self.contents:
            features = encoder(_batch(content, device))
            row: list[Tensor | None] = [content[None]]
            for style in styles:
                target = adain(features, channel_statistics(style))
                result = decoder(condition(features, style, target)).clamp(0, 1)
                row.append(result.movedim(1, -1).cpu())
            rows.append(row)
        decoder.train(training)
        return arranged(rows, len(self.contents[0]))


def _spread(paths: Sequence[Path], count: int, size: int) -> Iterator[Tensor]:
    """The first readable picture from each of `count` equal parts of the paths."""
    count = min(count, len(paths))
    found = False
    for part in range(count):
        for path in paths[part * len(paths) // count : (part + 1) * len(paths) // count]:
            try:
                picture = read_picture(path)
            except InputError as error:
                logger.debug("not shown: %s", error)
                continue
            yield square(picture, size)
            found = True
            break
    if not found:
        raise InputError(f"none of the {len(paths)} pictures can be read")


def _batch(picture: Tensor, device: torch.device) -> Tensor:
    """[h,w,3] as [1,3,h,w]."""
    return picture.movedim(-1, 0)[None].to(device)

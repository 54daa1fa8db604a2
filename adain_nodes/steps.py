"""Single pictures through the networks: what `pipeline` and `film` are made of.

Nothing is checked here; pictures have been through `pictures.check_picture`. Work is counted in
cells of the feature grid, of which encoding and decoding a picture take equally many.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from . import host
from .features import DeferredFeatures, Features
from .memory import is_out_of_memory
from .model import Model
from .networks.layers import MIDDLE, prepared
from .networks.tiling import automatic_rows, stream, tiles
from .networks.vgg import MIN_SIDE, STRIDE, Encoder, grid_size
from .ops.statistics import Moments
from .pictures import scaled_size, to_network

logger = logging.getLogger(__name__)

T = TypeVar("T")

Report = Callable[[int], None]
"""Told how many more cells are done; raises to cancel."""


def cells(picture: Tensor, shorter_side: int = 0) -> int:
    """The work of encoding one of these pictures, [B,H,W,C], or of decoding it again."""
    height, width = picture.shape[1:3]
    return math.prod(grid_size(scaled_size((height, width), shorter_side)))


def counter(progress: host.Progress | None, total: int) -> Report:
    """Adds up what is done, of `total` cells."""
    done = 0

    def report(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    return report


def encode_one(model: Model, picture: Tensor, shorter_side: int, report: Report) -> Features:
    """Encodes a picture [1,H,W,C], see `pipeline.encode`."""
    encoder = model.encoder.load()
    source = _Source.of(picture, shorter_side)
    height, width = grid_size(source.size)
    output = host.current().output_device()

    def encode(rows: int, report: Report) -> Tensor:
        values = torch.empty(
            (1, encoder.architecture.widths[-1], height, width),
            dtype=model.dtype,
            device=output,
            memory_format=torch.channels_last,
        )
        top = 0
        for part in _encoded(model, encoder, source, rows):
            bottom = top + part.shape[2]
            values[:, :, top:bottom] = part
            report((bottom - top) * width)
            top = bottom
        return values

    values = _in_tiles(model, model.encoder.device, source.size, report, encode)
    alpha = None if source.alpha is None else source.alpha.to(output)
    return Features(values, source.size, alpha, model.identity)


def summarise_one(model: Model, picture: Tensor, shorter_side: int, report: Report) -> Moments:
    """The moments of relu4_1 of a picture [1,H,W,C], see `pipeline.style_of`."""
    encoder = model.encoder.load()
    source = _Source.of(picture, shorter_side)

    def summarise(rows: int, report: Report) -> Moments:
        moments = []
        for part in _encoded(model, encoder, source, rows):
            moments.append(Moments.of(part))
            report(math.prod(part.shape[2:]))
        return Moments.merged(moments)

    moments = _in_tiles(model, model.encoder.device, source.size, report, summarise)
    output = host.current().output_device()
    return Moments(*(part.to(output) for part in (moments.weight, moments.mean, moments.squares)))


def decode_one(model: Model, features: DeferredFeatures, report: Report) -> Tensor:
    """Decodes the features of a picture to [1,H,W,3 or 4], see `pipeline.decode`."""
    decoder, device = model.decoder.load(), model.decoder.device
    like = features.like
    height, width = like.size
    channels = 3 if like.alpha is None else 4
    cells_high, cells_wide = like.values.shape[2:]

    def decode(rows: int, report: Report) -> Tensor:
        picture = torch.empty(1, height, width, channels, device=host.current().output_device())
        parts = (
            features.rows(tile).to(device, model.dtype)
            for tile in tiles(cells_high, rows // STRIDE)
        )
        top = 0
        for part in stream(prepared(decoder), parts):
            bottom = top + part.shape[2]
            # Of pictures whose sides are no multiples of 8 less is left than was decoded.
            shown = picture[:, top:bottom, :, :3]
            shown[:] = part[:, :, : shown.shape[1], :width].movedim(1, -1)
            shown.clamp_(0, 1)
            report((bottom // STRIDE - top // STRIDE) * cells_wide)
            top = bottom
        return picture

    picture = _in_tiles(model, device, like.size, report, decode)
    if like.alpha is not None:
        picture[..., 3:] = like.alpha
    return picture


@dataclass(frozen=True)
class _Source:
    """A picture that is about to be encoded."""

    colors: Tensor
    """[1,H',W',1 or more], at least `MIN_SIDE` a side; nominally in 0..1."""

    alpha: Tensor | None
    """The fourth channel, [1,H,W,1] in 0..1; None if there is none."""

    size: tuple[int, int]
    """Height H and width W in px to encode at, without what was added to reach `MIN_SIDE`."""

    @classmethod
    def of(cls, picture: Tensor, shorter_side: int) -> _Source:
        height, width = picture.shape[1:3]
        size = scaled_size((height, width), shorter_side)
        if size == (height, width) and min(size) >= MIN_SIDE:
            # The picture itself, large as it may be, is not copied.
            alpha = picture[..., 3:].float().clamp(0, 1) if picture.shape[3] == 4 else None
            return cls(picture, alpha, size)
        color, alpha = to_network(picture, size)
        return cls(color.movedim(1, -1), alpha, size)

    def rows(self, tile: slice) -> Tensor:
        """[1,3,n,W'], fp32, minus `MIDDLE`."""
        values = self.colors[:, tile, :, :3].float().clamp(0, 1) - MIDDLE
        return values.movedim(-1, 1).expand(-1, 3, -1, -1)


def _encoded(model: Model, encoder: Encoder, source: _Source, rows: int) -> Iterator[Tensor]:
    parts = (
        source.rows(tile).to(model.encoder.device, model.dtype)
        for tile in tiles(source.colors.shape[1], rows)
    )
    return stream(prepared(encoder), parts)


def _in_tiles(
    model: Model,
    device: torch.device,
    size: tuple[int, int],
    report: Report,
    work: Callable[[int, Report], T],
) -> T:
    """Does work on a picture in tiles of so many rows; where memory runs out, of half as many."""
    height, width = size
    if model.tile_size > 0:
        rows = -(-model.tile_size // STRIDE) * STRIDE
    else:
        free = host.current().free_memory(device)
        rows = automatic_rows(width, model.dtype.itemsize, free, cached=device.type == "cpu")
    rows = min(rows, -(-height // STRIDE) * STRIDE)
    while True:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            report(more)

        try:
            with torch.no_grad():
                return work(rows, count)
        except Exception as error:
            if rows == STRIDE or not is_out_of_memory(error):
                raise
        # Outside the clause: the error keeps the tensors alive that were there when it occurred.
        report(-done)
        rows = max(STRIDE, rows // 2 // STRIDE * STRIDE)
        logger.warning("Memory ran out: going on in tiles of %d rows.", rows)

"""Single pictures through the networks: what `transfer` and `film` are made of.

Nothing is checked here; pictures have been through `checks.check_picture`. Work is counted in
cells of the feature grid, of which encoding and decoding a picture take equally many.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor

from ..host import surroundings
from ..host.memory import is_out_of_memory
from ..host.plain import Progress, Resident
from ..models.model import Model
from ..models.networks.bands import automatic_rows, bands, stream
from ..models.networks.inference import MIDDLE, prepared, taps
from ..models.networks.vgg import MIN_SIDE, STRIDE, Encoder, grid_size
from ..ops.statistics import Moments
from .rows import Rows
from .scaling import scaled_size, to_network
from .types import Features, LayerMasks, Source

logger = logging.getLogger(__name__)

T = TypeVar("T")

Report = Callable[[int], None]
"""Told how many more cells are done; raises to cancel."""


def cells(size: Sequence[int], shorter_side: int = 0) -> int:
    """The work of encoding a picture of this height and width in px, or of decoding it again."""
    height, width = size
    return math.prod(grid_size(scaled_size((height, width), shorter_side)))


def counter(progress: Progress | None, total: int) -> Report:
    """Adds up what is done, of `total` cells."""
    done = 0

    def report(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    return report


def encode_one(model: Model, picture: Tensor, shorter_side: int, report: Report) -> Features:
    """Encodes a picture [1,H,W,C], see `transfer.encode`."""
    encoder, device = model.encoder.load(), model.encoder.device
    source = _Source.of(picture, shorter_side)
    height, width = grid_size(source.size)
    output = surroundings.current().output_device()

    def encode(rows: int, report: Report) -> Tensor:
        values = torch.empty(
            (1, encoder.architecture.widths[-1], height, width),
            dtype=model.dtype,
            device=output,
            memory_format=torch.channels_last,
        )
        parts = stream(prepared(encoder), source.bands(rows, device, model.dtype))
        return _filled(values, parts, report)

    values = _in_bands(
        encode, report, source.size, device=device, dtype=model.dtype, tile_size=model.tile_size
    )
    alpha = None if source.alpha is None else source.alpha.to(output)
    return Features(values, source.size, alpha, model.identity, Source(model, picture))


def summarise_one(model: Model, picture: Tensor, shorter_side: int, report: Report) -> Moments:
    """The moments of relu4_1 of a picture [1,H,W,C], see `transfer.style_of`."""
    encoder, device = model.encoder.load(), model.encoder.device
    source = _Source.of(picture, shorter_side)

    def summarise(rows: int, report: Report) -> Moments:
        moments = []
        for part in stream(prepared(encoder), source.bands(rows, device, model.dtype)):
            moments.append(Moments.of(part))
            report(math.prod(part.shape[2:]))
        return Moments.merged(moments)

    moments = _in_bands(
        summarise, report, source.size, device=device, dtype=model.dtype, tile_size=model.tile_size
    )
    output = surroundings.current().output_device()
    return Moments(*(part.to(output) for part in (moments.weight, moments.mean, moments.squares)))


def measure_one(
    resident: Resident[Encoder],
    dtype: torch.dtype,
    picture: Tensor,
    shorter_side: int,
    report: Report,
    *,
    regions: Sequence[LayerMasks | None] = (None,),
    tile_size: int = 0,
) -> tuple[Tensor, list[list[Moments]]]:
    """What the losses need to know of a picture [1,H,W,C].

    Args:
        resident: the encoder.
        dtype: floating type that it computes in.
        picture: what to encode.
        shorter_side: see `transfer.encode`.
        report: told of every band.
        regions: where to measure, each a mask; None is the whole picture.
        tile_size: see `model.Model`.

    Returns:
        relu4_1, [1,C,h,w] in fp32; and for each region the moments of relu1_1, relu2_1, relu3_1
        and relu4_1; on the encoder's device. Of the first three there is never more than a band.
    """
    encoder, device = resident.load(), resident.device
    source = _Source.of(picture, shorter_side)
    height, width = grid_size(source.size)

    def measure(rows: int, report: Report) -> tuple[Tensor, list[list[Moments]]]:
        layers = prepared(encoder)
        *lower, _ = taps(layers)
        meters = {index: _Meter(layer, regions) for layer, index in enumerate(lower)}
        features = torch.empty(
            1, encoder.architecture.widths[-1], height, width, device=device,
            memory_format=torch.channels_last,
        )  # fmt: skip
        observe = {index: meter.add for index, meter in meters.items()}
        parts = stream(layers, source.bands(rows, device, dtype), observe)
        _filled(features, parts, report)
        whole = _Meter(len(lower), regions)  # the same figures as from what `encode_one` gives
        whole.add(features)
        found = [meter.moments() for meter in (*meters.values(), whole)]
        return features, [list(layers) for layers in zip(*found, strict=True)]

    return _in_bands(measure, report, source.size, device=device, dtype=dtype, tile_size=tile_size)


class _Meter:
    """Measures the bands of one layer's map, from top to bottom, in each region."""

    def __init__(self, layer: int, regions: Sequence[LayerMasks | None]) -> None:
        self._masks = [None if region is None else region[layer] for region in regions]
        self._parts: list[list[Moments]] = [[] for _ in regions]
        self._top = 0

    def add(self, part: Tensor) -> None:
        rows = slice(self._top, self._top + part.shape[2])
        for parts, mask in zip(self._parts, self._masks, strict=True):
            weights = None if mask is None else mask[:, :, rows].to(part.device)
            parts.append(Moments.of(part, weights))
        self._top = rows.stop

    def moments(self) -> list[Moments]:
        return [Moments.merged(parts) for parts in self._parts]


def decode_one(model: Model, like: Features, rows: Rows, report: Report) -> Tensor:
    """Decodes the features of a picture to [1,H,W,3 or 4], see `transfer.decode`.

    Args:
        model: whose decoder to use.
        like: features with the same size, alpha channel, encoder, shape and precision.
        rows: what to decode.
        report: told of every band.
    """
    decoder, device = model.decoder.load(), model.decoder.device
    height, width = like.size
    channels = 3 if like.alpha is None else 4
    cells_high, cells_wide = like.values.shape[2:]

    def decode(band_height: int, report: Report) -> Tensor:
        picture = torch.empty(
            1, height, width, channels, device=surroundings.current().output_device()
        )
        parts = (
            rows(band).to(device, model.dtype) for band in bands(cells_high, band_height // STRIDE)
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

    picture = _in_bands(
        decode, report, like.size, device=device, dtype=model.dtype, tile_size=model.tile_size
    )
    if like.alpha is not None:
        picture[..., 3:] = like.alpha
    return picture


def stacked(parts: Iterable[Features], count: int) -> Features:
    """Features of `count` single pictures of equal size, at least 1, as one batch, which is filled
    as they come: of a long one there is no second copy."""
    parts = iter(parts)
    first = next(parts)
    if count == 1:
        return first  # not a copy: it may be large
    values = torch.empty(
        (count, *first.values.shape[1:]),
        dtype=first.values.dtype,
        device=first.values.device,
        memory_format=torch.channels_last,
    )
    alpha = None if first.alpha is None else first.alpha.new_empty(count, *first.alpha.shape[1:])
    for index, part in enumerate(chain([first], parts)):
        values[index] = part.values[0]
        if alpha is not None and part.alpha is not None:
            alpha[index] = part.alpha[0]
    return replace(first, values=values, alpha=alpha)


def collected(pictures: Iterable[Tensor], count: int) -> Tensor:
    """`count` pictures of one size, at least 1 and each [H,W,C], as one batch [count,H,W,C], which
    is filled as they come: of a long one there is no second copy."""
    pictures = iter(pictures)
    first = next(pictures)
    if count == 1:
        return first[None]  # not a copy: it may be large
    batch = first.new_empty((count, *first.shape))
    for index, picture in enumerate(chain([first], pictures)):
        batch[index] = picture
    return batch


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

    def bands(self, rows: int, device: torch.device, dtype: torch.dtype) -> Iterator[Tensor]:
        """Bands of so many rows, [1,3,n,W'], minus `MIDDLE`, as an encoder takes them."""
        for band in bands(self.colors.shape[1], rows):
            values = self.colors[:, band, :, :3].float().clamp(0, 1) - MIDDLE
            yield values.movedim(-1, 1).expand(-1, 3, -1, -1).to(device, dtype)


def _filled(features: Tensor, parts: Iterable[Tensor], report: Report) -> Tensor:
    """Writes bands, from top to bottom, into the features that they make up, [1,C,h,w]."""
    top = 0
    for part in parts:
        bottom = top + part.shape[2]
        features[:, :, top:bottom] = part
        report(math.prod(part.shape[2:]))
        top = bottom
    return features


def _in_bands(
    work: Callable[[int, Report], T],
    report: Report,
    size: tuple[int, int],
    *,
    device: torch.device,
    dtype: torch.dtype,
    tile_size: int,
) -> T:
    """Does work on a picture in bands of so many rows; where memory runs out, of half as many."""
    height, width = size
    if tile_size > 0:
        rows = -(-tile_size // STRIDE) * STRIDE
    else:
        free = surroundings.current().free_memory(device)
        rows = automatic_rows(width, dtype.itemsize, free, cached=device.type == "cpu")
    rows = min(rows, -(-height // STRIDE) * STRIDE)
    with torch.no_grad():
        result, _ = until_it_fits(work, rows, "bands of %d rows", report)
    return result


def until_it_fits(
    work: Callable[[int, Report], T], side: int, parts: str, report: Report
) -> tuple[T, int]:
    """Does work on a picture in parts of so many px; where memory runs out, of half as many.

    Args:
        work: takes the px, a multiple of `STRIDE`, and whom to report to.
        side: px to begin with.
        parts: what to call them in the log, with %d for the px.
        report: told of what is done.

    Returns:
        What the work gave, and the px that were small enough.
    """
    while True:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            report(more)

        try:
            return work(side, count), side
        except Exception as error:
            if side == STRIDE or not is_out_of_memory(error):
                raise
        # Outside the clause: the error keeps the tensors alive that were there when it occurred.
        report(-done)
        side = max(STRIDE, side // 2 // STRIDE * STRIDE)
        logger.warning("Memory ran out: going on in " + parts + ".", side)

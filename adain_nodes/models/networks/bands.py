"""Networks over pictures of any size in bounded memory, band by band.

A band is a number of rows, as wide as the picture; the option `tile_size` is its height. Bands
follow each other from top to bottom, and every step keeps the last rows of its input until the next
band comes. So each step computes what it would on the whole picture, nothing is computed twice,
and only the true border is padded. At no time is there more of a feature map than a band.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from .inference import Convolution, Pooling, Step
from .vgg import STRIDE

FASTEST_PIXELS = 1 << 16
"""Pixels of a band at which CPUs are fastest, see docs/performance.md. The largest feature maps of
such a band take 8 MiB in bf16, twice that in fp32."""

VALUES_PER_PIXEL = 320
"""Feature values in memory at a time for each pixel of a band, summed over all layers: about 210
wait for the next band, 64 to 128 are being computed."""


def bands(height: int, rows: int) -> Iterator[slice]:
    """The rows of each band of a picture.

    Args:
        height: of the picture.
        rows: of a band; the last one has what remains.
    """
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def automatic_rows(width: int, itemsize: int, free: int | None, *, cached: bool) -> int:
    """Rows of a band where `tile_size` is 0.

    Args:
        width: of the picture in px.
        itemsize: bytes of a value in the precision of the network.
        free: bytes that can still be allocated, of which at most half are used; None if unknown.
        cached: whether the device is fastest when a band fits its cache, as CPUs are. Others are
            given bands as large as memory allows.

    Returns:
        A multiple of `STRIDE`, at least `STRIDE`.
    """
    rows = max(2 * STRIDE, FASTEST_PIXELS // width) if cached or free is None else sys.maxsize
    if free is not None:
        rows = min(rows, free // 2 // (width * VALUES_PER_PIXEL * itemsize))
    return max(STRIDE, rows // STRIDE * STRIDE)


def stream(
    network: Sequence[Step],
    parts: Iterable[Tensor],
    observe: Mapping[int, Callable[[Tensor], object]] | None = None,
) -> Iterator[Tensor]:
    """Runs a network over the bands of a picture.

    Args:
        network: its steps, from `inference.prepared`.
        parts: bands of its input from top to bottom, [B,C,n,W] in the precision of the network,
            each n at least 1. Both sides of the whole must be at least `vgg.MIN_SIDE` for an
            encoder, at least 2 for a decoder.
        observe: functions by the index of a step; each is called with the bands of that step's
            output, [B,C',m,W'], which are valid during the call only.

    Yields:
        The bands of its output, [B,C',m,W'], channels last, as soon as they can be computed: at
        most one for each input band, perhaps behind it. Together they are the whole output.
    """
    stages = [_Pool() if isinstance(step, Pooling) else _Convolve(step) for step in network]
    for part, last in _with_last(parts):
        rows: Tensor | None = part
        for index, stage in enumerate(stages):
            if rows is None:
                break
            rows = stage.push(rows, last=last)
            if rows is not None and observe and index in observe:
                observe[index](rows)
        if rows is not None:
            yield rows


def _with_last(parts: Iterable[Tensor]) -> Iterator[tuple[Tensor, bool]]:
    iterator = iter(parts)
    part = next(iterator)
    for following in iterator:
        yield part, False
        part = following
    yield part, True


class _Convolve:
    """A convolution that takes its input from top to bottom.

    The input is kept with its border: a column on both sides, a row above the first one and a row
    below the last.
    """

    def __init__(self, convolution: Convolution) -> None:
        self._convolution = convolution
        self._input: Tensor | None = None
        self._held = 1  # rows at the top of the input that are there already: the upper border
        self._at_top = True

    def push(self, rows: Tensor, *, last: bool) -> Tensor | None:
        """Takes the next rows, [B,C,n,W]; returns those that can be computed now, if any."""
        reach, held = self._convolution.reach, self._held
        count = held + rows.shape[2]
        x = self._room_for(rows, count + last)
        new = x[:, :, held:count]
        new[..., 1:-1] = rows
        new[..., 0] = new[..., reach]
        new[..., -1] = new[..., -1 - reach]
        if last:
            x[:, :, count] = x[:, :, count - reach]
            count += 1
        if count <= reach:
            self._held = count
            return None
        if self._at_top:
            x[:, :, 0] = x[:, :, reach]
        y = self._convolution(x[:, :, :count])
        if self._convolution.scale == 2:
            y = y[:, :, self._at_top : y.shape[2] - last, 1:-1]
        for row in range(reach):
            x[:, :, row] = x[:, :, count - reach + row]
        self._held, self._at_top = reach, False
        return y

    def _room_for(self, rows: Tensor, count: int) -> Tensor:
        """The input with at least `count` rows, channels last; rows that are held stay."""
        batch, channels, _, width = rows.shape
        if self._input is None or self._input.shape[2] < count:
            larger = rows.new_empty(batch, count, width + 2, channels).permute(0, 3, 1, 2)
            if self._input is not None:
                larger[:, :, : self._held] = self._input[:, :, : self._held]
            self._input = larger
        return self._input


class _Pool:
    """Pooling that takes its input from top to bottom."""

    def __init__(self) -> None:
        self._held: Tensor | None = None  # a row without its partner, its columns pooled already

    def push(self, rows: Tensor, *, last: bool) -> Tensor | None:
        """Takes the next rows, [B,C,n,W]; returns those that can be computed now, if any."""
        x = halved(rows, 3)
        if self._held is not None:
            x = torch.cat([self._held, x], dim=2)
        pairs = x.shape[2] if last else x.shape[2] // 2 * 2
        self._held = x[:, :, pairs:] if pairs < x.shape[2] else None
        return halved(x[:, :, :pairs], 2) if pairs else None


def halved(x: Tensor, dim: int) -> Tensor:
    """The maximum of neighbours along an axis; the last one has none if their number is odd."""
    every_other = [x[:, :, start::2] if dim == 2 else x[..., start::2] for start in (0, 1)]
    before, after = every_other
    if before.shape == after.shape:
        return torch.maximum(before, after)
    result = before.clone()
    paired = result.narrow(dim, 0, after.shape[dim])
    torch.maximum(paired, after, out=paired)
    return result

"""Gradients through an encoder with respect to pictures, tile by tile, without autograd.

A tile is computed with `HALO` px around it. The outer half of them is wrong, since there the border
of the tile is mirrored and not that of the picture, and no gradient from there reaches the tile
itself: gradients are those of the whole picture, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .bands import halved
from .convolution import with_border, without_border
from .inference import Convolution, Step, taps

HALO = 64
"""Px around a tile: twice the 32 that the encoder's reach of 26 px (VGG-16) or 30 px (VGG-19) comes
to in whole cells."""


@dataclass(frozen=True)
class Tile:
    """A part of a picture, in px; see `tiles`."""

    rows: slice
    """Its own rows; they start at a multiple of `vgg.STRIDE`."""

    columns: slice
    """Its own columns, likewise."""

    size: tuple[int, int]
    """Height and width of the picture."""

    def inner(self, stride: int) -> tuple[slice, slice]:
        """Its own rows and columns on the map of a layer of this stride."""
        return _strided(self.rows, stride), _strided(self.columns, stride)

    def outer(self, stride: int) -> tuple[slice, slice]:
        """The same with the halo."""
        rows, columns = (
            slice(max(0, own.start - HALO), min(own.stop + HALO, side))
            for own, side in zip((self.rows, self.columns), self.size, strict=True)
        )
        return _strided(rows, stride), _strided(columns, stride)

    def within(self, stride: int) -> tuple[slice, slice]:
        """Its own rows and columns, counted from the start of the halo."""
        rows, columns = (
            slice(own.start - around.start, own.stop - around.start)
            for own, around in zip(self.inner(stride), self.outer(stride), strict=True)
        )
        return rows, columns


def tiles(size: tuple[int, int], side: int) -> list[Tile]:
    """The tiles of a picture.

    Args:
        size: its height and width in px.
        side: of a tile in px, a multiple of `vgg.STRIDE`; those at the bottom and right may be
            smaller.
    """
    height, width = size
    return [
        Tile(slice(top, min(top + side, height)), slice(left, min(left + side, width)), size)
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def activations(encoder: Sequence[Step], picture: Tensor) -> list[Tensor]:
    """The output of every step.

    Args:
        encoder: its steps, from `inference.prepared`.
        picture: [B,3,H,W] minus `inference.MIDDLE`, in the precision of the encoder; both sides
            at least `vgg.MIN_SIDE`.

    Returns:
        [B,C,h,w] each, channels last.
    """
    x, results = picture, []
    for step in encoder:
        if isinstance(step, Convolution):
            x = step(with_border(x, step.reach))
        else:
            x = halved(halved(x, 3), 2)
        results.append(x)
    return results


def pulled_back(
    encoder: Sequence[Step], outputs: Sequence[Tensor], seeds: Sequence[Tensor]
) -> Tensor:
    """The gradient of a function of an encoder's taps with respect to the picture.

    Args:
        encoder: its steps.
        outputs: from `activations`.
        seeds: the gradient with respect to relu1_1, relu2_1, relu3_1 and relu4_1, each of the
            shape and precision of that output.

    Returns:
        [B,3,H,W], in the precision of the encoder.
    """
    by_step = dict(zip(taps(encoder), seeds, strict=True))
    gradient: Tensor | None = None
    for index in reversed(range(len(encoder))):
        step, output = encoder[index], outputs[index]
        if index in by_step:
            seed = by_step[index]
            gradient = seed if gradient is None else gradient.add_(seed)
        assert gradient is not None  # the last step is a tap
        if isinstance(step, Convolution):
            gradient = torch.ops.aten.threshold_backward(gradient, output, 0)  # of ReLU
            gradient = without_border(step.adjoint(gradient), step.reach)
        else:
            gradient = _spread(gradient, outputs[index - 1], output)
    assert gradient is not None
    return gradient


def _spread(gradient: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """The gradient of 2x2 max pooling in ceil mode: each goes to the first of the largest values,
    row by row.

    Args:
        gradient: [B,C,ceil(h/2),ceil(w/2)]; it is overwritten.
        before: what was pooled, [B,C,h,w].
        after: the result.
    """
    result = torch.empty_like(before, memory_format=torch.channels_last)
    for top in (0, 1):
        for left in (0, 1):
            corner = before[:, :, top::2, left::2]
            height, width = corner.shape[2:]
            left_over = gradient[:, :, :height, :width]
            share = left_over * (corner == after[:, :, :height, :width])
            result[:, :, top::2, left::2] = share
            left_over -= share
    return result


def _strided(pixels: slice, stride: int) -> slice:
    return slice(pixels.start // stride, -(-pixels.stop // stride))

"""What goes between the steps: encoded pictures and styles, each with the encoder it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from ..host.errors import InputError
from ..host.options import MASK_RESIZES, MaskResize, check_choice
from ..models.networks.bands import tiles
from ..models.weights.tensors import EncoderIdentity
from ..ops.masks import grid_mask
from ..ops.statistics import BLOCK_ELEMENTS, Statistics


@dataclass(frozen=True)
class Features:
    """Encoded pictures. `len` is their number, an index gives one of them."""

    values: Tensor
    """[B,C,h,w], relu4_1 in the model's floating type; h = ceil(H/8), at least 2, w likewise."""

    size: tuple[int, int]
    """Height H and width W in px of the pictures that were encoded."""

    alpha: Tensor | None
    """Their fourth channel, [B,H,W,1] in 0..1; None if they had none."""

    encoder: EncoderIdentity
    """What encoded them."""

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Features:
        alpha = None if self.alpha is None else self.alpha[index][None]
        return replace(self, values=self.values[index][None], alpha=alpha)

    def expanded(self, batch: int) -> Features:
        """The same, one picture standing for a batch of any size."""
        alpha = None if self.alpha is None else self.alpha.expand(batch, -1, -1, -1)
        return replace(self, values=self.values.expand(batch, -1, -1, -1), alpha=alpha)

    def on_grid(self, mask: Tensor, resize: MaskResize) -> Tensor:
        """A mask [B,H',W'] or [H',W'] on the grid of these features, see `ops.masks.grid_mask`.

        Raises:
            InputError: it has another shape, or holds NaN, or the way to resize is unknown.
        """
        check_choice("mask_resize", resize, MASK_RESIZES)
        mask = as_batch(mask).to(self.values.device)
        height, width = self.values.shape[2:]
        return grid_mask(mask, self.size, (height, width), resize)


@dataclass(frozen=True)
class DeferredFeatures:
    """Features that are computed a few rows at a time: what only goes on to the decoder is never
    all in memory, and what is in fp32 on the way stays in the cache."""

    like: Features
    """Features with the same size, alpha channel, encoder, shape and precision."""

    compute: Callable[[slice], Tensor] | None = None
    """From rows of the grid to the values there, [B,C,n,w]; None if `like` has the values."""

    def rows(self, rows: slice) -> Tensor:
        """[B,C,n,w]: these rows of their values."""
        return self.like.values[:, :, rows] if self.compute is None else self.compute(rows)

    def computed(self) -> Features:
        """All of them."""
        if self.compute is None:
            return self.like
        like = self.like.values
        values = torch.empty(
            like.shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last
        )
        height = like.shape[2]
        for rows in tiles(height, max(1, BLOCK_ELEMENTS * height // like.numel())):
            values[:, :, rows] = self.compute(rows)
        return replace(self.like, values=values)


@dataclass(frozen=True)
class Style:
    """What AdaIN takes from style pictures. A batch of styles is a bank: `len` is their number,
    an index gives one of them."""

    statistics: Statistics
    """Mean and standard deviation of relu4_1, each [B,C]."""

    encoder: EncoderIdentity
    """What encoded the pictures."""

    def __len__(self) -> int:
        return len(self.statistics.mean)

    def __getitem__(self, index: int) -> Style:
        statistics = Statistics(self.statistics.mean[index][None], self.statistics.std[index][None])
        return replace(self, statistics=statistics)


def stacked(parts: Iterable[Features], count: int) -> Features:
    """Features of single pictures of equal size as one batch, which is filled as they come: of a
    long one there is no second copy.

    Args:
        parts: of one picture each.
        count: how many there are, at least 1.
    """
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


def stacked_styles(styles: Sequence[Style]) -> Style:
    """Styles, and banks of them, as one bank, in their order.

    Raises:
        InputError: there are none, or they come from different encoders.
    """
    if not styles:
        raise InputError("a bank needs at least one style, got none")
    check_same_encoder(**{f"style_{i}": style.encoder for i, style in enumerate(styles, 1)})
    statistics = Statistics(
        mean=torch.cat([style.statistics.mean for style in styles]),
        std=torch.cat([style.statistics.std for style in styles]),
    )
    return Style(statistics, styles[0].encoder)


def as_batch(mask: Tensor) -> Tensor:
    """A mask [H,W] or [B,H,W] as [B,H,W], clamped to 0..1.

    Raises:
        InputError: it has another shape or an empty side, or holds NaN.
    """
    if mask.ndim not in (2, 3) or 0 in mask.shape:
        raise InputError(
            "a mask must be [height, width] or [batch, height, width] with no empty side, got "
            f"shape {tuple(mask.shape)}"
        )
    if mask.isnan().any():
        raise InputError("a mask must have values in 0..1, got NaN")
    return (mask if mask.ndim == 3 else mask[None]).clamp(0, 1)


def check_same_encoder(**encoders: EncoderIdentity) -> None:
    """Checks that features, styles and models belong together.

    Raises:
        InputError: two come from different encoders; the message names both.
    """
    (first_name, first), *others = encoders.items()
    for name, encoder in others:
        if encoder != first:
            raise InputError(
                f"{first_name} comes from the encoder {first}, {name} from {encoder}: use one "
                "model for both"
            )


def check_same_size(**sizes: tuple[int, int]) -> None:
    """Checks that features are of pictures of one size.

    Raises:
        InputError: two differ; the message names both.
    """
    (first_name, first), *others = sizes.items()
    for name, size in others:
        if size != first:
            raise InputError(
                f"{first_name} is of a picture of {first[1]}x{first[0]} px, {name} of "
                f"{size[1]}x{size[0]} px: they must be of equal size"
            )

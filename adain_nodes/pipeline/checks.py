"""What may be wrong with pictures, masks and features, and what to tell users of it."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from ..host.errors import InputError
from ..models.weights.tensors import EncoderIdentity
from ..ops.masks import is_empty

logger = logging.getLogger(__name__)

ASPECT = 0.05
"""Relative difference of aspect ratios above which a stretched mask is warned of."""


def check_picture(picture: Tensor, name: str) -> None:
    """Checks that a tensor is a batch of pictures.

    Args:
        picture: [B,H,W,C] with 1 (grey), 3 (RGB) or 4 (RGBA) channels, floating, finite, no side 0.
        name: what to call it in messages.

    Raises:
        InputError: it is not; the message says what and where.
    """
    if picture.ndim != 4 or picture.shape[3] not in (1, 3, 4) or 0 in picture.shape:
        raise InputError(
            f"{name} must be [batch, height, width, channels] with 1, 3 or 4 channels and no "
            f"empty side, got shape {tuple(picture.shape)}"
        )
    if not picture.is_floating_point():
        raise InputError(f"{name} must be floating point in 0..1, got {picture.dtype}")
    for index, single in enumerate(picture):
        finite = torch.isfinite(single)
        if not finite.all():
            row, column, channel = (~finite).nonzero()[0].tolist()
            raise InputError(
                f"{name} holds {single[row, column, channel].item()} in picture {index} at row "
                f"{row}, column {column}, channel {channel}; finite values in 0..1 are expected"
            )


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


def warn_of_empty(mask: Tensor, grid: Tensor) -> None:
    """Says which masks of a batch select nothing.

    Args:
        mask: [B,H,W], as the user gave it.
        grid: the same on the feature grid, [B,1,h,w], which is what counts.
    """
    empty = is_empty(grid).nonzero().flatten().tolist()
    if empty:
        reason, advice = _explained(mask[empty[0]])
        logger.warning(
            "The mask is empty (%s) in batch elements %s: nothing is stylised there. %s",
            reason, empty, advice,
        )  # fmt: skip


def warn_of_stretching(mask: Tensor, size: tuple[int, int]) -> None:
    """Says of masks that they are stretched over a picture of another aspect.

    Args:
        mask: [B,H,W].
        size: height and width of the picture in px.
    """
    height, width = mask.shape[1:]
    # Rounded sizes differ a little; an empty mask, such as LoadImage's of 64x64, selects nothing.
    if abs(width * size[0] - height * size[1]) > ASPECT * height * size[1] and mask.any():
        logger.warning(
            "The mask has %dx%d px and is stretched over a picture of %dx%d px: use a mask of the "
            "same aspect ratio.",
            width, height, size[1], size[0],
        )  # fmt: skip


def refuse_empty_style_mask(mask: Tensor, grid: Tensor) -> None:
    """Checks that each mask of a batch leaves a part of the picture to take a style from.

    Args:
        mask: [B,H,W], as the user gave it.
        grid: the same on the feature grid, [B,1,h,w].

    Raises:
        InputError: one is empty; the message says which.
    """
    empty = is_empty(grid).nonzero().flatten().tolist()
    if empty:
        reason, advice = _explained(mask[empty[0]])
        raise InputError(
            f"the style mask is empty ({reason}) in batch element {empty[0]}: it leaves no part of "
            f"the picture to take a style from. {advice}"
        )


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
    """Checks that features belong to pictures of one size, each given as (height, width).

    Raises:
        InputError: two differ; the message names both.
    """
    (first_name, first), *others = sizes.items()
    for name, size in others:
        if size != first:
            raise InputError(
                f"{first_name} belongs to a picture of {first[1]}x{first[0]} px, {name} to one of "
                f"{size[1]}x{size[0]} px: they must be of equal size"
            )


def common_batch(**sizes: int) -> int:
    """The batch size that these broadcast to: 1 goes with n, n with n.

    Raises:
        InputError: two differ and neither is 1; the message names both.
    """
    largest = max(sizes, key=lambda name: sizes[name])
    for name, size in sizes.items():
        if size not in (1, sizes[largest]):
            raise InputError(
                f"{name} has {size} in its batch and {largest} has {sizes[largest]}: batches must "
                "be equal, or one of them 1"
            )
    return sizes[largest]


def _explained(mask: Tensor) -> tuple[str, str]:
    """Why a mask, [H,W], is empty on the grid, and what to do."""
    if (mask > 0).any():
        return (
            "'nearest' samples no point of it",
            "Take 'area', which counts every pixel, or a larger mask",
        )
    return (
        "0 everywhere",
        "LoadImage gives such a mask for files without an alpha channel: draw one in its mask "
        "editor, or link another mask",
    )

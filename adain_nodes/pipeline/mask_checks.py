"""What may be wrong with masks and their options, and what to tell users of it."""

from __future__ import annotations

import logging

from torch import Tensor

from ..host.errors import InputError
from ..ops.masks import is_empty

logger = logging.getLogger(__name__)


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


def refuse_empty_style_mask(mask: Tensor, grid: Tensor) -> None:
    """Checks that each mask of a batch leaves a part of the picture to take a style from.

    Args:
        mask: see `warn_of_empty`.
        grid: likewise.

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

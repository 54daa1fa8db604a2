"""Pictures as users have them, [B,H,W,C] in 0..1, and as networks want them, [B,3,H,W]."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor

from ..host.errors import InputError
from ..host.options import check_size
from ..models.networks.vgg import MIN_SIDE


def check_picture(picture: Tensor, name: str) -> None:
    """Checks that a tensor is a batch of pictures.

    Args:
        picture: [B,H,W,C] with 1 (grey), 3 (RGB) or 4 (RGBA) channels, floating, finite, none of
            the sides 0.
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


def scaled(picture: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Brings pictures to a size.

    Args:
        picture: [B,H,W,C], checked.
        size: height H' and width W' in px.

    Returns:
        RGB, [B,H',W',3], and the fourth channel of RGBA pictures, [B,H',W',1], or None; fp32,
        clamped to 0..1.
    """
    values = picture.float().clamp(0, 1)
    if tuple(values.shape[1:3]) != size:
        planes = values.movedim(-1, 1)
        planes = F.interpolate(planes, size, mode="bicubic", antialias=True).clamp_(0, 1)
        values = planes.movedim(1, -1)
    alpha = values[..., 3:] if values.shape[3] == 4 else None
    return values[..., :3].expand(-1, -1, -1, 3), alpha


def to_network(picture: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Prepares pictures for the encoder: what `scaled` gives, as networks want it.

    Returns:
        RGB, [B,3,H',W'], with sides below `MIN_SIDE` extended to it by repeating the bottom and
        right edge; and the fourth channel, [B,H',W',1] without that, or None.
    """
    color, alpha = scaled(picture, size)
    planes = color.movedim(-1, 1)
    bottom, right = (max(0, MIN_SIDE - side) for side in size)
    if bottom or right:
        planes = F.pad(planes, (0, right, 0, bottom), mode="replicate")
    return planes, alpha


def collected(pictures: Iterable[Tensor], count: int) -> Tensor:
    """Pictures as one batch, which is filled as they come: of a long one there is no second copy.

    Args:
        pictures: of one size, each [H,W,C].
        count: how many there are, at least 1.

    Returns:
        [count,H,W,C].
    """
    pictures = iter(pictures)
    first = next(pictures)
    if count == 1:
        return first[None]  # not a copy: it may be large
    batch = first.new_empty((count, *first.shape))
    for index, picture in enumerate(chain([first], pictures)):
        batch[index] = picture
    return batch


def scaled_size(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """Height and width whose shorter one is `shorter_side`, at the same aspect; 0 keeps `size`.

    Raises:
        InputError: `shorter_side` is negative.
    """
    check_size("the shorter side", shorter_side)
    if shorter_side == 0:
        return size
    factor = shorter_side / min(size)
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


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

"""Pictures as users have them, [B,H,W,C] in 0..1, and as networks want them, [B,3,H,W]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import InputError
from .networks.vgg import MIN_SIDE


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


def to_network(picture: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Prepares pictures for the encoder.

    Args:
        picture: [B,H,W,C], checked.
        size: height and width to scale to.

    Returns:
        RGB clamped to 0..1, [B,3,H',W'], fp32, scaled to `size` and with sides below `MIN_SIDE`
        extended to it by repeating the bottom and right edge; and the fourth channel of RGBA
        pictures, [B,H,W,1] at `size`, or None.
    """
    values = picture.float().clamp(0, 1).movedim(-1, 1)
    if tuple(values.shape[2:]) != size:
        values = F.interpolate(values, size, mode="bicubic", antialias=True).clamp_(0, 1)
    alpha = values[:, 3:].movedim(1, -1) if values.shape[1] == 4 else None
    color = values[:, :3].expand(-1, 3, -1, -1)
    bottom, right = (max(0, MIN_SIDE - side) for side in size)
    if bottom or right:
        color = F.pad(color, (0, right, 0, bottom), mode="replicate")
    return color, alpha


def from_network(picture: Tensor, size: tuple[int, int], alpha: Tensor | None) -> Tensor:
    """Turns what the decoder gives into pictures.

    Args:
        picture: [B,3,H',W'], at least as large as `size`.
        size: height and width to crop to, at the bottom and on the right.
        alpha: a fourth channel to put back, [B,H,W,1], or None.

    Returns:
        [B,H,W,3 or 4], fp32, in 0..1.
    """
    result = picture[:, :, : size[0], : size[1]].float().clamp(0, 1).movedim(1, -1)
    if alpha is None:
        return result.contiguous()
    return torch.cat([result, alpha.to(result)], dim=-1)


def scaled_size(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """Height and width whose shorter one is `shorter_side`, at the same aspect; 0 keeps `size`.

    Raises:
        InputError: `shorter_side` is negative.
    """
    if shorter_side < 0:
        raise InputError(f"the shorter side must be 0 (keep) or more px, got {shorter_side}")
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

"""Pictures as users have them, [B,H,W,C] in 0..1, and as networks want them, [B,3,H,W]."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..host.options import check_pixels, check_size
from ..models.networks.vgg import MIN_SIDE


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


def scaled_size(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """Height and width whose shorter one is `shorter_side`, at the same aspect; 0 keeps `size`.

    Raises:
        InputError: `shorter_side` is negative, or the size beyond the limit of pictures.
    """
    check_size("the shorter side", shorter_side)
    if shorter_side == 0:
        return size
    factor = shorter_side / min(size)
    height, width = (max(1, round(side * factor)) for side in size)
    check_pixels(f"a picture with a shorter side of {shorter_side} px", height, width)
    return height, width

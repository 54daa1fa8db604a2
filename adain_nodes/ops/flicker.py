"""How restless a film is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def flicker(frames: Tensor, motion: Tensor | None = None, visible: Tensor | None = None) -> Tensor:
    """Mean absolute difference of each frame from the one before it, warped along the motion.

        d_t = mean over p, c of |y_t(p) - y_(t-1)(p - v_t(p))|

    Only pixels that the frame before shows count; values between its pixels are bicubic, as
    linear ones would be blurred, and the blur of what is sharp would count as flicker.

    Args:
        frames: y, [T,H,W,C], at least two.
        motion: v, [T-1,H,W,2] in px to the right and down: how far what a pixel shows has moved
            since the frame before; nothing moves if absent.
        visible: [T-1,H,W], 1 where the frame before shows what a pixel shows, 0 where it was
            hidden; 1 everywhere if absent. Pixels that come from outside the frame never count.

    Returns:
        [T-1], in the unit of the frames; 0 where no pixel counts.
    """
    before, after = frames[:-1].movedim(-1, 1), frames[1:].movedim(-1, 1)
    height, width = frames.shape[1:3]
    counts = frames.new_ones(len(before), height, width) if visible is None else visible
    if motion is not None:
        sides = motion.new_tensor([width, height])
        rows, columns = torch.meshgrid(
            torch.arange(height).to(motion), torch.arange(width).to(motion), indexing="ij"
        )
        source = torch.stack([columns, rows], dim=-1) - motion
        inside = ((source >= 0) & (source <= sides - 1)).all(-1)
        counts = counts * inside
        # From px to -1..1 over the outer edges of the border's pixels.
        grid = (2 * source + 1) / sides - 1
        before = F.grid_sample(
            before, grid, mode="bicubic", padding_mode="border", align_corners=False
        )
    difference = (after - before).abs().mean(1)
    return (difference * counts).sum((1, 2)) / counts.sum((1, 2)).clamp(min=1)

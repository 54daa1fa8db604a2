"""What goes between the steps: encoded pictures and styles, each with the encoder it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from ..host.options import MASK_RESIZES, MaskResize, check_choice
from ..models.weights.tensors import EncoderIdentity
from ..ops.masks import grid_mask
from ..ops.statistics import Statistics
from .checks import as_batch


@dataclass(frozen=True)
class Features:
    """Encoded pictures. `len` is their number, an index gives one of them."""

    values: Tensor
    """[B,C,h,w], relu4_1 in the model's floating type; h = ceil(H/8) and w = ceil(W/8), at least
    2."""

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

"""What pictures are to look like: a style, a mixture of styles, or styles side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..host.errors import InputError
from ..models.model import Model
from .checks import as_batch, check_same_encoder
from .transfer import interpolate_styles
from .types import Style


@dataclass(frozen=True)
class Look:
    """What the frames of a film are to look like: a style all over, or one in each of several
    regions."""

    styles: tuple[Style, ...]
    """One for all frames, or one for each; several where there are masks."""

    masks: tuple[Tensor, ...] = ()
    """Where each style goes, [B,H,W] in 0..1, of any size: one for all frames, or one for each. The
    last of several styles may have none, and takes the rest. None at all: everywhere."""

    @classmethod
    def of(
        cls,
        styles: Sequence[Style],
        *,
        weights: Sequence[float] | None = None,
        masks: Sequence[Tensor] = (),
    ) -> Look:
        """The look of several styles, either mixed or side by side.

        Args:
            styles: at least one.
            weights: of each in a mixture, see `transfer.interpolate_styles`.
            masks: where each goes, [H,W] or [B,H,W]; the last may have none.

        Raises:
            InputError: weights or masks do not fit the styles.
        """
        check_combination(len(styles), weights, len(masks))
        if weights is not None:
            styles = [interpolate_styles(styles, weights)]
        return cls(tuple(styles), tuple(map(as_batch, masks)))

    def check(self, model: Model, frames: int | None) -> None:
        """Checks that it fits a model and a film.

        Args:
            model: to use.
            frames: of the film; None if their number is unknown.

        Raises:
            InputError: another encoder made a style, or there is one style or mask for each of
                another number of frames.
        """
        styles = {f"style_{number}": style for number, style in enumerate(self.styles, 1)}
        check_same_encoder(
            model=model.identity, **{name: style.encoder for name, style in styles.items()}
        )
        sizes = {name: len(style) for name, style in styles.items()}
        sizes |= {f"mask_{number}": len(mask) for number, mask in enumerate(self.masks, 1)}
        for name, size in sizes.items():
            if size not in (1, frames):
                count = "an unknown number of" if frames is None else frames
                raise InputError(
                    f"{name} has {size} in its batch for {count} frames: one for all, or one for "
                    "each is expected"
                )


def check_combination(styles: int, weights: Sequence[float] | None, masks: int) -> None:
    """Checks that weights or masks say how several styles go together.

    Raises:
        InputError: they do not; the message says what is missing or too much.
    """
    if not styles:
        raise InputError("a style is needed, got none")
    if weights is not None and masks:
        raise InputError("weights mix styles and masks put them side by side: give one of the two")
    if weights is not None and len(weights) != styles:
        raise InputError(f"give one weight for each style: got {len(weights)} for {styles}")
    if masks and masks not in (styles, styles - 1):
        fewer = f", or {styles - 1} and the last style fills the rest" if styles > 1 else ""
        wanted = "1 mask for 1 style" if styles == 1 else f"{styles} masks for {styles} styles"
        raise InputError(f"give {wanted}{fewer}; got {masks}")
    if styles > 1 and weights is None and not masks:
        raise InputError(f"{styles} styles need weights that mix them, or a mask for each")

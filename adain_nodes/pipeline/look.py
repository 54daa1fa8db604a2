"""What pictures are to look like: a style, a mixture of styles, or styles side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..host.errors import InputError
from ..host.options import check_weights
from ..models.model import Model
from .checks import as_batch, check_same_encoder
from .curves import Curve
from .transfer import interpolate_styles, stack_styles
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

    weights: Curve | None = None
    """Of each style of a bank, the only one of `styles`, in a mixture that changes over a film."""

    @classmethod
    def of(
        cls,
        styles: Sequence[Style],
        *,
        weights: Sequence[float] | Curve | None = None,
        masks: Sequence[Tensor] = (),
    ) -> Look:
        """The look of several styles, either mixed or side by side.

        Args:
            styles: at least one.
            weights: of each in a mixture, see `transfer.interpolate_styles`; they may change.
            masks: where each goes, [H,W] or [B,H,W]; the last may have none.

        Raises:
            InputError: weights or masks do not fit the styles.
        """
        check_combination(len(styles), weights, len(masks))
        if isinstance(weights, Curve):
            return cls((stack_styles(styles),), weights=weights)
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
                another number of frames, or weights over time for another number of styles.
        """
        styles = {f"style_{number}": style for number, style in enumerate(self.styles, 1)}
        check_same_encoder(
            model=model.identity, **{name: style.encoder for name, style in styles.items()}
        )
        if self.weights is not None:
            check_combination(len(self.styles[0]), self.weights, 0)
            return
        sizes = {name: len(style) for name, style in styles.items()}
        sizes |= {f"mask_{number}": len(mask) for number, mask in enumerate(self.masks, 1)}
        for name, size in sizes.items():
            if size not in (1, frames):
                count = "an unknown number of" if frames is None else frames
                raise InputError(
                    f"{name} has {size} in its batch for {count} frames: one for all, or one for "
                    "each is expected"
                )

    def styles_at(self, index: int) -> list[Style]:
        """The style of each region in a frame, the first being 0."""
        if self.weights is not None:
            return [interpolate_styles(list(self.styles[0]), self.weights.at(index))]
        return [style[index % len(style)] for style in self.styles]


def check_combination(styles: int, weights: Sequence[float] | Curve | None, masks: int) -> None:
    """Checks that weights or masks say how several styles go together.

    Raises:
        InputError: they do not; the message says what is missing or too much.
    """
    if not styles:
        raise InputError("a style is needed, got none")
    if weights is not None and masks:
        raise InputError("weights mix styles and masks put them side by side: give one of the two")
    for each in weights.values if isinstance(weights, Curve) else [weights]:
        if each is not None and len(each) != styles:
            raise InputError(f"give one weight for each style: got {len(each)} for {styles}")
        if each is not None:
            check_weights(each)
    if masks and masks not in (styles, styles - 1):
        fewer = f", or {styles - 1} and the last style fills the rest" if styles > 1 else ""
        wanted = "1 mask for 1 style" if styles == 1 else f"{styles} masks for {styles} styles"
        raise InputError(f"give {wanted}{fewer}; got {masks}")
    if styles > 1 and weights is None and not masks:
        raise InputError(f"{styles} styles need weights that mix them, or a mask for each")

"""--alpha and --weights of `adain-nodes stylize`, which may change over a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..files.film_source import Film
from ..host.errors import InputError
from ..host.options import check_weights
from ..pipeline.curves import Curve, is_curve, read_curve
from ..pipeline.film_options import FilmOptions
from ..pipeline.look import Look
from ..pipeline.types import Style


@dataclass(frozen=True)
class Shares:
    """How strong styles are."""

    alpha: float | str
    """0 keeps the content, 1 is the full style; a text for `read_curve` if it changes."""

    weights: tuple[float, ...] | str | None
    """Of each style in a mixture; such a text if they change; None if styles are not mixed."""

    @classmethod
    def of(cls, alpha: str, weights: str | None) -> Shares:
        """Reads both options.

        Raises:
            InputError: one is neither numbers nor numbers over time, or weights cannot be used.
        """
        return cls(_alpha(alpha), None if weights is None else _weights(weights))

    @property
    def over_time(self) -> bool:
        """Whether one changes."""
        return isinstance(self.alpha, str) or isinstance(self.weights, str)

    def weights_of(self, styles: int) -> Sequence[float] | None:
        """Weights for so many styles, of those that change but their number."""
        return [1.0] * styles if isinstance(self.weights, str) else self.weights

    def check(self, film: Film, how: FilmOptions, styles: int) -> None:
        """Checks that what changes fits a film and so many styles.

        Raises:
            InputError: it does not, or a value cannot be used.
        """
        self.options(film, how)
        if isinstance(self.weights, str):
            for weights in _curve("--weights", self.weights, film, styles).values:
                check_weights(weights)

    def options(self, film: Film, how: FilmOptions) -> FilmOptions:
        """How a film is stylised, with its alpha."""
        if isinstance(self.alpha, str):
            return replace(how, alpha=_curve("--alpha", self.alpha, film, 1))
        return replace(how, alpha=self.alpha)

    def look(self, styles: Sequence[Style], film: Film, masks: Sequence[Tensor]) -> Look:
        """The look that styles give a film.

        Raises:
            InputError: as `Look.of`.
        """
        if isinstance(self.weights, str):
            curve = _curve("--weights", self.weights, film, len(styles))
            return Look.of(styles, weights=curve)
        return Look.of(styles, weights=self.weights, masks=masks)


def _curve(name: str, text: str, film: Film, values: int) -> Curve:
    return read_curve(name, text, rate=float(film.rate), frames=len(film), values=values)


def _alpha(text: str) -> float | str:
    if is_curve(text):
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"--alpha takes a number from 0 to 1, or numbers over time such as 0:0,2.5s:1; got "
            f"{text!r}"
        ) from None


def _weights(text: str) -> tuple[float, ...] | str:
    if is_curve(text):
        return text
    try:
        weights = tuple(float(weight) for weight in text.split(","))
    except ValueError:
        raise InputError(
            f"--weights takes numbers with commas between them, such as 0.7,0.3; got {text!r}"
        ) from None
    check_weights(weights)
    return weights

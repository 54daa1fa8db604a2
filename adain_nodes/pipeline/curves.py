"""Values that change over a film: alpha, and the weights of a mixture of styles."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..host.errors import InputError

_MOMENT = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)(?P<unit>s?)|(?P<end>end)")


@dataclass(frozen=True)
class Curve:
    """Values at moments of a film, linear between them and constant beyond them."""

    moments: tuple[float, ...]
    """In frames from the first, which is 0; rising, at least one."""

    values: tuple[tuple[float, ...], ...]
    """At each moment, as many everywhere."""

    def at(self, index: int) -> tuple[float, ...]:
        """The values at a frame, the first being 0."""
        after = bisect_right(self.moments, index)
        if after in (0, len(self.moments)):
            return self.values[max(after - 1, 0)]
        start, end = self.moments[after - 1 : after + 1]
        share = (index - start) / (end - start)
        pairs = zip(*self.values[after - 1 : after + 1], strict=True)
        return tuple((1 - share) * old + share * new for old, new in pairs)


def is_curve(text: str) -> bool:
    """Whether a text is one for `read_curve`, and not just a number or several."""
    return ":" in text


def read_curve(name: str, text: str, *, rate: float, frames: int, values: int = 1) -> Curve:
    """Reads a text such as `0:0,2.5s:1`: a moment, in frames, in seconds with an s, or `end`, and
    its value. Where there are several values for a moment, they have commas between them, and
    moments have slashes: `0:1,0/end:0,1`.

    Args:
        name: of the option, for messages.
        text: what to read.
        rate: frames per second.
        frames: their number; the last is the end.
        values: how many there are at a moment.

    Raises:
        InputError: the text is not of this form, moments do not rise, or the values are too few or
            too many.
    """
    example = "0:0,2.5s:1" if values == 1 else "0:1,0/end:0,1"
    moments, found = list[float](), list[tuple[float, ...]]()
    for part in text.split("," if values == 1 else "/"):
        when, _, value = part.strip().partition(":")
        moment = _MOMENT.fullmatch(when.strip())
        numbers = _numbers(value)
        if moment is None or numbers is None:
            raise InputError(f"{name} over time is written such as {example}, got {text!r}")
        if len(numbers) != values:
            raise InputError(
                f"{name} over time needs {values} values at each moment, got {len(numbers)} in "
                f"{part!r}"
            )
        if moment["end"]:
            moments.append(float(frames - 1))
        else:
            moments.append(float(moment["number"]) * (rate if moment["unit"] else 1))
        found.append(numbers)
    if any(later <= earlier for earlier, later in pairwise(moments)):
        raise InputError(
            f"{name} over time needs moments that rise, got {text!r} for {frames} frames at "
            f"{rate:g} a second"
        )
    return Curve(tuple(moments), tuple(found))


def _numbers(text: str) -> tuple[float, ...] | None:
    parts: Sequence[str] = text.split(",")
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        return None

"""The content's statistics over the time of a film.

AdaIN divides by the content's own deviation. Measured on every frame by itself, it changes with
whatever enters the frame, and the whole picture changes with it: that is flicker.
"""

from __future__ import annotations

from ..ops.adain import interpolate_statistics
from ..ops.statistics import Moments, Statistics


class Shared:
    """Statistics over all frames of a film, as if they were one large picture.

    The moments of the frames are merged pairwise, as `Moments.merged` would merge them if it had
    them all at hand; kept are as many as the logarithm of their number.
    """

    def __init__(self) -> None:
        self._levels: list[Moments | None] = []

    def add(self, frame: Moments) -> None:
        """Counts a frame in; one of weight 0 has no influence."""
        for level, other in enumerate(self._levels):
            if other is None:
                self._levels[level] = frame
                return
            frame = Moments.merged([other, frame])
            self._levels[level] = None
        self._levels.append(frame)

    def statistics(self) -> Statistics:
        """Of what has been added, which is at least one frame."""
        return Moments.merged([part for part in self._levels if part is not None]).statistics()


class Smoothed:
    """Statistics that follow the frames slowly.

        mu_t = a mu_(t-1) + (1 - a) mu(x_t)        sigma_t = a sigma_(t-1) + (1 - a) sigma(x_t)

    Means and standard deviations are averaged, as they are for styles: a frame that is far off
    then counts in proportion, where averaged variances would let it weigh by its square. The
    first frame that is not empty sets the start.

    Args:
        smoothing: a; 0 follows at once, 1 stays at the start.
    """

    def __init__(self, smoothing: float) -> None:
        self._weights = (smoothing, 1 - smoothing)
        self._latest: Statistics | None = None

    def follow(self, frame: Moments) -> Statistics:
        """The statistics for the next frame; one of weight 0 leaves them as they are."""
        current = frame.statistics()
        if not frame.weight.any():
            return current if self._latest is None else self._latest
        if self._latest is not None:
            current = interpolate_statistics([self._latest, current], self._weights)
        self._latest = current
        return current

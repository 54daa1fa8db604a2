"""How the learning rate falls over a run."""

from __future__ import annotations

import math
from typing import Literal, get_args

Schedule = Literal["cosine", "constant", "inverse"]

SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)

INVERSE_DECAY = 5e-5
"""Of the authors' code: 1e-4 / (1 + 5e-5 t)."""


def decay(schedule: Schedule, step: int, steps: int) -> float:
    """The factor on the learning rate, 1 at the first step.

    Args:
        schedule: `cosine` falls to 0 at the end of the run, `inverse` as 1 / (1 + 5e-5 t) does,
            `constant` not at all.
        step: t, steps done so far.
        steps: of the whole run.
    """
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * step / steps))
    if schedule == "inverse":
        return 1 / (1 + INVERSE_DECAY * step)
    return 1.0

"""Plots by matplotlib, which is an extra (`plot`), and that of a run."""

from __future__ import annotations

import logging
from functools import cache
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..host.errors import InputError
from ..host.writing import written_whole
from .run_log import read_log

PANEL_HEIGHT = 1.8
"""Height of each panel of a run's plot in inches."""

LINEAR = frozenset({"pictures_per_second", "learning_rate"})
"""What is drawn on a linear axis; losses get a logarithmic one."""

logger = logging.getLogger(__name__)


def check_matplotlib() -> None:
    """Checks that there is something to draw with.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401, PLC0415
    except ImportError as error:
        raise InputError("a plot needs matplotlib: pip install 'adain-nodes[plot]'") from error


@cache
def can_draw() -> bool:
    """Whether there is something to draw with; if not, says so once."""
    try:
        check_matplotlib()
    except InputError as error:
        logger.info("there will be no plot: %s", error)
        return False
    return True


def new_figure(width: float, height: float) -> Any:
    """An empty figure of this many inches, which needs no display."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Any, path: Path) -> None:
    """Writes a PNG file, whole or not at all."""
    with written_whole(path) as temporary:
        drawn = BytesIO()
        figure.savefig(drawn, format="png", dpi=110)
        temporary.write_bytes(drawn.getbuffer())


def plot_log(log: Path, output: Path) -> None:
    """Draws each quantity in a run's log.jsonl over the steps, in a panel of its own, as a PNG
    file. Without matplotlib there is no plot, which is said once; nor is there of an empty log.

    Raises:
        InputError: the log is damaged.
    """
    lines = read_log(log)
    if not lines or not can_draw():
        return
    names = [name for name in dict.fromkeys(chain(*lines)) if name != "step"]
    figure = new_figure(9, PANEL_HEIGHT * len(names))
    panels = figure.subplots(len(names), sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        points = [(line["step"], line[name]) for line in lines if name in line]
        steps, values = (np.array(column) for column in zip(*points, strict=True))
        (curve,) = axes.plot(steps, _smooth(values))
        axes.plot(steps, values, color=curve.get_color(), alpha=0.3, linewidth=0.8)
        axes.set_ylabel(name.replace("_", " "))
        axes.grid(alpha=0.3)
        if name not in LINEAR and (values > 0).all():
            axes.set_yscale("log")
    panels[-1].set_xlabel("step")
    save_figure(figure, output)


def _smooth(values: np.ndarray) -> np.ndarray:
    """The moving average over a thirtieth of the run; fewer values count at the ends."""
    kernel = np.ones(max(1, len(values) // 30))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones_like(values), kernel, "same")

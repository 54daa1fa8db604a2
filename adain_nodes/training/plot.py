"""Curves of a run, drawn from its log."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np

from .evaluation.figures import can_draw, new_figure, save_figure
from .run_log import read_log

PANEL_HEIGHT = 1.8
"""In inches."""

LINEAR = frozenset({"pictures_per_second", "learning_rate"})
"""What is not drawn on a logarithmic axis, as losses are."""


def plot_log(log: Path, output: Path) -> None:
    """Draws everything the log tells of, each over the steps in a panel of its own.

    Without matplotlib (extra `plot`) there is no plot, which is said once. An empty log gives
    none, either.

    Args:
        log: the file log.jsonl of a run.
        output: the PNG file to write.
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

"""Curves of a run, drawn from its log."""

from __future__ import annotations

import logging
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .run_log import read_log

PANEL_HEIGHT = 1.8
"""In inches."""

LINEAR = frozenset({"pictures_per_second", "learning_rate"})
"""What is not drawn on a logarithmic axis, as losses are."""

logger = logging.getLogger(__name__)


def plot_log(log: Path, output: Path) -> None:
    """Draws everything the log tells of, each over the steps in a panel of its own.

    Without matplotlib (extra `plot`) there is no plot, which is said once. An empty log gives
    none, either.

    Args:
        log: the file log.jsonl of a run.
        output: the PNG file to write, by way of a temporary one beside it.
    """
    make_figure = _figure_class()
    lines = read_log(log)
    if make_figure is None or not lines:
        return
    names = [name for name in dict.fromkeys(chain(*lines)) if name != "step"]
    figure = make_figure(figsize=(9, PANEL_HEIGHT * len(names)), layout="constrained")
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
    temporary = output.with_name(f".{output.name}.partial")
    try:
        figure.savefig(temporary, format="png")
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)


def _smooth(values: np.ndarray) -> np.ndarray:
    """The moving average over a thirtieth of the run; fewer values count at the ends."""
    kernel = np.ones(max(1, len(values) // 30))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones_like(values), kernel, "same")


@cache
def _figure_class() -> Any:
    """matplotlib's Figure, which needs no display; None without matplotlib."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  an extra
    except ImportError:
        logger.info("no plot.png: it needs matplotlib (pip install 'adain-nodes[plot]')")
        return None
    return Figure

"""Figures by matplotlib, which is an extra (`plot`)."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any

from ...host.errors import InputError
from ...host.writing import written_whole

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
    """Whether there is something to draw with; if not, that is said, once."""
    try:
        check_matplotlib()
    except InputError as error:
        logger.info("there will be no plot: %s", error)
        return False
    return True


def new_figure(width: float, height: float) -> Any:
    """An empty figure, which needs no display.

    Args:
        width: in inches.
        height: likewise.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Any, path: Path) -> None:
    """Writes a PNG file, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)

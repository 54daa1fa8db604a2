"""The log of a run: one line of JSON for every few steps."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ..host.errors import InputError
from ..host.json_text import parse_json
from ..host.writing import write_text


class RunLog:
    """Averages the losses of steps of `batch` pictures into lines `{"step": ..., "loss": ...,
    ...}`, which are appended to a file."""

    def __init__(self, path: Path, batch: int) -> None:
        self.path = path
        self.batch = batch
        self.last: dict[str, float] = {}
        """The line written last; empty before the first."""
        self._recent: list[dict[str, float]] = []
        self._started = time.perf_counter()

    def resume(self, step: int) -> None:
        """Drops lines of steps that a kill undid, so that the log has every step once.

        Raises:
            InputError: the log is damaged.
        """
        if self.path.exists():
            kept = [line for line in read_log(self.path) if line["step"] <= step]
            write_text(self.path, "".join(f"{json.dumps(line)}\n" for line in kept))
        self._recent, self._started = [], time.perf_counter()

    def add(self, losses: dict[str, float]) -> None:
        """Takes the losses of one step."""
        self._recent.append(losses)

    def write(self, step: int) -> None:
        """Writes the means over the steps since the last line; `step` are done so far."""
        recent, seconds = self._recent, time.perf_counter() - self._started
        means = {
            name: sum(losses[name] for losses in recent if name in losses)
            / sum(name in losses for losses in recent)
            for name in recent[-1]
        }
        self.last = {
            "step": step,
            **{name: float(f"{value:.5g}") for name, value in means.items()},
            "pictures_per_second": round(len(recent) * self.batch / seconds, 2),
        }
        with self.path.open("a") as file:
            file.write(json.dumps(self.last) + "\n")
        self._recent, self._started = [], time.perf_counter()


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a log, oldest first; none if there is no file yet. A line that a kill cut short
    is left out.

    Raises:
        InputError: the log is damaged.
    """
    if not path.exists():
        return []
    *whole, _ = path.read_bytes().split(b"\n")
    lines = []
    for number, text in enumerate(whole, 1):
        try:
            line = parse_json(text)
        except ValueError:
            line = None
        values = line.values() if isinstance(line, dict) and "step" in line else [None]
        if not all(isinstance(value, int | float) for value in values):
            raise InputError(f"{path} is damaged: line {number} is not one of a training log")
        lines.append(line)
    return lines

"""A progress bar for the terminal, and lines beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_UNSAID = frozenset({"step", "pictures_per_second", "gradient_norm", "learning_rate"})
"""What a line of a training log holds beside losses."""


class Bar:
    """A bar on stderr, to be called as a `Progress`.

    Args:
        pieces: of work, each of which reports from nothing to its own total; they count the same.
        label: of the work.
    """

    def __init__(self, pieces: int, label: str) -> None:
        self._pieces = pieces
        self._label = f"{label}: " if label else ""
        self._finished = 0
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        self.show()
        self._bar.update(self._finished + done / total - self._bar.n)
        self._finished += done == total

    def note(self, text: str) -> None:
        """Shows a text behind the bar."""
        self.show()
        self._bar.set_postfix_str(text)

    def show(self) -> None:
        """Draws the bar, if it is not there."""
        if self._bar is None:
            from tqdm import tqdm

            form = "{desc}{percentage:3.0f}% |{bar}| {elapsed}, {remaining} left{postfix}"
            self._bar = tqdm(
                total=self._pieces, desc=self._label, bar_format=form, leave=False, file=sys.stderr
            )

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()


@contextmanager
def terminal_progress(pieces: int, label: str = "") -> Iterator[Bar | None]:
    """Draws a bar while the work lasts; None where stderr is no terminal.

    Args:
        pieces: see `Bar`.
        label: of the work, which is surely done: its bar is there from the start. Without one the
            bar waits for the first report, as there may be none.
    """
    if not sys.stderr.isatty():
        yield None
        return
    bar = Bar(pieces, label)
    if label:
        bar.show()
    try:
        yield bar
    finally:
        bar.close()


def print_above(text: str) -> None:
    """Prints a line to stdout, and if there is a bar on the terminal, above it."""
    if not sys.stderr.isatty():
        print(text)
        return
    from tqdm import tqdm

    tqdm.write(text, file=sys.stdout)


class StepProgress:
    """A bar on a terminal, otherwise a line for every line of a log, for `total` steps of which
    `done` were done before."""

    def __init__(self, total: int, done: int) -> None:
        self._total = total
        self._said: object = None
        self._bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            form = "{percentage:3.0f}% |{bar:20}| {n}/{total}, {elapsed}, {remaining} left{postfix}"
            self._bar = tqdm(
                total=total, initial=done, bar_format=form, file=sys.stderr, dynamic_ncols=True
            )

    def update(self, step: int, latest: Mapping[str, float]) -> None:
        """Tells of steps done so far, and of the latest line of the log, which is empty before the
        first."""
        losses = [f"{name} {value:.3g}" for name, value in latest.items() if name not in _UNSAID]
        # First what must not be cut off where the terminal is narrow.
        text = "  ".join(
            [f"{latest['pictures_per_second']:.3g} pictures/s", *losses] if latest else ()
        )
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(step - self._bar.n)
        elif latest and latest != self._said:
            print(f"{step}/{self._total}  {text}", flush=True)
            self._said = latest

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.close()

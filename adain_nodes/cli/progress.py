"""A progress bar for the terminal, and lines beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import host


@contextmanager
def terminal_progress(pieces: int) -> Iterator[host.Progress | None]:
    """Draws a bar on stderr while the work lasts; None where that is no terminal.

    Args:
        pieces: of work, each of which reports from nothing to its own total; they count the same.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from huggingface_hub.utils.tqdm import tqdm

    bar: Any = None
    finished = 0

    def report(done: int, total: int) -> None:
        nonlocal bar, finished
        if bar is None:
            form = "{percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"
            bar = tqdm(  # type: ignore[no-untyped-call, unused-ignore]
                total=pieces, bar_format=form, leave=False, file=sys.stderr
            )
        bar.update(finished + done / total - bar.n)
        finished += done == total

    try:
        yield report
    finally:
        if bar is not None:
            bar.close()


def print_above(text: str) -> None:
    """Prints a line to stdout, and if there is a bar on the terminal, above it."""
    if not sys.stderr.isatty():
        print(text)
        return
    from huggingface_hub.utils.tqdm import tqdm

    tqdm.write(text, file=sys.stdout)

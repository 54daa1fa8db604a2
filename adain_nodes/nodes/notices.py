"""Warnings on the node that they are about, where users see them, and not only in the log."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any, ParamSpec

P = ParamSpec("P")

_PACKAGE = __name__.rsplit(".", 2)[0]  # in ComfyUI this begins with the path of the pack


class _Collector(logging.Handler):
    """Keeps the warnings of one thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


def shows_warnings(function: Callable[P, tuple[Any, ...]]) -> Callable[P, Any]:
    """A node's function whose warnings the page shows on the node (web/adain.js): ComfyUI sends
    them as the node's `text`."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Any:
        collector = _Collector()
        logger = logging.getLogger(_PACKAGE)
        logger.addHandler(collector)
        try:
            result = function(*args, **kwargs)
        finally:
            logger.removeHandler(collector)
        if not collector.lines:
            return result
        return {"ui": {"text": tuple(collector.lines)}, "result": result}

    return wrapped

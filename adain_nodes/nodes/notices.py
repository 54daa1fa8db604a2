"""Warnings on the node that they are about, where users see them, and not only in the log."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec

P = ParamSpec("P")

_PACKAGE = __name__.rsplit(".", 2)[0]  # in ComfyUI this begins with the path of the pack


class _Collector(logging.Handler):
    """Keeps the warnings of one node, in whatever thread it works."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if _listening.get() is self:
            self.lines.append(record.getMessage())


_listening: ContextVar[_Collector | None] = ContextVar("_listening", default=None)
"""That of the node that is at work."""


def shows_warnings(function: Callable[P, tuple[Any, ...]]) -> Callable[P, Any]:
    """A node's function whose warnings the page shows on the node (web/adain.js): ComfyUI sends
    them as the node's `text`."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Any:
        collector = _Collector()
        logger = logging.getLogger(_PACKAGE)
        logger.addHandler(collector)
        before = _listening.set(collector)
        try:
            result = function(*args, **kwargs)
        finally:
            _listening.reset(before)
            logger.removeHandler(collector)
        if not collector.lines:
            return result
        return {"ui": {"text": tuple(collector.lines)}, "result": result}

    return wrapped

"""Work beside the networks, which keep the calling thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

_END: Any = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Makes the next item in another thread while the last one is used in this one. What making one
    raises is raised when it is asked for."""
    context = copy_context()  # each thread has its own, as it has its own inference mode below
    iterator = iter(items)

    def made() -> T:
        return next(iterator, _END)

    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(context.run, made)
        while (item := following.result()) is not _END:
            following = thread.submit(context.run, made)
            yield item


def behind(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Works on each item in another thread while the next is made in this one.

    Args:
        work: done for one item at a time, in order.
        items: of which there are two at a time. If making one fails, those before it are worked on
            all the same.

    Yields:
        What the work gives, in order.
    """
    context, inference = copy_context(), torch.is_inference_mode_enabled()
    failures: list[Exception] = []

    def made() -> Iterator[T]:
        try:
            yield from items
        except Exception as error:
            failures.append(error)

    def done(item: T) -> R:
        with torch.inference_mode(inference):
            return work(item)

    with ThreadPoolExecutor(1) as thread:
        waiting = deque[Future[R]]()
        for item in made():
            waiting.append(thread.submit(context.run, done, item))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        if waiting:
            yield waiting.popleft().result()
    if failures:
        raise failures[0]

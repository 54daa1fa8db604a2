"""Work beside the networks, which keep the calling thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

_END: Any = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Makes the next item in another thread while the last one is used in this one. What making one
    raises is raised when it is asked for."""
    with ThreadPoolExecutor(1) as thread:
        iterator = iter(items)
        following = thread.submit(next, iterator, _END)
        while (item := following.result()) is not _END:
            following = thread.submit(next, iterator, _END)
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
    inference = torch.is_inference_mode_enabled()  # each thread has its own
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
            waiting.append(thread.submit(done, item))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        if waiting:
            yield waiting.popleft().result()
    if failures:
        raise failures[0]

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest
import torch

from adain_nodes.host.threads import ahead, behind


def test_the_next_item_is_made_while_one_is_used() -> None:
    """Were they made in turns, the wait would not end."""
    made = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    found = ahead(items())
    for number in range(3):
        assert next(found) == number
        assert made[number + 1].wait(60)
    assert list(found) == [3]
    assert list(ahead([])) == []


def test_work_goes_on_while_the_next_item_is_made() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number in range(4):
            assert number == 0 or begun[number - 1].wait(60)
            yield number

    def work(number: int) -> int:
        begun[number].set()
        return number * number

    assert list(behind(work, items())) == [0, 1, 4, 9]
    assert list(behind(work, [])) == []


def test_items_and_work_have_their_threads() -> None:
    here = threading.get_ident()
    assert set(behind(lambda _: threading.get_ident() == here, range(3))) == {False}
    assert set(ahead(threading.get_ident() == here for _ in range(3))) == {False}
    assert set(behind(lambda own: own == here, (threading.get_ident() for _ in range(3)))) == {True}


def test_what_fails_is_raised_after_what_was_made_before() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("the third")

    for found in (ahead(items()), behind(abs, items())):
        assert [next(found), next(found)] == [1, 2]
        with pytest.raises(ValueError, match="the third"):
            next(found)


def test_work_that_fails_ends_it() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            yield number

    found = behind(lambda number: 1 // (1 - number), items())
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert len(made) < 9


def test_closing_waits_for_what_is_on_its_way() -> None:
    done = []

    def work(number: int) -> int:
        done.append(number)
        return number

    found = behind(work, range(9))
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert done == [0, 1]


def test_work_is_in_inference_mode_where_the_items_are() -> None:
    """Or what is made in it could not be written to."""
    with torch.inference_mode():
        pictures = [torch.zeros(2) for _ in range(2)]
        assert [each.tolist() for each in behind(lambda each: each.add_(1), pictures)] == [
            [1, 1]
        ] * 2


def test_threads_know_what_the_calling_one_does() -> None:
    """As who is at work."""
    name = ContextVar("name", default="nobody")
    name.set("me")
    assert list(ahead(name.get() for _ in range(2))) == ["me", "me"]
    assert list(behind(lambda _: name.get(), range(2))) == ["me", "me"]

from __future__ import annotations

import numpy as np
import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import check_choice, check_share, check_size


@pytest.mark.parametrize("value", [0, 1, 0.3, np.float32(0.5)])
def test_shares_within_0_and_1_pass(value: float) -> None:
    check_share("alpha", value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(5, "5"), (-3.0, "-3"), (float("nan"), "nan"), ("x", "'x'"), (None, "None")],
)
def test_anything_else_is_refused_by_name(value: object, shown: str) -> None:
    with pytest.raises(InputError) as caught:
        check_share("alpha", value)
    assert str(caught.value) == (
        f"alpha must be a number from 0 (the content) to 1 (the full style), got {shown}"
    )
    with pytest.raises(InputError, match=f"^recolored must be a number from 0 to 1, got {shown}$"):
        check_share("recolored", value)


def test_a_size_is_0_or_more() -> None:
    check_size("size", 0)
    check_size("size", 512)
    with pytest.raises(InputError, match=r"size must be 0 .* got -1"):
        check_size("size", -1)


def test_a_word_is_one_of_those_there_are() -> None:
    check_choice("way", "b", ("a", "b"))
    with pytest.raises(InputError, match="way must be a, b or c, got 'd'"):
        check_choice("way", "d", ("a", "b", "c"))
    with pytest.raises(InputError, match="way must be a, got 3"):
        check_choice("way", 3, ("a",))

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from adain_nodes.training.schedule import SCHEDULES, Schedule, decay


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_starts_at_1_and_never_rises(schedule: Schedule) -> None:
    factors = [decay(schedule, step, 50) for step in range(51)]
    assert factors[0] == 1
    assert all(later <= earlier for earlier, later in pairwise(factors))


def test_cosine_falls_to_nothing() -> None:
    assert decay("cosine", 25, 100) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert decay("cosine", 50, 100) == pytest.approx(0.5)
    assert decay("cosine", 100, 100) == pytest.approx(0)


def test_inverse_is_that_of_the_authors_code() -> None:
    # 1e-4 / (1 + 5e-5 t), a ninth after all of their 160,000 steps.
    assert 1e-4 * decay("inverse", 20_000, 160_000) == pytest.approx(5e-5)
    assert decay("inverse", 160_000, 160_000) == pytest.approx(1 / 9)


def test_constant_stays() -> None:
    assert decay("constant", 99, 100) == 1

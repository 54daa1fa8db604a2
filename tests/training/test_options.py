from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import SCHEDULES, Reference, Schedule
from adain_nodes.training.options import TrainingOptions, decay, style_weight


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps .* got 0"),
        ({"batch": 0}, "batch .* got 0"),
        ({"crop": 0}, "crop .* got 0"),
        ({"crop": 8}, "at least 16, got 8"),
        ({"crop": 60}, "multiple of 8 .* got 60"),
        ({"photographs_as_styles": 1.5}, r"from 0 to 1, got 1\.5"),
        ({"photographs_as_styles": -0.1}, r"from 0 to 1, got -0\.1"),
        ({"recolored_styles": 1.5}, r"recolored_styles .* to 1, got 1\.5"),
        ({"optimizer": "sgd"}, "muon or adam, got 'sgd'"),
        ({"reference": "paper"}, "the paper reading has no style weight"),
        ({"reference": "tensorflow"}, "got 'tensorflow'"),
        ({"initialization": "zero"}, "transposed or random, got 'zero'"),
        ({"ema": 1.0}, "ema .* got 1"),
        ({"ema": -0.1}, "ema .* got -0.1"),
        ({"learning_rate": 0.0}, "learning_rate .* got 0"),
        ({"schedule": "linear"}, "cosine, constant or inverse, got 'linear'"),
        ({"content_weight": -1.0}, "content_weight .* got -1"),
        ({"style_weight": -1.0}, "style_weight .* got -1"),
        ({"tv_weight": float("nan")}, "tv_weight .* got nan"),
        ({"smoothness_weight": -1.0}, "smoothness_weight .* got -1"),
        ({"identity_weight": -1.0}, "identity_weight .* got -1"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainingOptions(**{"steps": 1, **options})


@pytest.mark.parametrize(("reference", "weight"), [("torch", 1e-2), ("pytorch", 10)])
def test_each_reading_but_the_papers_brings_its_style_weight(
    reference: Reference, weight: float
) -> None:
    assert style_weight(reference, None) == weight
    assert style_weight(reference, 0.0) == style_weight("paper", 0.0) == 0


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

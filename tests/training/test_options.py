from __future__ import annotations

from typing import Any

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import Reference
from adain_nodes.training.options import TrainingOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps .* got 0"),
        ({"batch": 0}, "batch .* got 0"),
        ({"crop": 0}, "crop .* got 0"),
        ({"crop": 8}, "at least 16, got 8"),
        ({"crop": 60}, "multiple of 8 .* got 60"),
        ({"photographs_as_styles": 1.5}, r"0\.\.1, got 1\.5"),
        ({"photographs_as_styles": -0.1}, r"0\.\.1, got -0\.1"),
        ({"recolored_styles": 1.5}, r"recolored_styles .* 0\.\.1, got 1\.5"),
        ({"optimizer": "sgd"}, "adam, muon, got 'sgd'"),
        ({"reference": "paper"}, "paper"),
        ({"ema": 1.0}, "ema .* got 1"),
        ({"ema": -0.1}, "ema .* got -0.1"),
        ({"learning_rate": 0.0}, "learning_rate .* got 0"),
        ({"schedule": "linear"}, "cosine, constant, inverse, got 'linear'"),
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
def test_each_reading_brings_its_style_weight(reference: Reference, weight: float) -> None:
    assert TrainingOptions(steps=1, reference=reference).weight_of_style == weight


@pytest.mark.parametrize("reference", ["paper", "torch", "pytorch"])
def test_a_given_style_weight_wins(reference: Reference) -> None:
    options = TrainingOptions(steps=1, reference=reference, style_weight=0.0)
    assert options.weight_of_style == 0

"""What the decoders that come along make of example pictures, on which they were never trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from adain_nodes.models.model import Model, load_model
from adain_nodes.training.evaluation.evaluate import (
    CONTENT,
    Row,
    balanced_pairs,
    evaluate,
    reconstructions,
)
from adain_nodes.training.evaluation.losses import LossMeter

IMAGES = Path(__file__).parents[3] / "examples" / "images"
CONTENTS = [IMAGES / f"content-{name}.jpg" for name in ("astronaut", "cat", "coffee")]
STYLES = [IMAGES / f"style-{name}.jpg" for name in ("swirls", "mosaic", "watercolour")]
NAMES = ("adain-vgg16", "adain-vgg16-content")


@pytest.fixture(scope="module")
def models() -> list[Model]:
    return [load_model(name, precision="fp32") for name in NAMES]


@pytest.fixture(scope="module")
def rows(models: list[Model]) -> dict[str, Row]:
    meter = LossMeter(models[0].encoder, models[0].dtype)
    pairs = balanced_pairs(CONTENTS, STYLES)
    return {row.name: row for row in evaluate(pairs, models, meter, size=256)}


@pytest.mark.parametrize("name", NAMES)
def test_results_have_the_style_and_are_no_farther_from_the_target(
    rows: dict[str, Row], name: str
) -> None:
    unchanged, result = rows[CONTENT], rows[name]
    assert result.style_loss <= unchanged.style_loss / 8
    assert result.content_loss <= unchanged.content_loss


def test_one_has_more_of_the_style_and_one_more_of_the_content(rows: dict[str, Row]) -> None:
    faithful, content = (rows[name] for name in NAMES)
    assert faithful.style_loss < content.style_loss
    assert faithful.content_loss > content.content_loss
    assert faithful.ssim < content.ssim


def test_photographs_come_back_at_alpha_0(models: list[Model]) -> None:
    faithful, content = (result.psnr for result in reconstructions(models, CONTENTS))
    assert 20 <= faithful < content

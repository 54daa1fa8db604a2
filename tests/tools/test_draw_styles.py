"""The style pictures are those that the script draws."""

from __future__ import annotations

import numpy as np
from draw_styles import IMAGES, STYLES
from drawing_tools import finish
from PIL import Image


def test_every_style_picture_is_drawn() -> None:
    kept = {path.stem.removeprefix("style-") for path in IMAGES.glob("style-*.jpg")}
    assert kept == set(STYLES)


def test_a_picture_is_drawn_as_it_is_kept() -> None:
    draw, seed = STYLES["geometry"]
    drawn = finish(draw(np.random.default_rng(seed)))
    with Image.open(IMAGES / "style-geometry.jpg") as kept:
        difference = np.abs(np.asarray(drawn, float) - np.asarray(kept.convert("RGB"), float))
    assert difference.mean() < 10  # JPEG loses 7; another seed gives 80

"""The example style pictures are those that the script draws."""

from __future__ import annotations

import numpy as np
from draw_styles import EXAMPLES, IMAGES, drawn
from PIL import Image


def test_every_style_picture_is_drawn() -> None:
    kept = {path.stem.removeprefix("style-") for path in IMAGES.glob("style-*.jpg")}
    assert kept == set(EXAMPLES)


def test_a_picture_is_drawn_as_it_is_kept() -> None:
    with Image.open(IMAGES / "style-geometry.jpg") as kept:
        difference = np.abs(
            np.asarray(drawn("geometry"), float) - np.asarray(kept.convert("RGB"), float)
        )
    assert difference.mean() < 10  # JPEG loses 7; another seed gives 80

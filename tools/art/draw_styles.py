"""Draws style pictures: python tools/art/draw_styles.py [NAME ...].

Those of EXAMPLES are kept in examples/images, of the others only what a style file holds: see
build_styles.py. Each picture imitates a technique, not a work: strong strokes, few pigments and
texture at every scale, since AdaIN carries over means and deviations of features and so shows these
best. Each has a seed of its own, so a run gives the same picture whatever else is drawn.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from drawing_tools import Random, finish
from drawn_styles import (
    charcoal,
    comic,
    crayon,
    facets,
    neon,
)
from graphic_styles import geometry, mosaic, stained_glass, wave, woodcut
from landscape_styles import (
    birches,
    harbour,
    pastel,
    snow,
    storm,
    sunset,
    water_lilies,
    wheat_field,
)
from ornament_styles import (
    agate,
    art_deco,
    batik,
    embroidery,
    gold_ground,
    groove,
    tiles,
)
from painted_styles import ink_wash, pointillism, poppies, swirls, watercolour
from PIL import Image

IMAGES = Path(__file__).parents[2] / "examples" / "images"

# Name of the picture, the function that draws it, its seed.
EXAMPLES: dict[str, tuple[Callable[[Random], Image.Image], int]] = {
    "geometry": (geometry, 8),
    "ink-wash": (ink_wash, 7),
    "mosaic": (mosaic, 9),
    "pointillism": (pointillism, 5),
    "poppies": (poppies, 2),
    "stained-glass": (stained_glass, 3),
    "swirls": (swirls, 1),
    "watercolour": (watercolour, 6),
    "wave": (wave, 10),
    "woodcut": (woodcut, 4),
}
STYLES = EXAMPLES | {
    "agate": (agate, 11),
    "art-deco": (art_deco, 12),
    "batik": (batik, 13),
    "birches": (birches, 14),
    "charcoal": (charcoal, 16),
    "comic": (comic, 18),
    "crayon": (crayon, 19),
    "embroidery": (embroidery, 21),
    "facets": (facets, 23),
    "gold-ground": (gold_ground, 24),
    "groove": (groove, 25),
    "harbour": (harbour, 26),
    "neon": (neon, 28),
    "pastel": (pastel, 29),
    "snow": (snow, 30),
    "storm": (storm, 31),
    "sunset": (sunset, 32),
    "tiles": (tiles, 33),
    "water-lilies": (water_lilies, 34),
    "wheat-field": (wheat_field, 35),
}


def drawn(name: str) -> Image.Image:
    """The picture of a style, 512x512 px."""
    draw, seed = STYLES[name]
    return finish(draw(np.random.default_rng(seed)))


def main() -> None:
    """Draws the named pictures, or those of examples/images."""
    parser = argparse.ArgumentParser(description="Draws style pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(STYLES)}")
    parser.add_argument("--output", type=Path, default=IMAGES, metavar="DIR")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(STYLES)):
        parser.error(f"no style named {', '.join(unknown)}; there are {', '.join(STYLES)}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or EXAMPLES:
        drawn(name).save(arguments.output / f"style-{name}.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()

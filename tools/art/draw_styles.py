"""Draws the style pictures of examples/images: python tools/art/draw_styles.py [NAME ...].

Each picture imitates a technique, not a work: strong strokes, few pigments and texture at every
scale, since AdaIN carries over means and deviations of features and so shows these best. Each
has a seed of its own, so a run gives the same picture whatever else is drawn.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from drawing_tools import Random, finish
from graphic_styles import geometry, mosaic, stained_glass, wave, woodcut
from painted_styles import ink_wash, pointillism, poppies, swirls, watercolour
from PIL import Image

IMAGES = Path(__file__).parents[2] / "examples" / "images"

# Name of the picture, the function that draws it, its seed.
STYLES: dict[str, tuple[Callable[[Random], Image.Image], int]] = {
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


def main() -> None:
    """Draws the named pictures, or all of them."""
    parser = argparse.ArgumentParser(description="Draws the style pictures of examples/images.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(STYLES)}")
    parser.add_argument("--output", type=Path, default=IMAGES, metavar="DIR")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(STYLES)):
        parser.error(f"no style named {', '.join(unknown)}; there are {', '.join(STYLES)}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or STYLES:
        draw, seed = STYLES[name]
        picture = finish(draw(np.random.default_rng(seed)))
        picture.save(arguments.output / f"style-{name}.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()

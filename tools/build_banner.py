"""Makes what the ComfyUI registry shows of the package: python tools/build_banner.py."""

from __future__ import annotations

import torch
from build_sheets import DOCS
from example_pictures import content, square

from adain_nodes.files.pictures import to_image
from adain_nodes.files.ready_made import ready_made_styles
from adain_nodes.files.styles import load_style
from adain_nodes.models.model import load_model
from adain_nodes.pipeline.stylize import stylize

SIDE = 400  # px, the largest icon
STRIPES = ("swirls", "woodcut", "gold-ground", "harbour", "stained-glass", "water-lilies", "sunset")
HEIGHT, WIDTH = 420, 980  # 21:9
QUALITY = 85


def main() -> None:
    """Writes docs/icon.jpg and docs/banner.jpg."""
    model, styles = load_model(), ready_made_styles()
    photograph = content("dahlia")
    flower = stylize(photograph, load_style(styles["swirls"]), model=model)
    to_image(square(flower, SIDE)).save(DOCS / "icon.jpg", quality=QUALITY)
    photograph = content("pavilion")
    width = WIDTH // len(STRIPES)
    stripes = []
    for number, name in enumerate(STRIPES):
        result = stylize(photograph, load_style(styles[name]), model=model, content_size=700)
        top, left = 150, 30 + number * width
        stripes.append(result[0, top : top + HEIGHT, left : left + width])
    to_image(torch.cat(stripes, dim=1)).save(DOCS / "banner.jpg", quality=QUALITY)


if __name__ == "__main__":
    main()

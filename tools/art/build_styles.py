"""Makes the ready-made styles and the sheet that docs/styles.md shows:

    python tools/art/build_styles.py

Each style is drawn (draw_styles.py) and encoded; what stays is its style file in
adain_nodes/files/ready_made_styles. Run it again after a change to the encoder or to a drawing.
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from draw_styles import IMAGES, STYLES, drawn
from drawing_tools import FINISHED_SIDE
from PIL import Image
from torch import Tensor

from adain_nodes.files.pictures import read_picture, to_image
from adain_nodes.files.ready_made import FOLDER
from adain_nodes.files.sheets import arranged
from adain_nodes.files.styles import save_style
from adain_nodes.models.model import Model, load_model
from adain_nodes.pipeline.stylize import stylize
from adain_nodes.pipeline.transfer import style_of
from adain_nodes.pipeline.types import Style

SHEET = Path(__file__).parents[2] / "docs" / "styles.webp"

CONTENTS = ("pavilion", "astronaut")
COLUMNS = 3  # of styles, each with its picture and its results
CELL = 110  # px
QUALITY = 58  # of WebP


def picture(name: str) -> Tensor:
    """The picture of a style, [1,H,W,3] in 0..1."""
    return torch.from_numpy(np.asarray(drawn(name), dtype=np.float32) / 255)[None]


def encoded(model: Model, picture: Tensor) -> Style:
    """The style of a picture as it is kept."""
    return style_of(model, picture, shorter_side=FINISHED_SIDE)


def sheet(model: Model, styles: dict[str, tuple[Tensor, Style]]) -> Image.Image:
    """Each style's picture and what it makes of the contents."""
    contents = [read_picture(IMAGES / f"content-{name}.jpg") for name in CONTENTS]
    cells: list[list[Tensor | None]] = [
        [shown, *(stylize(each, style, model=model, content_size=256) for each in contents)]
        for shown, style in styles.values()
    ]
    cells += [[None] * len(cells[0])] * (-len(cells) % COLUMNS)
    rows = [list(chain(*cells[at : at + COLUMNS])) for at in range(0, len(cells), COLUMNS)]
    return to_image(arranged(rows, CELL))


def main() -> None:
    """Writes every style file anew, and the sheet."""
    parser = argparse.ArgumentParser(description="Makes the ready-made styles and their sheet.")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR")
    parser.add_argument("--sheet", type=Path, default=SHEET, metavar="FILE")
    arguments = parser.parse_args()
    model = load_model(precision="fp32")
    styles = {}
    for name in sorted(STYLES):
        shown = picture(name)
        styles[name] = shown, encoded(model, shown)
        path = arguments.output / f"{name}.safetensors"
        save_style(path, styles[name][1], sources=[name], preview=shown)
    sheet(model, styles).save(arguments.sheet, quality=QUALITY, method=6)


if __name__ == "__main__":
    main()

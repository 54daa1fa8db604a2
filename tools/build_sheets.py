"""Makes the pictures of docs/, except those of the ablation, from the example pictures:

    python tools/build_sheets.py [NAME ...]

Run it again after a change to weights.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from example_pictures import IMAGES, content, square, style
from measure_flicker import exposure_ramp
from PIL import Image
from torch import Tensor

from adain_nodes.files.masks import read_mask
from adain_nodes.files.sheets import arranged
from adain_nodes.files.styles import load_style, save_style
from adain_nodes.host.options import FRAME_STATISTICS
from adain_nodes.models.model import Model, load_model
from adain_nodes.pipeline.refine import refinement
from adain_nodes.pipeline.stylize import stylize
from adain_nodes.pipeline.sweeps import Rows, Sweep
from adain_nodes.pipeline.transfer import (
    compose,
    decode,
    encode,
    interpolate_styles,
    stack_styles,
    style_of,
    style_statistics,
    transfer,
)

DOCS = Path(__file__).parents[1] / "docs"

SIZE = 512  # px, shorter side of contents and styles
CELL = 160  # px, side of each picture in a sheet
QUALITY = 80  # of WebP: these are looked at, not computed with
FRAMES = 24
SHOWN_FRAMES = (0, 4, 8, 12, 16, 20, 23)


def gradient(height: int, width: int) -> Tensor:
    """A mask [1,H,W] that rises from 0 at the left to 1 at the right."""
    return torch.linspace(0, 1, width).expand(1, height, width)


def shown(mask: Tensor) -> Tensor:
    """A mask [1,H,W] as a picture [1,H,W,1]."""
    return mask[..., None]


def contact_sheet(model: Model) -> Rows:
    contents = ["astronaut", "cat", "coffee", "rocket", "pavilion", "dahlia"]
    styles = [
        "swirls",
        "stained-glass",
        "woodcut",
        "wave",
        "poppies",
        "mosaic",
        "watercolour",
        "geometry",
    ]
    return Sweep(model, list(map(content, contents)), list(map(style, styles)), SIZE).by_style()


def models(model: Model) -> Rows:
    """Content, style, result, and that of the model which keeps more of the content."""
    both = (model, load_model("adain-vgg16-content"))
    rows: Rows = []
    for name, art in [("astronaut", "swirls"), ("cat", "mosaic"), ("pavilion", "woodcut")]:
        picture, pattern = content(name), style(art)
        results = [Sweep(each, [picture], [pattern], SIZE).by_style()[1][1] for each in both]
        rows.append([picture, pattern, *results])
    return rows


def alpha(model: Model) -> Rows:
    return [
        *Sweep(model, [content("astronaut")], [style("stained-glass")], SIZE).by_alpha(),
        *Sweep(model, [content("pavilion")], [style("swirls")], SIZE).by_alpha(),
    ]


def strength_map(model: Model) -> Rows:
    """Content, mask, style, result; the statistics are those of the whole picture."""
    rows: Rows = []
    person = read_mask(IMAGES / "mask-astronaut-person.png")
    for name, art, mask in [
        ("pavilion", "swirls", gradient(427, 640)),
        ("astronaut", "stained-glass", 1 - 0.7 * person),
    ]:
        picture, pattern = content(name), style(art)
        features = encode(model, picture, shorter_side=SIZE)
        look = style_of(model, pattern, shorter_side=SIZE)
        result = transfer(features, look, mask=mask, mask_statistics="image")
        rows.append([picture, shown(mask), pattern, decode(model, result)])
    return rows


def interpolation(model: Model) -> Rows:
    styles = [style(name) for name in ("swirls", "stained-glass", "poppies", "woodcut")]
    return Sweep(model, [content("pavilion")], styles, SIZE).by_mixture()


def regions(model: Model) -> Rows:
    """Content, styles with their masks, result: two regions, and three with soft seams."""
    picture = content("astronaut")
    features = encode(model, picture, shorter_side=SIZE)
    person = read_mask(IMAGES / "mask-astronaut-person.png")
    right = gradient(*person.shape[1:])
    rows: Rows = []
    for parts in (
        {"swirls": 1 - person, "poppies": person},
        {
            "swirls": (1 - person) * (1 - right),
            "stained-glass": (1 - person) * right,
            "poppies": person,
        },
    ):
        looks = [style_of(model, style(name), shorter_side=SIZE) for name in parts]
        masked = [
            (transfer(features, look, mask=mask, apply_mask=False), mask)
            for look, mask in zip(looks, parts.values(), strict=True)
        ]
        row: list[Tensor | None] = [picture]
        for name, mask in parts.items():
            row += [shown(mask), style(name)]
        rows.append([*row, *[None] * (7 - len(row)), decode(model, compose(masked, features))])
    return rows


def style_mask(model: Model) -> Rows:
    """Content, style, its mask, result; the whole style and both halves."""
    picture, art = content("pavilion"), style("wave")
    features = encode(model, picture, shorter_side=SIZE)
    patterns = encode(model, art, shorter_side=SIZE)
    upper = torch.zeros(1, *art.shape[1:3])
    upper[:, : art.shape[1] // 2] = 1
    rows: Rows = []
    for mask in (torch.ones_like(upper), upper, 1 - upper):
        look = style_statistics(patterns, mask=mask)
        rows.append([picture, art, shown(mask), decode(model, transfer(features, look))])
    return rows


def color(model: Model) -> Rows:
    return [
        *Sweep(model, [content("pavilion")], [style("swirls")], SIZE).by_color(),
        *Sweep(model, [content("cat")], [style("woodcut")], SIZE).by_color(),
    ]


def bank(model: Model) -> Rows:
    """A bank of styles through a file: each of them, and all in equal parts."""
    names = ["swirls", "ink-wash", "poppies", "geometry"]
    pictures = [style(name) for name in names]
    stack = stack_styles([style_of(model, picture, shorter_side=SIZE) for picture in pictures])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.safetensors"
        save_style(path, stack, sources=names)
        loaded = load_style(path, encoder=model.identity)
    looks = [loaded[index] for index in range(len(loaded))]
    features = encode(model, content("dahlia"), shorter_side=SIZE)
    mixture = interpolate_styles(looks, [1] * len(looks))
    results = [decode(model, transfer(features, look)) for look in (*looks, mixture)]
    return [[None, *pictures, None], [content("dahlia"), *results]]


def film(model: Model) -> Rows:
    """Frames whose light comes up, and what each way to take statistics over time makes of them."""
    frames = exposure_ramp(square(content("pavilion"), 256), FRAMES, lit=256).frames
    look = style_of(model, style("swirls"), shorter_side=256)
    films = [
        frames,
        *(stylize(frames, look, model=model, frame_statistics=mode) for mode in FRAME_STATISTICS),
    ]
    return [[pictures[index][None] for index in SHOWN_FRAMES] for pictures in films]


REFINED = (
    ("pavilion", "swirls"),
    ("rocket", "ink-wash"),
    ("astronaut", "geometry"),
    ("cat", "woodcut"),
    ("dahlia", "mosaic"),
)


def refined(model: Model) -> Rows:
    """Content, style, decoded, and refined by more and more steps."""
    rows: Rows = []
    for name, art in REFINED:
        picture, pattern = content(name), style(art)
        look = style_of(model, pattern, shorter_side=SIZE)
        features = transfer(encode(model, picture, shorter_side=SIZE), look)
        way = list(refinement(model, decode(model, features), features, look, steps=30))
        rows.append([picture, pattern, *(way[step] for step in (0, 5, 10, 30))])
    return rows


SHEETS: dict[str, Callable[[Model], Rows]] = {
    "contact-sheet": contact_sheet,
    "models": models,
    "alpha": alpha,
    "strength-map": strength_map,
    "interpolation": interpolation,
    "regions": regions,
    "style-mask": style_mask,
    "color": color,
    "bank": bank,
    "film": film,
    "refined": refined,
}


def build(names: Sequence[str], folder: Path, model: Model) -> None:
    """Writes the sheets of these names."""
    for name in names:
        pixels = (255 * arranged(SHEETS[name](model), CELL)).round().byte().numpy()
        Image.fromarray(pixels).save(folder / f"{name}.webp", quality=QUALITY, method=6)
        print(folder / f"{name}.webp", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the pictures of the documentation.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SHEETS)}")
    parser.add_argument("--model", default="adain-vgg16")
    options = parser.parse_args()
    for name in options.names:
        if name not in SHEETS:
            parser.error(f"no sheet {name}; there are {', '.join(SHEETS)}")
    build(options.names or list(SHEETS), DOCS, load_model(options.model))


if __name__ == "__main__":
    main()

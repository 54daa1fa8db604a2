"""Makes the help that ComfyUI shows beside its canvas, below adain_nodes/nodes/web/docs:

    python tools/build_help.py             the pages in other languages, from locales/
    python tools/build_help.py --pictures  the pictures of effects, too (two minutes)

The English pages, NODE.md, are written by hand; NODE/LOCALE.md says in another language what the
node, its inputs and its outputs are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from example_pictures import IMAGES, content, style
from torch import Tensor

from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import to_image
from adain_nodes.files.ready_made import ready_made_styles
from adain_nodes.files.sheets import arranged
from adain_nodes.files.styles import load_style
from adain_nodes.models.model import Model, load_model
from adain_nodes.pipeline.colors import match_color
from adain_nodes.pipeline.stylize import stylize

ROOT = Path(__file__).parents[1]
LOCALES = ROOT / "locales"
DOCS = ROOT / "adain_nodes" / "nodes" / "web" / "docs"
PICTURES = DOCS / "pictures"

CELL = 150  # px: three fit the sidebar
QUALITY = 72  # of WebP
SIZE = 320  # px, shorter side of contents

WORDS = {
    "ar": ("المدخلات", "المخرجات"),
    "es": ("Entradas", "Salidas"),
    "fr": ("Entrées", "Sorties"),
    "ja": ("入力", "出力"),
    "ko": ("입력", "출력"),
    "pt-BR": ("Entradas", "Saídas"),
    "ru": ("Входы", "Выходы"),
    "tr": ("Girdiler", "Çıktılar"),  # noqa: RUF001  Turkish has two letters i
    "zh": ("输入", "输出"),
    "zh-TW": ("輸入", "輸出"),
}
"""What heads the lists: inputs, outputs."""

RIGHT_TO_LEFT = '<div dir="rtl">\n\n{}\n</div>\n'
"""For Arabic: the page itself runs from left to right in every language."""


def page(node: str, entry: dict[str, Any], words: tuple[str, str]) -> str:
    """The page of a node, from what its locale says of it."""
    blocks = [
        f"# {entry['display_name']}",
        f"![{entry['display_name']}](pictures/{node}.webp)",
        entry["description"],
    ]
    for kind, word in zip(("inputs", "outputs"), words, strict=True):
        if parts := entry.get(kind):
            # Not a table: the sidebar is too narrow for columns of long words.
            lines = (f"- **{part['name']}**: {part['tooltip']}" for part in parts.values())
            blocks += [f"**{word}**", "\n".join(lines)]
    if "help" in entry:
        blocks.append(entry["help"])
    return "\n\n".join(blocks) + "\n"


def pages() -> dict[Path, str]:
    """Every page in another language."""
    result = {}
    for locale, words in WORDS.items():
        text = (LOCALES / locale / "nodeDefs.json").read_text(encoding="utf-8")
        for node, entry in json.loads(text).items():
            written = page(node, entry, words)
            frame = RIGHT_TO_LEFT if locale == "ar" else "{}"
            result[DOCS / node / f"{locale}.md"] = frame.format(written)
    return result


def _stylized(model: Model, photograph: str, art: Any, **settings: Any) -> Tensor:
    look = style(art) if isinstance(art, str) else art
    return stylize(content(photograph), look, model=model, content_size=SIZE, **settings)


def _masked(model: Model) -> list[Tensor]:
    mask = read_mask(IMAGES / "mask-astronaut-person.png")
    both = [style("wave"), style("swirls")]
    return [mask[..., None], _stylized(model, "astronaut", both, mask=[mask])]


def _recolored(model: Model) -> list[Tensor]:
    recolored = match_color(style("woodcut"), content("dahlia"), "linear")
    return [style("woodcut"), recolored, _stylized(model, "dahlia", recolored)]


def _ready_made(model: Model) -> list[Tensor]:
    names = ("water-lilies", "groove", "gold-ground")
    styles = ready_made_styles()
    return [_stylized(model, "pavilion", load_style(styles[name])) for name in names]


EFFECTS: dict[str, Callable[[Model], list[Tensor]]] = {
    "AdaINModelLoader": lambda model: [
        content("astronaut"),
        _stylized(model, "astronaut", "swirls"),
        _stylized(load_model("adain-vgg16-content"), "astronaut", "swirls"),
    ],
    "AdaINExampleImage": lambda _: [content("dahlia"), content("coffee"), style("poppies")],
    "AdaINEncode": lambda model: [
        style("mosaic"),
        *(_stylized(model, "cat", "mosaic", style_size=size) for size in (256, 768)),
    ],
    "AdaINStyle": lambda model: [
        content("coffee"), style("watercolour"), _stylized(model, "coffee", "watercolour")
    ],
    "AdaINInterpolateStyles": lambda model: [
        _stylized(model, "pavilion", [style("wave"), style("poppies")], weights=weights)
        for weights in ((1, 0), (1, 1), (0, 1))
    ],
    "AdaINStackStyles": lambda model: [
        _stylized(model, "rocket", art) for art in ("swirls", "stained-glass", "ink-wash")
    ],
    "AdaINSaveStyle": lambda model: [style("poppies"), _stylized(model, "cat", "poppies")],
    "AdaINLoadStyle": _ready_made,
    "AdaINTransfer": lambda model: [
        _stylized(model, "pavilion", "swirls", alpha=alpha) for alpha in (0.0, 0.5, 1.0)
    ],
    "AdaINSpatialMask": lambda model: [content("astronaut"), *_masked(model)],
    "AdaINDecode": lambda model: [
        content("dahlia"), _stylized(model, "dahlia", "woodcut", alpha=0.0),
        _stylized(model, "dahlia", "woodcut"),
    ],
    "AdaINMatchColor": _recolored,
    "AdaINStylize": lambda model: [
        content("pavilion"), style("swirls"), _stylized(model, "pavilion", "swirls")
    ],
    "AdaINLosses": lambda model: [
        content("cat"), style("geometry"), _stylized(model, "cat", "geometry")
    ],
    "AdaINRefine": lambda model: [
        style("swirls"),
        *(_stylized(model, "astronaut", "swirls", refine=steps) for steps in (0, 20)),
    ],
    "AdaINStylizeVideo": lambda model: [
        _stylized(model, "rocket", "stained-glass")[:, :, start : start + SIZE]
        for start in (0, 80, 160)
    ],
}  # fmt: skip
"""What each node does, in pictures [1,H,W,C]."""


def main() -> None:
    """Writes the pages and, on demand, the pictures."""
    parser = argparse.ArgumentParser(description="Makes the help pages and their pictures.")
    parser.add_argument("--pictures", action="store_true", help="make the pictures, too")
    arguments = parser.parse_args()
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    if arguments.pictures:
        model = load_model(precision="fp32")
        PICTURES.mkdir(exist_ok=True)
        for node, effect in EFFECTS.items():
            sheet = to_image(arranged([effect(model)], CELL))
            sheet.save(PICTURES / f"{node}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()

"""`adain-nodes grid`: a sheet of contents x styles, as in the paper's figure 4."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

GAP = 6
"""White px between the pictures."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "grid",
        help="make a sheet of contents x styles",
        description="Makes one picture: styles in the first row, contents in the first column, "
        "results where they meet, all cropped to squares.",
    )
    parser.add_argument("--content", type=Path, nargs="+", required=True, help="pictures")
    parser.add_argument("--style", type=Path, nargs="+", required=True, help="pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="picture to write")
    parser.add_argument("--alpha", type=float, default=1.0, help="0 content to 1 style")
    parser.add_argument("--size", type=int, default=512, help="shorter side to compute at in px")
    parser.add_argument("--cell", type=int, default=256, help="side of each picture in the sheet")
    parser.add_argument("--model", default="adain-vgg16", help="name or folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from .. import pipeline
    from ..image_files import check_writable, read_picture, write_picture
    from ..model import load_model

    columns, rows = len(options.style) + 1, len(options.content) + 1
    size = tuple(count * options.cell + (count - 1) * GAP for count in (rows, columns))
    check_writable(options.output, (size[0], size[1]))
    contents = [read_picture(path) for path in options.content]
    styles = [read_picture(path) for path in options.style]
    model = load_model(options.model)
    statistics = [
        pipeline.style_statistics(pipeline.encode(model, style, shorter_side=options.size))
        for style in styles
    ]
    sheet: list[list[Tensor | None]] = [[None, *styles]]
    for content in contents:
        features = pipeline.encode(model, content, shorter_side=options.size)
        results = [
            pipeline.decode(model, pipeline.transfer(features, style, alpha=options.alpha))
            for style in statistics
        ]
        sheet.append([content, *results])
    write_picture(options.output, arranged(sheet, options.cell))
    print(f"{options.output}: {len(contents)} contents x {len(styles)} styles")


def arranged(rows: Sequence[Sequence[Tensor | None]], cell: int) -> Tensor:
    """Pictures as one, in rows of squares with white gaps.

    Args:
        rows: pictures [1,H,W,C] in 0..1, of any size; None leaves a place white.
        cell: side of a square in px. Pictures are cropped to their middle and scaled.

    Returns:
        [H,W,3].
    """
    import torch

    pitch = cell + GAP
    sheet = torch.ones(len(rows) * pitch - GAP, len(rows[0]) * pitch - GAP, 3)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            if picture is not None:
                top, left = row * pitch, column * pitch
                sheet[top : top + cell, left : left + cell] = _square(picture, cell)
    return sheet


def _square(picture: Tensor, side: int) -> Tensor:
    import torch.nn.functional as F

    height, width = picture.shape[1:3]
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    middle = picture[:, top : top + shorter, left : left + shorter, :3].movedim(-1, 1)
    scaled = F.interpolate(middle, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
    return scaled[0].movedim(0, -1).expand(-1, -1, 3)

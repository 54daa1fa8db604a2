"""`adain-nodes grid`: sheets of contents x styles, and of what each control of the paper does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..host.errors import InputError
from ..host.options import COLOR_METHODS, check_share, check_size
from .options import add_contents, add_model, add_output, add_several, contents_of

if TYPE_CHECKING:
    from ..pipeline.sweeps import Rows

SWEEPS = ("styles", "alpha", "interpolation", "color", "mask")

DESCRIPTION = """\
Makes one picture out of many, all cropped to squares. What is in it depends on --sweep:
  styles         styles in the first row, contents in the first column, results where they meet
  alpha          a row for each content and style: content, alpha 0, 0.25, 0.5, 0.75, 1, style
  interpolation  one content in 5x5 mixtures of four styles, which stand beside their corners:
                 top left, top right, bottom left, bottom right
  color          a row for each content and style: both, the result, and the results that keep the
                 content's colours by linear, mean_std, coral, histogram, luminance
  mask           a row for each content: content, mask, the style within it, the style of the rest,
                 result
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "grid",
        help="make a sheet of contents x styles, or of a control at several settings",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_contents(parser, "picture, or folder of pictures")
    add_several(parser, "--style", "picture, or folder of pictures", metavar="STYLE", required=True)
    add_output(parser, "picture to write")
    parser.add_argument("--sweep", choices=SWEEPS, default="styles", help="default: styles")
    parser.add_argument("--mask", type=Path, help="for --sweep mask: white selects the first style")
    parser.add_argument(
        "--alpha",
        type=float,
        metavar="A",
        help="strength of the style, 0 to 1 (default: 1); not for --sweep alpha",
    )
    parser.add_argument("--size", type=int, default=512, help="shorter side to compute at in px")
    parser.add_argument("--cell", type=int, default=256, help="side of each picture in the sheet")
    add_model(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class Sheet:
    """What is to be made."""

    rows: int
    """Pictures down."""

    columns: int
    """Pictures across."""

    pieces: int
    """Pictures to encode and to decode."""

    make: Callable[..., Rows]
    """Makes the pictures: one of `sweeps`, which wants a model and may have `progress`."""


def run(options: argparse.Namespace) -> None:
    from ..files.pictures import check_writable, write_picture
    from ..files.sheets import GAP, arranged
    from ..host.devices import chosen_device
    from ..models.model import load_model
    from .progress import terminal_progress

    _expand(options)
    _check(options)
    sheet = _sheet(options)
    height, width = (
        count * options.cell + (count - 1) * GAP for count in (sheet.rows, sheet.columns)
    )
    check_writable(options.output, (height, width))
    model = load_model(
        options.model, precision=options.precision, device=chosen_device(options.device)
    )
    with terminal_progress(sheet.pieces) as progress:
        rows = sheet.make(model, progress=progress)
    write_picture(options.output, arranged(rows, options.cell))
    print(
        f"{options.output}: {options.sweep}, {len(options.content)} contents, "
        f"{len(options.style)} styles, {width}x{height} px"
    )


def _expand(options: argparse.Namespace) -> None:
    """Puts the pictures of folders in their place."""
    from ..files.folders import files_of
    from ..files.pictures import READABLE_SUFFIXES

    options.content = files_of(contents_of(options), READABLE_SUFFIXES)
    options.style = files_of(options.style, READABLE_SUFFIXES)


def _check(options: argparse.Namespace) -> None:
    if options.sweep == "alpha" and options.alpha is not None:
        raise InputError("--alpha sets what --sweep alpha varies: give one of them")
    if options.alpha is not None:
        check_share("alpha", options.alpha)
    check_size("size", options.size)
    if (options.sweep == "mask") != (options.mask is not None):
        raise InputError("--sweep mask needs a --mask, and no other sweep takes one")
    wanted = {"interpolation": 4, "mask": 2}.get(options.sweep)
    if wanted is not None and len(options.style) != wanted:
        raise InputError(f"--sweep {options.sweep} takes {wanted} styles, got {len(options.style)}")
    if options.sweep == "interpolation" and len(options.content) != 1:
        raise InputError(f"--sweep interpolation takes one content, got {len(options.content)}")
    if options.cell < 1:
        raise InputError(f"--cell must be at least 1 px, got {options.cell}")


def _sheet(options: argparse.Namespace) -> Sheet:
    """Reads the pictures.

    Raises:
        InputError: one cannot be read.
    """
    from ..files.masks import read_mask
    from ..files.pictures import read_picture
    from ..pipeline import sweeps
    from ..pipeline.colors import recolors_style

    contents = [read_picture(path) for path in options.content]
    styles = [read_picture(path) for path in options.style]
    alpha = 1.0 if options.alpha is None else options.alpha
    inputs, pairs = len(contents) + len(styles), len(contents) * len(styles)
    several: dict[str, Any] = {"contents": contents, "styles": styles, "size": options.size}
    if options.sweep == "alpha":
        values = len(sweeps.ALPHAS)
        make = partial(sweeps.alpha_sweep, **several)
        return Sheet(pairs, values + 2, inputs + pairs * values, make)
    if options.sweep == "interpolation":
        side = sweeps.SQUARE
        one: dict[str, Any] = {"content": contents[0], "styles": styles, "size": options.size}
        make = partial(sweeps.interpolation_square, **one, alpha=alpha)
        return Sheet(side, side + 2, inputs + side**2, make)
    if options.sweep == "color":
        results = 1 + 2 * sum(map(recolors_style, COLOR_METHODS))
        make = partial(sweeps.color_sweep, **several, alpha=alpha)
        return Sheet(pairs, len(COLOR_METHODS) + 3, inputs + pairs * results, make)
    if options.sweep == "mask":
        mask = read_mask(options.mask)
        make = partial(sweeps.mask_sweep, **several, mask=mask, alpha=alpha)
        return Sheet(len(contents), 5, inputs + len(contents), make)
    make = partial(sweeps.style_sweep, **several, alpha=alpha)
    return Sheet(len(contents) + 1, len(styles) + 1, inputs + pairs, make)

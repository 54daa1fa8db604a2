"""`adain-nodes grid`: sheets of contents x styles, and of what each control of the paper does."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..host.errors import InputError
from ..host.options import COLOR_METHODS, check_share, check_size
from .options import add_contents, add_model, add_output, add_several, contents_of

SWEEPS = {
    "styles": "by_style",
    "alpha": "by_alpha",
    "interpolation": "by_mixture",
    "color": "by_color",
    "mask": "by_mask",
}
"""What --sweep takes, and the method of `Sweep` that makes it."""

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


def run(options: argparse.Namespace) -> None:
    from ..files.folders import files_of, left_out
    from ..files.formats import READABLE_SUFFIXES
    from ..files.masks import read_mask
    from ..files.pictures import check_writable, read_picture, write_picture
    from ..files.sheets import GAP, arranged
    from ..host.devices import chosen_device
    from ..models.model import load_model
    from ..pipeline.sweeps import Sweep
    from .progress import terminal_progress
    from .stylize_names import check_output

    folders = (*contents_of(options), *options.style)
    options.content = files_of(contents_of(options), READABLE_SUFFIXES)
    options.style = files_of(options.style, READABLE_SUFFIXES)
    _check(options)
    contents, styles = (
        [read_picture(path) for path in paths] for paths in (options.content, options.style)
    )
    mask = [] if options.mask is None else [read_mask(options.mask)]
    rows, columns, pieces = extent(options.sweep, len(contents), len(styles))
    height, width = (count * options.cell + (count - 1) * GAP for count in (rows, columns))
    check_writable(options.output, (height, width))
    check_output(options.output, (*options.content, *options.style, *filter(None, [options.mask])))
    model = load_model(
        options.model, precision=options.precision, device=chosen_device(options.device)
    )
    alpha = 1.0 if options.alpha is None else options.alpha
    with terminal_progress(pieces) as progress:
        sweep = Sweep(model, contents, styles, options.size, alpha, progress)
        pictures = getattr(sweep, SWEEPS[options.sweep])(*mask)
    write_picture(options.output, arranged(pictures, options.cell))
    print(
        f"{options.output}: {options.sweep}, {len(contents)} contents, {len(styles)} styles, "
        f"{width}x{height} px"
    )
    for line in left_out(folders, READABLE_SUFFIXES):
        print(line)


def extent(sweep: str, contents: int, styles: int) -> tuple[int, int, int]:
    """Pictures down and across a sheet, and pictures that are encoded and decoded for it."""
    from ..pipeline.colors import recolors_style
    from ..pipeline.sweeps import ALPHAS, SQUARE

    pairs = contents * styles
    recolored = sum(map(recolors_style, COLOR_METHODS))
    rows, columns, more = {
        "styles": (contents + 1, styles + 1, pairs),
        "alpha": (pairs, len(ALPHAS) + 2, pairs * len(ALPHAS)),
        "interpolation": (SQUARE, SQUARE + 2, SQUARE**2),
        "color": (pairs, len(COLOR_METHODS) + 3, pairs * (1 + 2 * recolored)),
        "mask": (contents, 5, contents),
    }[sweep]
    return rows, columns, contents + styles + more


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

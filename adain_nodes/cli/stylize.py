"""`adain-nodes stylize`: gives pictures the style of others."""

from __future__ import annotations

import argparse
from pathlib import Path

from .options import add_model, add_sizes

PRECISIONS = {"torch.float32": "fp32", "torch.bfloat16": "bf16", "torch.float16": "fp16"}

FRAME_STATISTICS = ("per_frame", "shared", "smoothed")

COLOR_METHODS = ("linear", "mean_std", "coral", "histogram", "luminance")

DESCRIPTION = """\
Gives pictures the style of others.

One style is applied to every content. Several styles are
  interpolated, with --weights: one weight for each;
  put side by side, with --mask: one mask for each, the last may go without and takes the rest;
  each combined with every content, otherwise.
One style with one mask leaves the rest of the content as it is.

Animations and videos are stylised frame by frame and written as what they are, with their timing
and sound; videos need PyAV: pip install 'adain-nodes[video]'.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "stylize",
        help="give pictures the style of others",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "content", type=Path, nargs="+", metavar="CONTENT",
        help="picture, animation (.gif, .webp, .png), video (.mp4, .mov, .mkv, .webm), or folder "
        "of pictures",
    )  # fmt: skip
    parser.add_argument(
        "--style", type=Path, action="append", required=True,
        help="picture to take the style from, or style file (.safetensors), in which each style of "
        "a bank counts; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT",
        help="file for one result (.png, .jpg, .webp; as the contents for films), folder for more; "
        "a folder is created",
    )  # fmt: skip
    parser.add_argument(
        "--alpha",
        type=float,
        default=1.0,
        help="0 keeps the content, 1 is the full style (default: 1)",
    )
    parser.add_argument(
        "--weights", metavar="W,W,...", help="interpolate the styles, such as 0.7,0.3"
    )
    parser.add_argument(
        "--mask", type=Path, action="append", default=[],
        help="picture, white where its style goes; first mask for first style and so on",
    )  # fmt: skip
    parser.add_argument(
        "--mask-statistics", choices=("region", "image"), default="region",
        help="take the content's own statistics within each mask, or over the whole image, where a "
        "grey mask is a map of alpha (default: region)",
    )  # fmt: skip
    parser.add_argument(
        "--mask-resize", choices=("area", "nearest"), default="area",
        help="average masks over the cells of 8x8 px, or sample them as the authors' code does "
        "(default: area)",
    )  # fmt: skip
    parser.add_argument(
        "--preserve-color", choices=COLOR_METHODS, metavar="METHOD",
        help="keep the colours of the content: linear, mean_std, coral or histogram recolour style "
        "pictures to it, luminance gives the result its chroma",
    )  # fmt: skip
    parser.add_argument(
        "--frame-statistics", choices=FRAME_STATISTICS, default="per_frame",
        help="take the statistics of a film's content on each frame, over all frames (steadiest "
        "unless all the light changes; encodes twice) or smoothed over time; the last two make one "
        "film of all pictures, in natural order (default: per_frame)",
    )  # fmt: skip
    parser.add_argument(
        "--smoothing", type=float, default=0.8, metavar="SHARE",
        help="for smoothed: what each frame keeps of the statistics before it, 0 to 1 (default: "
        "0.8)",
    )  # fmt: skip
    add_sizes(parser)
    parser.add_argument(
        "--tile-size", type=int, default=0, metavar="PX",
        help="height of the tiles to compute pictures in: smaller needs less memory; 0 takes what "
        "is fastest and fits (default: 0)",
    )  # fmt: skip
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import json
    from dataclasses import asdict
    from itertools import chain

    import torch

    from ..models.model import load_model
    from ..pipeline.film import FilmOptions
    from .device import chosen_device
    from .progress import print_above, terminal_progress
    from .stylize_film import stylized_films
    from .stylize_plan import make_plan
    from .stylize_work import EncodedStyles, read_inputs, stylized

    plan = make_plan(options)
    device = chosen_device(options.device)
    inputs = read_inputs(plan)
    with terminal_progress(2) as progress:
        model = load_model(
            options.model, precision=options.precision, device=device,
            tile_size=options.tile_size, progress=progress,
        )  # fmt: skip
    how = FilmOptions(
        alpha=options.alpha,
        content_size=options.size,
        mask_statistics=options.mask_statistics,
        mask_resize=options.mask_resize,
        preserve_color=options.preserve_color,
        frame_statistics=options.frame_statistics,
        smoothing=options.smoothing,
    )
    results = []
    with torch.no_grad(), terminal_progress(plan.pieces) as progress:
        styles = EncodedStyles(plan, inputs, model, options.style_size, progress)
        for result in chain(
            stylized(plan, inputs, model, styles, how, progress=progress),
            stylized_films(plan, inputs, model, styles, how, progress=progress),
        ):
            results.append(result)
            if not options.json:
                print_above(str(result))
    if options.json:
        summary = {
            "model": model.name,
            "device": str(device),
            "precision": PRECISIONS[str(model.dtype)],
            "results": [asdict(result) for result in results],
        }
        print(json.dumps(summary, indent=2))

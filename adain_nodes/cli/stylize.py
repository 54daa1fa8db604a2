"""`adain-nodes stylize`: gives pictures the style of others."""

from __future__ import annotations

import argparse
from pathlib import Path

PRECISIONS = {"torch.float32": "fp32", "torch.bfloat16": "bf16", "torch.float16": "fp16"}

DESCRIPTION = """\
Gives pictures the style of others.

One style is applied to every content. Several styles are
  interpolated, with --weights: one weight for each;
  put side by side, with --mask: one mask for each, the last may go without and takes the rest;
  each combined with every content, otherwise.
One style with one mask leaves the rest of the content as it is.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "stylize",
        help="give pictures the style of others",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "content", type=Path, nargs="+", metavar="CONTENT", help="picture, or folder of pictures"
    )
    parser.add_argument(
        "--style", type=Path, action="append", required=True,
        help="picture to take the style from; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT",
        help="file for one result (.png, .jpg, .webp), folder for more; a folder is created",
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
        "--size", type=int, default=0, metavar="PX",
        help="scale the shorter side of contents to this; 0 keeps their size (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--style-size", type=int, default=512, metavar="PX",
        help="the same for styles: smaller gives finer strokes (default: 512)",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16", "fp16"), default="auto",
        help="to compute in; auto is the fastest without visible loss (default: auto)",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:N, mps (default: auto)"
    )
    parser.add_argument(
        "--model", default="adain-vgg16", metavar="NAME|FOLDER",
        help="name of a model, or folder with an encoder and a decoder (default: adain-vgg16)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import json
    from dataclasses import asdict

    import torch

    from ..model import load_model
    from .device import chosen_device
    from .progress import print_above, terminal_progress
    from .stylize_plan import make_plan
    from .stylize_work import read_inputs, stylized

    plan = make_plan(options)
    device = chosen_device(options.device)
    inputs = read_inputs(plan)
    with terminal_progress(2) as progress:
        model = load_model(
            options.model, precision=options.precision, device=device, progress=progress
        )
    results = []
    with torch.no_grad(), terminal_progress(plan.pieces) as progress:
        for result in stylized(
            plan, inputs, model,
            alpha=options.alpha, size=options.size, style_size=options.style_size,
            progress=progress,
        ):  # fmt: skip
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

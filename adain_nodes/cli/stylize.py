"""`adain-nodes stylize`: gives pictures the style of others."""

from __future__ import annotations

import argparse
import sys

from ..host.options import (
    COLOR_METHODS,
    FRAME_STATISTICS,
    MASK_RESIZES,
    MASK_STATISTICS,
    OUTSIDES,
)
from .options import add_contents, add_model, add_output, add_several, add_sizes, add_styles

DESCRIPTION = """\
Gives pictures the style of others.

One style is applied to every content. Several styles are
  mixed, with --weights: one weight each;
  put side by side, with --mask: one mask each, or the last style fills the rest;
  otherwise each applied to every content.
One style with one mask leaves the rest of the content as it is.

Files among several that cannot be read are listed at the end, the others are done, and the exit
code is 1.

Animations and videos are stylised frame by frame, with their timing and sound, and written as what
OUT ends in; pictures become one film if OUT is one. Videos need PyAV: pip install
'adain-nodes[video]'.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "stylize",
        help="give pictures the style of others",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_contents(
        parser,
        "picture, animation, video, or folder of them, searched with subfolders",
    )
    add_styles(
        parser,
        "--style",
        "picture to take the style from, style file (.safetensors), or name of a ready-made style "
        "(adain-nodes styles list); a bank contributes each of its styles",
        required=True,
    )
    add_output(
        parser,
        "file for one result (.png, .jpg, .webp; for films .mp4, .mov, .mkv, .webm, .gif, .webp, "
        ".png, or frames/%%05d.png), folder for more; a folder is created",
    )
    parser.add_argument(
        "--alpha", default="1", metavar="A",
        help="strength of the style: 0 keeps the content, 1 is the full style; over a film such as "
        "0:0,2.5s:1,end:0.5, moments in frames, in seconds or the end (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--weights", metavar="W,W,...",
        help="mix the styles, such as 0.7,0.3; over a film such as 0:1,0/end:0,1",
    )  # fmt: skip
    add_several(
        parser,
        "--mask",
        "picture that is white where a style goes; masks are paired with --style in order",
        metavar="MASK",
    )
    parser.add_argument(
        "--mask-statistics", choices=MASK_STATISTICS, default="region",
        help="measure the content within each mask, or over the whole image, where a grey mask is "
        "a map of alpha (default: region)",
    )  # fmt: skip
    parser.add_argument(
        "--mask-resize", choices=MASK_RESIZES, default="area",
        help="average masks over the cells of 8x8 px, or sample them as the authors' code does "
        "(default: area)",
    )  # fmt: skip
    parser.add_argument(
        "--outside", choices=OUTSIDES, default="original",
        help="where masks are black, show the original pixels or the decoder's version of them "
        "(default: original)",
    )  # fmt: skip
    parser.add_argument(
        "--preserve-color", choices=COLOR_METHODS, metavar="METHOD",
        help="keep the colours of the content: linear, mean_std, coral and histogram recolour "
        "style pictures to it, luminance gives the result its chroma",
    )  # fmt: skip
    parser.add_argument(
        "--frame-statistics", choices=FRAME_STATISTICS, default="per_frame",
        help="measure a film's content on each frame, over all frames (flickers least, unless the "
        "exposure of the whole film changes; encodes twice) or smoothed over time; the last two "
        "treat all pictures as one film, in natural order (default: per_frame)",
    )  # fmt: skip
    parser.add_argument(
        "--smoothing", type=float, default=0.8, metavar="SHARE",
        help="for smoothed: how much each frame keeps of the statistics before it, 0 to 1 "
        "(default: 0.8)",
    )  # fmt: skip
    parser.add_argument(
        "--refine", type=int, default=0, metavar="N",
        help="improve each result by N steps on its pixels: 10 give richer strokes and truer "
        "colours, and take about 20 times as long as the result itself (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--steadiness", type=float, default=0.0, metavar="SHARE",
        help="let results follow a film's motion, 0 (not at all) to 1 (as steady as the film): "
        "what stops the flicker of real films; treats all pictures as one film; needs OpenCV: pip "
        "install 'adain-nodes[video]' (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--fps", type=float, metavar="F",
        help="make one film of all pictures, with so many frames per second (default: 25 where OUT "
        "is a video or a .gif)",
    )  # fmt: skip
    parser.add_argument(
        "--frame", type=int, metavar="N",
        help="make but frame N of each film, counted from 1, as a picture: a look at it before the "
        "whole, by its own statistics and without steadiness",
    )  # fmt: skip
    parser.add_argument(
        "--partial", action="store_true",
        help="take the good frames of a film that breaks off or is damaged",
    )  # fmt: skip
    add_sizes(parser)
    parser.add_argument(
        "--tile-size", type=int, default=0, metavar="PX",
        help="height of the bands that pictures are computed in: smaller needs less memory; 0 "
        "takes what is fastest and fits (default: 0)",
    )  # fmt: skip
    add_model(parser)
    parser.add_argument(
        "--keep-metadata", action=argparse.BooleanOptionalAction, default=True,
        help="keep the content's copyright, dates, camera and resolution in pictures, but not its "
        "place (default: on)",
    )  # fmt: skip
    parser.add_argument(
        "--skip-existing", action="store_true",
        help="leave results that are there already, and make those that are missing",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    import torch

    from ..host.devices import chosen_device, name_of
    from ..models.model import load_model
    from .progress import print_above, terminal_progress
    from .stylize_contents import Failure
    from .stylize_plan import make_plan
    from .stylize_work import read_inputs, stylized

    plan = make_plan(options)
    failures = list(plan.failures)
    results = []
    summary: dict[str, object] = {}
    if plan.jobs:
        device = chosen_device(options.device)
        inputs = read_inputs(plan)
        failures += inputs.failures
        with terminal_progress(2) as progress:
            model = load_model(
                options.model, precision=options.precision, device=device,
                tile_size=options.tile_size, progress=progress,
            )  # fmt: skip
        summary = {
            "model": model.name, "device": str(device), "precision": name_of(model.dtype)
        }  # fmt: skip
        with torch.no_grad(), terminal_progress(1) as progress:
            note = None if progress is None else progress.note
            for outcome in stylized(plan, inputs, model, progress=progress, note=note):
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                    continue
                results.append(outcome)
                if not options.json:
                    print_above(str(outcome))
    if options.json:
        summary["results"] = [asdict(result) for result in results]
        summary["found"] = plan.found
        summary["failed"] = [asdict(failure) for failure in failures]
        print(json.dumps(summary, indent=2))
    elif plan.found:
        print(f"{plan.found} result{' is' if plan.found == 1 else 's are'} there already")
    if not options.json:
        print(*plan.left_out, sep="\n", end="\n" if plan.left_out else "")
    if failures:
        lines = [f"{len(failures)} could not be used:", *(f.problem for f in failures)]
        print("adain-nodes: " + "\n  ".join(lines), file=sys.stderr)
    return 1 if failures else 0

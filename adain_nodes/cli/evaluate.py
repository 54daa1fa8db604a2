"""`adain-nodes evaluate`: the paper's quantitative evaluation, contents x styles."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.errors import InputError
from ..host.options import (
    DEFAULT_MODEL,
    PIXEL_STARTS,
    PRECISIONS,
    REFERENCES,
)
from ..training.options import style_weight
from .evaluate_film import add_film, run_film
from .training import add_pictures, pictures_of

if TYPE_CHECKING:
    from ..host.options import Precision
    from ..models.model import Model
    from ..training.evaluation.evaluate import Pair
    from ..training.evaluation.losses import LossMeter
    from ..training.evaluation.report import Optimization

SMALLEST = 11
"""Side in px that SSIM needs."""

DESCRIPTION = """\
Measures what models make of every content in every style, beside the content unchanged and the
style picture: content loss and style loss against t = AdaIN(f(c), f(s)), the similarity of the
result to the content, and the time it takes. Pictures are middle squares, scaled to --size. Then,
how well each model gives the contents back at alpha 0, at their own sizes.

The encoder of the first model measures all rows, in fp32 unless --precision says otherwise.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "evaluate",
        help="measure models by the paper's losses",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_pictures(parser)
    parser.add_argument(
        "--only", type=Path, metavar="FILE",
        help="text file with the paths of the pictures to use, one a line, such as those held out",
    )  # fmt: skip
    parser.add_argument(
        "--model", nargs="+", action="extend", metavar="NAME|FOLDER|DECODER_FILE",
        help=f"models to measure (default: {DEFAULT_MODEL})",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=int, default=512, metavar="PX", help="side of the pictures (default: 512)"
    )
    parser.add_argument(
        "--pairs", type=int, metavar="N",
        help="measure this many pairs, spread evenly, in place of all contents x styles",
    )  # fmt: skip
    parser.add_argument(
        "--refine", default="", metavar="N,N,...",
        help="measure what models make after so many steps of refinement, too",
    )  # fmt: skip
    parser.add_argument(
        "--reference", choices=REFERENCES, default="pytorch",
        help="how the losses are read, as in training (default: pytorch)",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto",
        help="to compute in; auto: models in what is fastest, losses in fp32 (default: auto)",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:N, mps (default: auto)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER",
        help="write evaluation.json and evaluation.md there, anew after each part of the work",
    )  # fmt: skip
    parser.add_argument(
        "--plot", action="store_true", help="write evaluation.png there, too; needs matplotlib"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    add_film(parser)
    _add_optimization(parser)
    parser.set_defaults(run=run)


def _add_optimization(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "optimisation of pixels", "the slow method, for comparison, in a second table"
    )
    group.add_argument(
        "--optimize", nargs="+", action="extend", choices=PIXEL_STARTS, default=[], metavar="START",
        help="optimise pixels, too, starting from the content, from noise, or from both in turn",
    )  # fmt: skip
    group.add_argument(
        "--optimize-steps", default="10,50,100,200", metavar="N,N,...",
        help="show results after so many steps; the last is the end (default: 10,50,100,200)",
    )  # fmt: skip
    group.add_argument(
        "--optimize-pairs", type=int, default=20, metavar="N",
        help="pairs to optimise, spread evenly (default: 20)",
    )  # fmt: skip
    group.add_argument(
        "--optimize-size", type=int, default=256, metavar="PX",
        help="side of the pictures in this table (default: 256)",
    )  # fmt: skip
    group.add_argument(
        "--style-weight", type=float, help="of the loss to minimise; default: that of --reference"
    )


def run(options: argparse.Namespace) -> None:
    if options.film is not None:
        run_film(options)
        return
    if options.frames is not None:
        raise InputError("--frames names frames of a film: give it with --film")
    options.optimize_steps = _steps("--optimize-steps", options.optimize_steps)
    options.refine = _steps("--refine", options.refine) if options.refine else ()
    _check_numbers(options)

    from dataclasses import replace

    from ..files.pictures import picture_size
    from ..host.devices import chosen_device
    from ..models.model import load_model
    from ..training.evaluation.evaluate import balanced_pairs, evaluate, reconstructions
    from ..training.evaluation.losses import LossMeter
    from ..training.evaluation.report import Report, markdown, plot, write_report
    from ..training.plots import check_matplotlib
    from .progress import terminal_progress

    if options.plot:
        check_matplotlib()
    device = chosen_device(options.device)
    contents, styles, only = pictures_of(options, options.only)
    if only is not None:
        contents, styles = ([p for p in paths if p in only] for paths in (contents, styles))
        for kind, left in (("content", contents), ("style", styles)):
            if not left:
                raise InputError(f"--{kind} has none of the pictures named in {options.only}")
    for path in (*contents, *styles):
        picture_size(path)
    pairs = balanced_pairs(contents, styles, options.pairs)
    names = list(dict.fromkeys(options.model or [DEFAULT_MODEL]))
    with terminal_progress(2 * (len(names) + 1)) as progress:
        models = [
            load_model(name, precision=options.precision, device=device, progress=progress)
            for name in names
        ]
        precision: Precision = "fp32" if options.precision == "auto" else options.precision
        judge = load_model(names[0], precision=precision, device=device, progress=progress)
    meter = LossMeter(judge.encoder, judge.dtype, options.reference)

    with terminal_progress(1, f"measuring pairs at {options.size} px") as progress:
        rows = evaluate(
            pairs, models, meter, size=options.size, refine=options.refine, progress=progress
        )

    def write(report: Report) -> None:
        # After each part: the next takes long.
        if options.output:
            write_report(report, options.output)
        if options.plot:
            plot(report, options.output / "evaluation.png")

    used = sorted({content for content, _ in pairs})
    report = Report(
        size=options.size,
        pairs=len(pairs),
        contents=len(used),
        styles=len({style for _, style in pairs}),
        reference=options.reference,
        encoder=str(judge.identity),
        measured_in=precision,
        device=str(device),
        rows=rows,
        reconstructions=[],
        optimization=None,
    )
    write(report)
    with terminal_progress(1, "reconstructing contents") as progress:
        report = replace(report, reconstructions=reconstructions(models, used, progress))
    write(report)
    if options.optimize:
        few = balanced_pairs(contents, styles, options.optimize_pairs)
        report = replace(report, optimization=_optimized(options, few, models, meter))
        write(report)
    print(json.dumps(report.as_dict(), indent=2) if options.json else markdown(report))


def _optimized(
    options: argparse.Namespace,
    pairs: list[Pair],
    models: list[Model],
    meter: LossMeter,
) -> Optimization:
    """The second table: the same rows at its size, and the pixels optimised."""
    from ..training.evaluation.evaluate import evaluate
    from ..training.evaluation.optimize import optimize_pairs
    from ..training.evaluation.report import Optimization, crossings
    from .progress import terminal_progress

    size = options.optimize_size
    with terminal_progress(1, f"measuring pairs at {size} px") as progress:
        rows = evaluate(pairs, models, meter, size=size, refine=options.refine, progress=progress)
    with terminal_progress(1, "optimising pixels") as progress:
        optimized, curves = optimize_pairs(
            pairs, list(dict.fromkeys(options.optimize)), meter,
            size=size, checkpoints=options.optimize_steps, style_weight=options.style_weight,
            progress=progress,
        )  # fmt: skip
    names = [model.name for model in models]
    return Optimization(
        size=size,
        pairs=len(pairs),
        rows=[*rows, *optimized],
        crossings=crossings(names, rows, curves),
        curves=curves,
    )


def _check_numbers(options: argparse.Namespace) -> None:
    for name in ("size", "optimize_size"):
        if getattr(options, name) < SMALLEST:
            raise InputError(
                f"--{name.replace('_', '-')} must be at least {SMALLEST} px, got "
                f"{getattr(options, name)}"
            )
    for name in ("pairs", "optimize_pairs"):
        number = getattr(options, name)
        if number is not None and number < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, got {number}")
    if options.plot and not options.output:
        raise InputError("--plot needs --output, the folder to write evaluation.png to")
    if options.output and options.output.exists() and not options.output.is_dir():
        raise InputError(f"--output {options.output} is a file, a folder is expected")
    weight = options.style_weight
    if weight is not None and not 0 <= weight < float("inf"):
        raise InputError(f"--style-weight must be a number of at least 0, got {weight:g}")
    if options.optimize:
        style_weight(options.reference, weight)


def _steps(name: str, text: str) -> tuple[int, ...]:
    try:
        steps = sorted({int(number) for number in text.split(",")})
    except ValueError:
        steps = [0]
    if steps[0] < 1:
        raise InputError(
            f"{name} takes whole numbers of at least 1 with commas between them, such as "
            f"10,50,100; got {text!r}"
        )
    return tuple(steps)

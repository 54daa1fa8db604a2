"""`adain-nodes ablate`: trains and compares the four decoders of the paper's ablation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ..training.options import ABLATION
from .training import add_inputs, add_training_options, pictures_of, steps_of, training_options

if TYPE_CHECKING:
    from ..training.ablation.study import Study

OPTIONS = ("steps", "batch", "crop", "learning_rate", "reference", "style_weight", "seed")
"""Hyper-parameters that the command line can set."""

SHEET_SIZE = 256
"""Side of the pictures in the sheet in px."""

SHEET_COUNT = 3
"""Held-out contents in the sheet, and as many styles, where nobody names others."""

DESCRIPTION = """\
Trains Enc-AdaIN-Dec, Enc-Concat-Dec, Enc-AdaIN-BNDec and Enc-AdaIN-INDec, one after the other,
with the same losses, seed, order of crops and start, and writes into the output folder:
  results.md, results.json  losses on pictures held out, and at the end of training
  curves.png, curves.json   losses over the steps
  sheet.png                 a row for each content and style: both, then what each decoder makes
Run the same command again to resume from the last checkpoint.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "ablate",
        help="train and compare the decoders of the paper's ablation",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(
        parser,
        exclude="pictures to hold out (default: one in 20)",
        output="folder of the ablation",
    )
    add_training_options(parser, ABLATION, OPTIONS)
    for kind in ("content", "style"):
        parser.add_argument(
            f"--sheet-{kind}", type=Path, nargs="+", action="extend", metavar="PICTURE",
            help=f"{kind} pictures of the sheet (default: the first {SHEET_COUNT} held out)",
        )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    training = training_options(options, ABLATION)

    from ..files.pictures import picture_size
    from ..host.devices import chosen_device
    from ..host.processes import joined_world, local_device
    from ..host.writing import claimed
    from ..training.ablation.study import Pictures, Study, hold_out
    from ..training.encoders import encoder_tensors, shared_encoder

    contents, styles, named = pictures_of(options, options.exclude)
    contents, held_out_contents = hold_out(contents, named)
    styles, held_out_styles = hold_out(styles, named)
    held_out = (*held_out_contents, *held_out_styles)
    sheet_contents = options.sheet_content or held_out_contents[:SHEET_COUNT]
    sheet_styles = options.sheet_style or held_out_styles[:SHEET_COUNT]
    # A broken one would show only after all the training.
    for path in (*held_out, *sheet_contents, *sheet_styles):
        picture_size(path)
    device = local_device(chosen_device(options.device))
    tensors, _ = encoder_tensors(options.encoder, contents, training.seed)
    with joined_world() as world, claimed(options.output) if world.is_main else nullcontext():
        study = Study(
            shared_encoder(tensors, world).to(device),
            Pictures(contents, styles, held_out_contents, held_out_styles),
            training,
            options.output,
            bf16=options.precision == "bf16",
            world=world,
        )
        _train(study)
        if world.is_main:
            _report(study, sheet_contents, sheet_styles)


def _train(study: Study) -> None:
    # Apart, as no trainer may be left when the processes part.
    for variant, trainer in study.runs():
        if study.world.is_main:
            print(variant.name, flush=True)
        for _ in steps_of(trainer):
            pass


def _report(study: Study, contents: Sequence[Path], styles: Sequence[Path]) -> None:
    from ..files.pictures import write_picture
    from ..training.ablation.report import plot_curves, read_curves, write_report

    print("Pictures held out", flush=True)
    held_out = {}
    for name, losses in study.held_out_losses():
        held_out[name] = losses
        print(f"{name}  content {losses['content']:.4g}  style {losses['style']:.4g}", flush=True)
    print(f"\n{write_report(study.folder, held_out)}")
    write_picture(study.folder / "sheet.png", study.sheet(contents, styles, SHEET_SIZE))
    plot_curves(read_curves(study.folder), study.folder / "curves.png")

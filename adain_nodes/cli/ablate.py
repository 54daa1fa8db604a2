"""`adain-nodes ablate`: trains and compares the four decoders of the paper's ablation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .encoders import ENCODER_HELP, encoder_tensors, shared_encoder

if TYPE_CHECKING:
    from ..training.ablation.study import Study
    from ..training.options import TrainingOptions

SHEET_SIZE = 256
"""Side of the pictures in the sheet in px."""

SHEET_COUNT = 3
"""Held-out contents in the sheet, and as many styles, where nobody names others."""

DESCRIPTION = """\
Trains Enc-AdaIN-Dec, Enc-Concat-Dec, Enc-AdaIN-BNDec and Enc-AdaIN-INDec, one after the other,
with the same losses, seed and order of crops, and writes into the output folder:
  results.md, results.json  losses on pictures held out, and at the end of training
  curves.png, curves.json   losses over the steps
  sheet.png                 a row for each content and style: both, then what each decoder makes
Started again with the same --output, it goes on from the last checkpoint.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "ablate",
        help="train and compare the decoders of the paper's ablation",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--content", type=Path, required=True, help="folder of photographs")
    add("--style", type=Path, required=True, help="folder of art")
    add("--encoder", required=True, metavar="NAME|FILE|REPO@COMMIT", help=ENCODER_HELP)
    add("--output", type=Path, required=True, help="folder of the ablation")
    add(
        "--exclude", type=Path,
        help="text file with the names of the pictures to hold out (default: one in 20)",
    )  # fmt: skip
    add("--steps", type=int, default=3000, help="of each decoder (default: 3000)")
    add("--batch", type=int, default=8, help="pairs in each step, over all processes")
    add("--crop", type=int, default=128, help="side of the crops in px (default: 128)")
    add("--learning-rate", type=float, default=1e-3)
    add("--reference", choices=("paper", "torch", "pytorch"), default="pytorch")
    add("--style-weight", type=float, help="default: that of --reference")
    add("--seed", type=int, default=0)
    add("--precision", choices=("fp32", "bf16"), default="fp32", help="to train in")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    for kind in ("content", "style"):
        add(
            f"--sheet-{kind}", type=Path, nargs="+", metavar="PICTURE",
            help=f"{kind} pictures of the sheet (default: the first {SHEET_COUNT} held out)",
        )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from ..files.pictures import picture_size
    from ..host.processes import joined_world, local_device
    from ..training.ablation.study import Pictures, Study, hold_out
    from ..training.data import find_pictures, read_names, warn_of_unknown
    from .device import chosen_device

    training = _training_options(options)
    names = read_names(options.exclude) if options.exclude else None
    contents, held_out_contents = hold_out(find_pictures(options.content), names)
    styles, held_out_styles = hold_out(find_pictures(options.style), names)
    held_out = (*held_out_contents, *held_out_styles)
    if names is not None:
        warn_of_unknown(names, held_out, options.exclude)
    sheet_contents = options.sheet_content or held_out_contents[:SHEET_COUNT]
    sheet_styles = options.sheet_style or held_out_styles[:SHEET_COUNT]
    # A broken one would show only after all the training.
    for path in (*held_out, *sheet_contents, *sheet_styles):
        picture_size(path)
    device = local_device(chosen_device(options.device))
    tensors, _ = encoder_tensors(options.encoder, contents, options.seed)
    with joined_world() as world:
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


def _training_options(options: argparse.Namespace) -> TrainingOptions:
    from ..training.options import TrainingOptions

    return TrainingOptions(
        steps=options.steps,
        batch=options.batch,
        crop=options.crop,
        optimizer="adam",  # as in the paper
        learning_rate=options.learning_rate,
        reference=options.reference,
        style_weight=options.style_weight,
        seed=options.seed,
        # What batch normalisation learns on the way belongs to the weights of that moment.
        ema=0,
    )


def _train(study: Study) -> None:
    from .progress import StepProgress

    for variant, trainer in study.runs():
        if not study.world.is_main:
            for _ in trainer.run():
                pass
            continue
        print(variant.name, flush=True)
        progress = StepProgress(trainer.options.steps, trainer.step)
        try:
            for _ in trainer.run():
                progress.update(trainer.step, trainer.log.last)
        finally:
            progress.close()


def _report(study: Study, contents: Sequence[Path], styles: Sequence[Path]) -> None:
    from ..files.pictures import write_picture
    from ..training.ablation.report import plot_curves, read_curves, write_report

    print("Pictures held out", flush=True)
    held_out = {}
    for name, losses in study.held_out_losses():
        held_out[name] = losses
        print(f"{name}  content {losses.content:.4g}  style {losses.style:.4g}", flush=True)
    print(f"\n{write_report(study.folder, held_out)}")
    write_picture(study.folder / "sheet.png", study.sheet(contents, styles, SHEET_SIZE))
    plot_curves(read_curves(study.folder), study.folder / "curves.png")

"""`adain-nodes train`: trains a decoder for an encoder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.errors import InputError
from .encoders import ENCODER_HELP, encoder_tensors, shared_encoder

if TYPE_CHECKING:
    from torch import Tensor

    from ..training.options import TrainingOptions
    from ..training.trainer import Trainer

DEFAULTS_NOTE = "started again with the same --output, a run goes on from its last checkpoint"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "train", help="train a decoder", description=f"Trains a decoder; {DEFAULTS_NOTE}."
    )
    add = parser.add_argument
    add("--content", type=Path, required=True, help="folder of photographs")
    add("--style", type=Path, required=True, help="folder of art")
    add("--encoder", required=True, metavar="NAME|FILE|REPO@COMMIT", help=ENCODER_HELP)
    add("--output", type=Path, required=True, help="folder of the run")
    add("--decoder", type=Path, help="decoder file to start from instead of from scratch")
    add("--exclude", type=Path, help="text file with the names of pictures never to train on")
    add("--steps", type=int, default=80_000)
    add("--batch", type=int, default=8, help="pairs in each step, over all processes")
    add("--crop", type=int, default=128, help="side of the crops in px")
    add("--optimizer", choices=("muon", "adam"), default="muon")
    add("--learning-rate", type=float, default=5e-4)
    add(
        "--schedule", choices=("cosine", "constant", "inverse"), default="cosine",
        help="how the learning rate falls: to 0 at the end, not at all, or as in the authors' code",
    )  # fmt: skip
    add("--reference", choices=("paper", "torch", "pytorch"), default="pytorch")
    add("--content-weight", type=float, default=1.0)
    add("--style-weight", type=float, help="default: that of --reference")
    add(
        "--balanced", action=argparse.BooleanOptionalAction, default=True,
        help="minimise the mean logarithm of the losses of pairs, so that all count alike; "
        "--no-balanced: their mean, as in the paper",
    )  # fmt: skip
    add("--tv-weight", type=float, default=0.0, help="of the total variation of the result")
    add(
        "--smoothness-weight", type=float, default=0.0,
        help="of coarse contrast where the content has none: against halos",
    )  # fmt: skip
    add(
        "--identity-weight", type=float, default=0.0,
        help="of the difference between a content and what comes out in its own style",
    )  # fmt: skip
    add(
        "--ema", type=float, default=0.999, metavar="DECAY",
        help="of the moving average of the weights that is exported; 0 keeps none",
    )  # fmt: skip
    add("--reconstruction-steps", type=int, default=600, help="warm-up on plain reconstruction")
    add(
        "--photographs-as-styles", type=float, default=0.2, metavar="SHARE",
        help="share of the steps that take photographs as styles",
    )  # fmt: skip
    add(
        "--recolored-styles", type=float, default=0.3, metavar="SHARE",
        help="share of the style crops whose red, green and blue change places at random",
    )  # fmt: skip
    add(
        "--emphasis", action="append", default=[], metavar="PATTERN=FACTOR",
        help="draw styles whose file name matches PATTERN more often; may be given several times",
    )  # fmt: skip
    add("--seed", type=int, default=0)
    add("--precision", choices=("fp32", "bf16"), default="fp32")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add(
        "--preview-interval", type=int, default=500, metavar="STEPS",
        help="steps between sheets of results in previews/, and between plots; 0 makes none",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from ..host.processes import joined_world, local_device
    from ..models.networks.decoder import Decoder
    from ..models.weights.tensors import read_tensors
    from ..training.data import RandomCrops, emphasis, find_pictures, read_names, warn_of_unknown
    from ..training.trainer import Trainer
    from .device import chosen_device

    training = _training_options(options)
    if options.preview_interval < 0:
        raise InputError(f"--preview-interval must be at least 0, got {options.preview_interval}")
    exclude = read_names(options.exclude) if options.exclude else set()
    paths = find_pictures(options.content, exclude=exclude)
    style_paths = find_pictures(options.style, exclude=exclude)
    if exclude:
        everything = (*find_pictures(options.content), *find_pictures(options.style))
        warn_of_unknown(exclude, everything, options.exclude)
    device = local_device(chosen_device(options.device))
    tensors, metadata = encoder_tensors(options.encoder, paths, options.seed)
    contents = RandomCrops(paths, size=options.crop, seed=(options.seed, 0))
    styles = RandomCrops(
        style_paths,
        size=options.crop,
        seed=(options.seed, 1),
        weights=emphasis(style_paths, training.emphasis),
        recolored=training.recolored_styles,
    )
    with joined_world() as world:
        encoder = shared_encoder(tensors, world)
        decoder = None
        if options.decoder:
            decoder = Decoder.from_tensors(read_tensors(options.decoder)[0], encoder.architecture)
        # Not kept in a variable: it must be gone before the processes part.
        _train(
            Trainer(
                encoder.to(device),
                contents,
                styles,
                training,
                options.output,
                decoder=decoder,
                bf16=options.precision == "bf16",
                world=world,
            ),
            (tensors, metadata),
            options.preview_interval,
        )
        broken = sorted(world.union(map(str, contents.broken | styles.broken)))
        if broken and world.is_main:
            print("skipped pictures that cannot be read:", *broken, sep="\n  ")


def _training_options(options: argparse.Namespace) -> TrainingOptions:
    from dataclasses import fields

    from ..training.options import TrainingOptions

    names = {field.name for field in fields(TrainingOptions)}
    given = {name: value for name, value in vars(options).items() if name in names}
    return TrainingOptions(**{**given, "emphasis": dict(map(_factor, options.emphasis))})


def _train(
    trainer: Trainer, encoder: tuple[dict[str, Tensor], dict[str, str]], interval: int
) -> None:
    """Trains to the end; the main process with the encoder's file, progress, previews and plots."""
    from ..files.pictures import write_picture
    from ..models.weights.store import ENCODER_FILE
    from ..models.weights.tensors import write_tensors
    from ..training.plot import plot_log
    from ..training.previews import Previews
    from .progress import StepProgress

    if not trainer.world.is_main:
        for _ in trainer.run():
            pass
        return
    write_tensors(trainer.folder / ENCODER_FILE, *encoder)
    steps = trainer.options.steps
    previews = Previews(trainer.contents.paths, trainer.styles.paths) if interval else None
    progress = StepProgress(steps, trainer.step)
    try:
        for _ in trainer.run():
            progress.update(trainer.step, trainer.log.last)
            if previews and (trainer.step % interval == 0 or trainer.step == steps):
                sheet = previews.sheet(trainer.encoder, trainer.result, trainer.objective.condition)
                path = trainer.folder / "previews" / f"step-{trainer.step:06d}.jpg"
                path.parent.mkdir(exist_ok=True)
                write_picture(path, sheet)
                plot_log(trainer.log.path, trainer.folder / "plot.png")
    finally:
        progress.close()


def _factor(text: str) -> tuple[str, float]:
    pattern, separator, factor = text.rpartition("=")
    try:
        if separator and float(factor) >= 0:
            return pattern, float(factor)
    except ValueError:
        pass
    raise InputError(f"--emphasis takes PATTERN=FACTOR with a factor of at least 0, got {text!r}")

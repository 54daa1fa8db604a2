"""`adain-nodes train`: trains a decoder for an encoder."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.errors import InputError
from ..training.options import TrainingOptions
from .training import (
    OPTIONS,
    add_inputs,
    add_training_options,
    pictures_of,
    steps_of,
    training_options,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ..training.trainer import Trainer

DESCRIPTION = """\
Trains a decoder. Run the same command again to resume from the last checkpoint in --output.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("train", help="train a decoder", description=DESCRIPTION)
    add = parser.add_argument
    add_inputs(
        parser,
        exclude="pictures never to train on",
        output="folder of the run",
    )
    add("--decoder", type=Path, metavar="FILE", help="decoder file to start from")
    add_training_options(parser, TrainingOptions(), OPTIONS)
    add(
        "--emphasis", action="append", default=[], metavar="PATTERN=FACTOR",
        help="draw styles whose file name matches PATTERN FACTOR times as often; may be repeated",
    )  # fmt: skip
    add(
        "--preview-interval", type=int, default=500, metavar="STEPS",
        help="steps between sheets of results in previews/, and between plots; 0 makes none "
        "(default: 500)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    training = replace(
        training_options(options, TrainingOptions()),
        emphasis=dict(map(_factor, options.emphasis)),
    )
    if options.preview_interval < 0:
        raise InputError(f"--preview-interval must be at least 0, got {options.preview_interval}")

    from ..files.folders import left_out
    from ..files.formats import READABLE_SUFFIXES
    from ..host.devices import chosen_device
    from ..host.processes import joined_world, local_device
    from ..host.writing import claimed
    from ..training.checkpoint import read_decoder
    from ..training.data import RandomCrops, emphasis
    from ..training.encoders import encoder_tensors, shared_encoder
    from ..training.trainer import Trainer

    paths, style_paths, excluded = pictures_of(options, options.exclude)
    if excluded:
        paths = [path for path in paths if path not in excluded]
        style_paths = [path for path in style_paths if path not in excluded]
        for kind, left in (("content", paths), ("style", style_paths)):
            if not left:
                raise InputError(f"{options.exclude} excludes all pictures of --{kind}")
    device = local_device(chosen_device(options.device))
    tensors, metadata = encoder_tensors(options.encoder, paths, training.seed)
    contents = RandomCrops(paths, size=training.crop, seed=(training.seed, 0))
    styles = RandomCrops(
        style_paths,
        size=training.crop,
        seed=(training.seed, 1),
        weights=emphasis(style_paths, training.emphasis),
        recolored=training.recolored_styles,
    )
    with joined_world() as world, claimed(options.output) if world.is_main else nullcontext():
        encoder = shared_encoder(tensors, world)
        decoder = None
        if options.decoder:
            decoder = read_decoder(options.decoder, encoder, options.encoder)
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
        if world.is_main:
            for line in left_out([*options.content, *options.style], READABLE_SUFFIXES):
                print(line)


def _train(
    trainer: Trainer, encoder: tuple[dict[str, Tensor], dict[str, str]], interval: int
) -> None:
    """Trains to the end; the main process writes the encoder's file, previews and plots."""
    from ..files.pictures import write_picture
    from ..models.weights.store import ENCODER_FILE
    from ..models.weights.tensors import write_tensors
    from ..training.plots import plot_log
    from ..training.previews import Previews

    world, steps = trainer.world, trainer.options.steps
    if world.is_main:
        write_tensors(trainer.folder / ENCODER_FILE, *encoder)
    previews = None
    if interval and world.is_main:
        previews = Previews(trainer.contents.paths, trainer.styles.paths)
    for _ in steps_of(trainer):
        if previews and (trainer.step % interval == 0 or trainer.step == steps):
            sheet = previews.sheet(trainer.encoder, trainer.result, trainer.objective.condition)
            path = trainer.folder / "previews" / f"step-{trainer.step:06d}.jpg"
            path.parent.mkdir(exist_ok=True)
            write_picture(path, sheet)
            plot_log(trainer.log.path, trainer.folder / "plot.png")


def _factor(text: str) -> tuple[str, float]:
    pattern, separator, factor = text.rpartition("=")
    try:
        if separator and float(factor) >= 0:
            return pattern, float(factor)
    except ValueError:
        pass
    raise InputError(f"--emphasis takes PATTERN=FACTOR with a factor of at least 0, got {text!r}")

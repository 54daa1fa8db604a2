"""`adain-nodes train`: trains a decoder for an encoder."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import InputError

DEFAULTS_NOTE = "started again with the same --output, a run goes on from its last checkpoint"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "train", help="train a decoder", description=f"Trains a decoder; {DEFAULTS_NOTE}."
    )
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of art")
    parser.add_argument("--encoder", type=Path, required=True, help="encoder file")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--decoder", type=Path, help="decoder file to start from instead of from scratch"
    )
    parser.add_argument(
        "--exclude", type=Path, help="text file with the names of pictures never to train on"
    )
    parser.add_argument("--steps", type=int, default=80_000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=128, help="side of the crops in px")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--reference", choices=("paper", "torch", "pytorch"), default="pytorch")
    parser.add_argument("--content-weight", type=float, default=1.0)
    parser.add_argument("--style-weight", type=float, help="default: that of --reference")
    parser.add_argument(
        "--reconstruction-steps", type=int, default=300, help="warm-up on plain reconstruction"
    )
    parser.add_argument(
        "--photographs-as-styles", type=float, default=0.2, metavar="SHARE",
        help="share of the steps that take photographs as styles",
    )  # fmt: skip
    parser.add_argument(
        "--emphasis", action="append", default=[], metavar="PATTERN=FACTOR",
        help="draw styles whose file name matches PATTERN more often; may be given several times",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from ..networks.decoder import Decoder
    from ..networks.vgg import Encoder
    from ..training.data import RandomCrops, emphasis, find_pictures, read_names
    from ..training.distributed import joined_world
    from ..training.options import TrainingOptions
    from ..training.trainer import Trainer
    from ..weights.files import read_tensors

    factors = dict(_factor(text) for text in options.emphasis)
    training = TrainingOptions(
        steps=options.steps,
        batch=options.batch,
        crop=options.crop,
        learning_rate=options.learning_rate,
        reference=options.reference,
        content_weight=options.content_weight,
        style_weight=options.style_weight,
        reconstruction_steps=options.reconstruction_steps,
        photographs_as_styles=options.photographs_as_styles,
        seed=options.seed,
        emphasis=factors,
    )
    exclude = read_names(options.exclude) if options.exclude else ()
    contents = find_pictures(options.content, exclude=exclude)
    styles = find_pictures(options.style, exclude=exclude)
    encoder = Encoder.from_tensors(read_tensors(options.encoder)[0])
    decoder = None
    if options.decoder:
        decoder = Decoder.from_tensors(read_tensors(options.decoder)[0], encoder.architecture)
    with joined_world() as world:
        trainer = Trainer(
            encoder,
            RandomCrops(contents, size=options.crop, seed=(options.seed, 0)),
            RandomCrops(
                styles,
                size=options.crop,
                seed=(options.seed, 1),
                weights=emphasis(styles, factors),
            ),
            training,
            options.output,
            decoder=decoder,
            bf16=options.precision == "bf16",
            world=world,
        )
        for losses in trainer.run():
            if world.is_main:
                print(
                    f"\r{trainer.step}/{training.steps} "
                    + " ".join(f"{name} {value:.4g}" for name, value in losses.items()),
                    end="",
                    flush=True,
                )


def _factor(text: str) -> tuple[str, float]:
    pattern, separator, factor = text.rpartition("=")
    try:
        if separator and float(factor) >= 0:
            return pattern, float(factor)
    except ValueError:
        pass
    raise InputError(f"--emphasis takes PATTERN=FACTOR with a factor of at least 0, got {text!r}")

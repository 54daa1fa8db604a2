"""Options that several subcommands have."""

from __future__ import annotations

import argparse


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """--size and --style-size."""
    parser.add_argument(
        "--size", type=int, default=0, metavar="PX",
        help="scale the shorter side of contents to this; 0 keeps their size (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--style-size", type=int, default=512, metavar="PX",
        help="the same for styles: smaller gives finer strokes (default: 512)",
    )  # fmt: skip


def add_model(parser: argparse.ArgumentParser) -> None:
    """--precision, --device and --model, as `model.load_model` and `chosen_device` take them."""
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

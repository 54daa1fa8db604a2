"""The command `adain-nodes`: one module for each subcommand."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from ..host.errors import InputError
from . import ablate, augment, bench, evaluate, grid, models, styles, stylize, train

SUBCOMMANDS = (stylize, augment, styles, models, grid, train, evaluate, ablate, bench)


def command_parser() -> argparse.ArgumentParser:
    """Parses the command line; `run` of what it gives is to be called with it."""
    parser = argparse.ArgumentParser(
        prog="adain-nodes", description="Arbitrary style transfer with AdaIN."
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in SUBCOMMANDS:
        module.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand.

    Args:
        arguments: those of the command line if absent.

    Returns:
        The exit code: 0 done, 2 bad input, which is said in one line.
    """
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logging.getLogger(__package__.partition(".")[0]).setLevel(logging.INFO)
    options = command_parser().parse_args(arguments)
    try:
        options.run(options)
    except (InputError, OSError) as error:
        print(f"adain-nodes: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("adain-nodes: interrupted", file=sys.stderr)
        return 130
    return 0

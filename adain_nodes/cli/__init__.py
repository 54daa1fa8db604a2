"""The command `adain-nodes`: one module for each subcommand."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper

from ..host.errors import InputError, one_line
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
        The exit code: 0 done, 1 done but for some files, which are listed, 2 bad input, which is
        said in one line, 130 interrupted, 143 terminated.
    """
    for stream in (sys.stdout, sys.stderr):
        # A console that cannot print a name must not end the work.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logging.getLogger(__package__.partition(".")[0]).setLevel(logging.INFO)
    try:
        options = command_parser().parse_args(arguments)
        with _termination_raised():
            return int(options.run(options) or 0)
    except (InputError, OSError) as error:
        print(f"adain-nodes: error: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        from ..host.memory import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        print(f"adain-nodes: error: not enough memory: {one_line(error)}", file=sys.stderr)
        return 2
    except _Terminated:
        print("adain-nodes: terminated", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("adain-nodes: interrupted", file=sys.stderr)
        return 130


class _Terminated(BaseException):
    """SIGTERM, raised so that temporary files are removed."""


@contextmanager
def _termination_raised() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return

    def terminate(_number: int, _frame: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

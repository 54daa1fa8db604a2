"""What `train`, `ablate` and `evaluate` have in common: pictures, encoder, hyper-parameters."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..host.options import (
    INITIALIZATIONS,
    OPTIMIZERS,
    REFERENCES,
    SCHEDULES,
    TRAINING_PRECISIONS,
)
from ..training.options import TrainingOptions
from .options import add_contents, add_output, add_several, contents_of

if TYPE_CHECKING:
    from ..training.trainer import Trainer

OPTIONS: dict[str, dict[str, Any]] = {
    "steps": {"help": "gradient steps, those of reconstruction included"},
    "batch": {"help": "pairs in each step, over all processes"},
    "crop": {"help": "side of the crops in px"},
    "optimizer": {"choices": OPTIMIZERS, "help": "muon needs PyTorch 2.9 or later"},
    "keep_channels_alive": {
        "help": "guard against dying ReLUs by centred gradients and raised biases"
    },
    "initialization": {
        "choices": INITIALIZATIONS,
        "help": "start of a new decoder: the encoder's kernels, transposed, or random ones",
    },
    "learning_rate": {"help": "its peak"},
    "schedule": {
        "choices": SCHEDULES,
        "help": "how the rate falls: to 0 at the end, not at all, or as in the authors' code",
    },
    "reference": {"choices": REFERENCES, "help": "reading of the losses"},
    "content_weight": {"help": "factor of the content loss"},
    "style_weight": {"type": float, "help": "factor of the style loss (default: by --reference)"},
    "balanced": {
        "help": "minimise the mean logarithm of the pairs' losses, so that all count alike; "
        "--no-balanced: their mean, as in the paper"
    },
    "tv_weight": {"help": "factor of the result's total variation"},
    "smoothness_weight": {
        "help": "factor of coarse contrast where the content has none: against halos"
    },
    "identity_weight": {
        "help": "factor of the difference between a content and its result in its own style"
    },
    "ema": {
        "metavar": "DECAY",
        "help": "decay of the moving average of the weights, which is exported; 0 keeps none",
    },
    "reconstruction_steps": {"help": "first steps, on plain reconstruction"},
    "photographs_as_styles": {
        "metavar": "SHARE", "help": "share of the steps that take photographs as styles"
    },
    "recolored_styles": {
        "metavar": "SHARE",
        "help": "share of the style crops whose red, green and blue change places at random",
    },
    "seed": {"help": "seed of crops, pairs and initial weights"},
}  # fmt: skip
"""What the command line says of the fields of `TrainingOptions`."""


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Contents and --style, see `pictures_of`."""
    add_contents(parser, "photograph, or folder of photographs, searched with subfolders")
    add_several(
        parser, "--style", "work of art, or folder of art, searched with subfolders",
        metavar="STYLE", required=True,
    )  # fmt: skip


def pictures_of(
    options: argparse.Namespace, listed: Path | None
) -> tuple[list[Path], list[Path], set[Path] | None]:
    """Contents, styles, and those of both that a text file names; None if there is none.

    Raises:
        InputError: a path does not exist, a folder has no picture, or the list cannot be read.
    """
    from ..training.data import find_pictures, pictures_named_in

    searched = (*contents_of(options), *options.style)
    contents, styles = find_pictures(*options.content), find_pictures(*options.style)
    if listed is None:
        return contents, styles, None
    return contents, styles, pictures_named_in(listed, (*contents, *styles), searched)


def add_inputs(parser: argparse.ArgumentParser, *, exclude: str, output: str) -> None:
    """Adds what a run reads, the folder it lives in, and where it computes; `exclude` and `output`
    are the help of these options."""
    add_pictures(parser)
    add_output(parser, output, metavar="FOLDER")
    add = parser.add_argument
    add(
        "--encoder", required=True, metavar="NAME|FILE|REPO@COMMIT",
        help="name of a model of `models list`, encoder file, or any source that `models convert` "
        "takes, which is then calibrated on the contents",
    )  # fmt: skip
    add(
        "--exclude", type=Path, metavar="FILE",
        help=f"text file with a path a line, absolute or from the file's folder, a searched folder "
        f"or the one around it: {exclude}",
    )  # fmt: skip
    add("--precision", choices=TRAINING_PRECISIONS, default="fp32", help="default: fp32")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")


def add_training_options(
    parser: argparse.ArgumentParser, defaults: TrainingOptions, names: Iterable[str]
) -> None:
    """Adds options for fields of `TrainingOptions`, with their types and defaults."""
    for name in names:
        default = getattr(defaults, name)
        settings = dict(OPTIONS[name])
        if isinstance(default, bool):
            settings["action"] = argparse.BooleanOptionalAction
        elif default is not None:
            settings["type"] = type(default)
        action = parser.add_argument(f"--{name.replace('_', '-')}", default=default, **settings)
        if default is not None:
            # Set here, as older versions of Python add it to switches of themselves.
            shown = {True: "yes", False: "no"}.get(default, default)
            action.help = f"{settings['help']} (default: {shown})"


def training_options(options: argparse.Namespace, defaults: TrainingOptions) -> TrainingOptions:
    """The hyper-parameters that were given, and the defaults of the others.

    Raises:
        InputError: one is out of its range.
    """
    given = {field.name for field in fields(defaults)} & vars(options).keys()
    return replace(defaults, **{name: getattr(options, name) for name in given})


def steps_of(trainer: Trainer) -> Iterator[None]:
    """Trains to the end, one step at a time; the main process shows how far it is.

    SIGINT and SIGTERM wait for the end of a step and leave a checkpoint of it; the second does not
    wait.
    """
    from .progress import StepProgress

    is_main = trainer.world.is_main
    progress = StepProgress(trainer.options.steps, trainer.step) if is_main else None
    try:
        with _signals_held() as held:
            for _ in trainer.run():
                if progress:
                    progress.update(trainer.step, trainer.log.last)
                yield
                if held:
                    trainer.save()
                    return
    finally:
        if progress:
            progress.close()


@contextmanager
def _signals_held() -> Iterator[list[int]]:
    """Holds back the first SIGINT or SIGTERM, which takes effect at the end; it is in the list."""
    held: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield held  # signals reach the main thread alone
        return
    numbers = (signal.SIGINT, signal.SIGTERM)

    def hold(number: int, _frame: object) -> None:
        held.append(number)
        if len(held) > 1:
            release()

    def release() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            first = held[0]
            held.clear()
            signal.raise_signal(first)

    before = {number: signal.signal(number, hold) for number in numbers}
    try:
        yield held
    finally:
        release()

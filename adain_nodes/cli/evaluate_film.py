"""`adain-nodes evaluate --film`: how steady a stylised film is, and what that costs."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.errors import InputError
from ..host.options import DEFAULT_MODEL

if TYPE_CHECKING:
    from torch import Tensor

    from ..files.film_source import Film
    from ..host.options import Precision


def add_film(parser: argparse.ArgumentParser) -> None:
    """--film and --frames."""
    group = parser.add_argument_group(
        "films", "flicker and losses of one film in one style, in place of the tables of pictures"
    )
    group.add_argument(
        "--film", type=Path, metavar="FILE",
        help="stylise this film frame by frame, with shared and smoothed statistics, and at rising "
        "steadiness, at its own size",
    )  # fmt: skip
    group.add_argument(
        "--frames", metavar="N-N", help="measure frames N to N of the film, counted from 1"
    )


def run_film(options: argparse.Namespace) -> None:
    """Measures options.film and prints what it finds.

    Raises:
        InputError: the film, the frames named or the style cannot be used.
    """
    if options.content or options.only or options.output or options.plot or options.optimize:
        raise InputError(
            "--film goes with --style, --frames, --model, --reference, --precision, --device and "
            "--json alone"
        )
    if len(options.style) != 1 or len(options.model or [DEFAULT_MODEL]) != 1:
        raise InputError("--film takes one style and one model")
    span = _span(options.frames)

    from ..files.films import open_film
    from ..files.pictures import read_picture
    from ..host.devices import chosen_device
    from ..models.model import load_model
    from ..training.evaluation.films import evaluate_film, film_table
    from ..training.evaluation.losses import LossMeter
    from .progress import terminal_progress

    film = open_film(options.film)
    if film is None:
        raise InputError(f"--film {options.film} is a single picture, a film is expected")
    part = _Part(film, span[0], len(film) if span[1] is None else span[1])
    if part.last <= part.first or part.last > len(film):
        raise InputError(
            f"--frames must name at least 2 of the {len(film)} frames of {options.film}, got "
            f"{part.first}-{part.last}"
        )
    style = read_picture(options.style[0])
    device = chosen_device(options.device)
    name = (options.model or [DEFAULT_MODEL])[0]
    model = load_model(name, precision=options.precision, device=device)
    precision: Precision = "fp32" if options.precision == "auto" else options.precision
    judge = load_model(name, precision=precision, device=device)
    meter = LossMeter(judge.encoder, judge.dtype, options.reference)
    with terminal_progress(1, "measuring frames") as progress:
        rows = evaluate_film(
            part, part.last - part.first + 1, style, model, meter, progress=progress
        )
    if options.json:
        report = {"film": str(options.film), "frames": [part.first, part.last],
                  "style": str(options.style[0]), "model": model.name, "device": str(device),
                  "measured_in": precision, "rows": [asdict(row) for row in rows]}  # fmt: skip
        print(json.dumps(report, indent=2))
        return
    print(
        f"Frames {part.first} to {part.last} of {options.film} in the style of {options.style[0]}, "
        f"{film.size[1]}x{film.size[0]} px. Flicker in levels of 255. Losses: the "
        f"`{options.reference}` reading, measured in {precision}. Seconds are medians on {device}."
        f"\n\n{film_table(rows)}"
    )


@dataclass(frozen=True)
class _Part:
    """Frames of a film, read anew each time."""

    film: Film
    """The whole."""

    first: int
    """The first frame, counted from 1."""

    last: int
    """The last."""

    def __iter__(self) -> Iterator[Tensor]:
        return islice(iter(self.film), self.first - 1, self.last)


def _span(text: str | None) -> tuple[int, int | None]:
    """The first and the last frame, counted from 1; None for the end of the film."""
    if text is None:
        return 1, None
    found = re.fullmatch(r"(\d+)-(\d+)", text)
    if not found or int(found[1]) < 1:
        raise InputError(
            f"--frames takes the first and the last frame, such as 61-84; got {text!r}"
        )
    return int(found[1]), int(found[2])

"""Optimisation of pixels over many pairs: where a decoder stands on its curve (paper, figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ...host.plain import Progress
from ...ops.similarity import ssim
from .evaluate import Pair, Row, Tally, samples
from .losses import LossMeter
from .optimize import Method, Start, optimized, starting_picture


@dataclass(frozen=True)
class Curve:
    """Mean losses over all pairs, step by step."""

    start: Start
    """Where the optimisation began."""

    content: tuple[float, ...]
    """L_c after 0, 1, 2, ... steps."""

    style: tuple[float, ...]
    """L_s, likewise."""

    def step_reaching(self, style_loss: float) -> int | None:
        """The first step whose style loss is at most this; None if there is none."""
        return next((step for step, loss in enumerate(self.style) if loss <= style_loss), None)


def optimize_pairs(
    pairs: Sequence[Pair],
    starts: Sequence[Start],
    meter: LossMeter,
    *,
    size: int,
    checkpoints: Sequence[int],
    method: Method = "lbfgs",
    style_weight: float | None = None,
    progress: Progress | None = None,
) -> tuple[list[Row], list[Curve]]:
    """Optimises the pixels of every pair.

    Args:
        pairs: see `evaluation.samples`.
        starts: where to begin, each in turn. Noise is the same whenever a pair has the same place.
        meter: measures the losses, which are also what is minimised.
        size: side of the squares in px, at least 11.
        checkpoints: numbers of steps to give rows for, ascending, at least 1; the last ends it.
        method: see `optimization.optimized`.
        style_weight: likewise.
        progress: told of every step.

    Returns:
        A row for each start and checkpoint, and a curve for each start.

    Raises:
        InputError: a picture cannot be read, or the style weight is missing.
    """
    steps = checkpoints[-1]
    tallies = {(start, step): Tally() for start in starts for step in checkpoints}
    losses: dict[Start, list[list[tuple[float, float]]]] = {start: [] for start in starts}
    done, total = 0, len(pairs) * len(starts) * (steps + 1)
    for seed, (content, style) in enumerate(samples(pairs, meter, size)):
        for start in starts:
            trace = []
            for iterate in optimized(
                meter, content.view, style.view,
                starting_picture(start, content.picture, seed=seed),
                steps=steps, method=method, style_weight=style_weight,
            ):  # fmt: skip
                trace.append((iterate.losses.content.item(), iterate.losses.style.item()))
                if iterate.step in checkpoints:
                    tallies[start, iterate.step].add(
                        iterate.losses,
                        ssim(iterate.picture, content.picture).item(),
                        (content.seconds + iterate.seconds, style.seconds),
                    )
                done += 1
                if progress is not None:
                    progress(done, total)
            losses[start].append(trace)
    rows = [
        tally.row(f"optimised from {start}, {step} step{'s' if step > 1 else ''}")
        for (start, step), tally in tallies.items()
    ]
    return rows, [_curve(start, traces) for start, traces in losses.items()]


def _curve(start: Start, traces: Sequence[Sequence[tuple[float, float]]]) -> Curve:
    means = [
        tuple(fmean(values) for values in zip(*step, strict=True))
        for step in zip(*traces, strict=True)
    ]
    content, style = zip(*means, strict=True)
    return Curve(start, content, style)

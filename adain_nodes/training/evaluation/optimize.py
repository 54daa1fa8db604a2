"""Style transfer by optimising pixels (Gatys, Ecker and Bethge 2016), the slow method that the
paper compares itself with: the same target t and the same losses, and no decoder. Over many pairs
it shows where a decoder stands on its curve (paper, figure 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from ...host.options import PixelStart
from ...host.plain import Progress
from ...ops.similarity import ssim
from ...pipeline.objective import Evaluation
from ...pipeline.refine import descent
from ..options import style_weight as weight_in_force
from .evaluate import Found, Pair, Row, row, samples, timed
from .losses import Losses, LossMeter, View


@dataclass(frozen=True)
class Iterate:
    """A picture on the way."""

    step: int
    """Evaluations of the gradient that led to it; 0 is the start."""

    picture: Tensor
    """[1,H,W,3], fp32 in 0..1."""

    losses: Losses
    """Losses of exactly this picture."""

    seconds: float
    """Seconds computed since the start."""


def optimized(
    meter: LossMeter,
    content: View,
    style: View,
    start: Tensor,
    *,
    steps: int,
    style_weight: float | None = None,
) -> Iterator[Iterate]:
    """Minimises L_c + lambda L_s over the pixels of a picture (paper, equations 11 to 13), by the
    descent of `pipeline.refine`, in the precision and in the reading of the losses of the meter.

    Args:
        meter: measures the losses.
        content: c, as the meter sees it.
        style: s, as the meter sees it.
        start: picture to start from, [1,H,W,3] in 0..1, of the content's size and at least
            `MIN_SIDE` px a side.
        steps: at most so many; stop asking for more to stop earlier.
        style_weight: lambda; that of the meter's reading of the losses if absent.

    Yields:
        The start and the picture after each step: `steps` + 1 of them.

    Raises:
        InputError: the reading has no style weight of its own, and none is given.
    """
    weight = weight_in_force(meter.reference, style_weight)
    target = meter.target(content, style)

    def evaluate(picture: Tensor) -> _Evaluation:
        pixels = picture.detach().requires_grad_()
        with torch.enable_grad():
            losses = meter.losses(meter.view_of_color(pixels.movedim(-1, 1)), target, style)
            loss = losses.content + weight * losses.style
            [gradient] = torch.autograd.grad(loss, pixels)
        losses = Losses(losses.content.detach(), losses.layers.detach())
        return _Evaluation(
            loss.item(), losses.content.item(), losses.style.item(), gradient, losses
        )

    descending = descent(evaluate, start.to(meter.device), steps)
    seconds = 0.0
    for step in range(steps + 1):
        (pixels, found), more = timed(next, descending)
        seconds += more
        yield Iterate(step, pixels.clamp(0, 1).cpu(), found.losses, seconds)


@dataclass(frozen=True)
class _Evaluation(Evaluation):
    losses: Losses
    """Those of the picture."""


def starting_picture(start: PixelStart, content: Tensor, *, seed: int) -> Tensor:
    """Where to begin: at the content, [1,H,W,3] in 0..1, or at uniform noise of its shape."""
    if start == "content":
        return content
    return torch.rand(content.shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Curve:
    """Mean losses over all pairs, step by step."""

    start: PixelStart
    """Where the optimisation began."""

    content: tuple[float, ...]
    """L_c after 0, 1, 2, ... steps."""

    style: tuple[float, ...]
    """L_s after 0, 1, 2, ... steps."""

    def step_reaching(self, style_loss: float) -> int | None:
        """The first step whose style loss is at most this; None if there is none."""
        return next((step for step, loss in enumerate(self.style) if loss <= style_loss), None)


def optimize_pairs(
    pairs: Sequence[Pair],
    starts: Sequence[PixelStart],
    meter: LossMeter,
    *,
    size: int,
    checkpoints: Sequence[int],
    style_weight: float | None = None,
    progress: Progress | None = None,
) -> tuple[list[Row], list[Curve]]:
    """Optimises the pixels of every pair.

    Args:
        pairs: see `evaluate.samples`.
        starts: where to begin, each in turn. Noise is the same whenever a pair has the same place.
        meter: measures the losses, which are also what is minimised.
        size: side of the squares in px, at least 11.
        checkpoints: numbers of steps to give rows for, ascending, at least 1; the last ends it.
        style_weight: lambda, see `optimized`.
        progress: told of every step.

    Returns:
        A row for each start and checkpoint, and a curve for each start.

    Raises:
        InputError: a picture cannot be read, or the style weight is missing.
    """
    steps = checkpoints[-1]
    found: dict[tuple[PixelStart, int], list[Found]]
    found = {(start, step): [] for start in starts for step in checkpoints}
    losses: dict[PixelStart, list[list[tuple[float, float]]]] = {start: [] for start in starts}
    done, total = 0, len(pairs) * len(starts) * (steps + 1)
    for seed, (content, style) in enumerate(samples(pairs, meter, size)):
        for start in starts:
            trace = []
            for iterate in optimized(
                meter, content.view, style.view,
                starting_picture(start, content.picture, seed=seed),
                steps=steps, style_weight=style_weight,
            ):  # fmt: skip
                trace.append((iterate.losses.content.item(), iterate.losses.style.item()))
                if iterate.step in checkpoints:
                    similarity = ssim(iterate.picture, content.picture).item()
                    seconds = content.seconds + iterate.seconds, style.seconds
                    found[start, iterate.step].append((iterate.losses, similarity, seconds))
                done += 1
                if progress is not None:
                    progress(done, total)
            losses[start].append(trace)
    rows = [
        row(f"optimised from {start}, {step} step{'s' if step > 1 else ''}", pictures)
        for (start, step), pictures in found.items()
    ]
    curves = []
    for start, traces in losses.items():
        of_steps = [zip(*pairs, strict=True) for pairs in zip(*traces, strict=True)]
        means = [[fmean(values) for values in both] for both in of_steps]
        curves.append(Curve(start, *zip(*means, strict=True)))
    return rows, curves

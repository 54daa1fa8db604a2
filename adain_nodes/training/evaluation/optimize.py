"""Style transfer by optimising pixels (Gatys, Ecker and Bethge 2016), the slow method that the
paper compares itself with: the same target t and the same losses, and no decoder. Over many pairs
it shows where a decoder stands on its curve (paper, figure 4)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from ...host.options import PixelOptimizer, PixelStart
from ...host.plain import Progress
from ...ops.similarity import ssim
from ..options import style_weight as weight_in_force
from .evaluate import Found, Pair, Row, row, samples
from .losses import Losses, LossMeter, View

ADAM_RATE = 0.05
"""Adam's learning rate, in units of pixel values."""

RANGE_WEIGHT = 100.0
"""Of the mean square by which pixels leave 0..1, see `optimized`."""

RISE = 2.0
"""How many times its lowest value the loss may have before a step of L-BFGS is taken back."""


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
    method: PixelOptimizer = "lbfgs",
    style_weight: float | None = None,
) -> Iterator[Iterate]:
    """Minimises L_c + lambda L_s over the pixels of a picture (paper, equations 11 to 13).

    Losses are those of the pixels clamped to 0..1, and what lies outside is drawn back by
    `RANGE_WEIGHT` times its mean square. Clamped by hand after every step, pixels would not be
    where L-BFGS believes to have put them; it then loses its way on pictures with flat colours. A
    step is one evaluation of losses and gradient, of L-BFGS as of Adam. L-BFGS has no line search;
    a step to more than `RISE` times the lowest loss is taken back to the picture that had it, and
    L-BFGS begins anew there.

    Args:
        meter: measures the losses.
        content: c, as the meter sees it.
        style: s, as the meter sees it.
        start: picture to start from, [1,H,W,3] in 0..1, of the content's size and at least
            `MIN_SIDE` px a side.
        steps: at most so many; stop asking for more to stop earlier.
        method: `lbfgs`, or `adam` with the rate `ADAM_RATE`.
        style_weight: lambda; that of the meter's reading of the losses if absent.

    Yields:
        The start and the picture after each step: `steps` + 1 of them.

    Raises:
        InputError: the reading has no style weight of its own, and none is given.
    """
    weight = weight_in_force(meter.reference, style_weight)
    target = meter.target(content, style)
    pixels = start.to(meter.device).movedim(-1, 1).clone(memory_format=torch.contiguous_format)
    optimizer = _optimizer(pixels.requires_grad_(), method)
    seconds = 0.0
    found: _Evaluation | None = None
    best: _Evaluation | None = None
    for step in range(steps + 1):
        started = time.perf_counter()
        if found is not None:
            # Loss and gradient are there already: the closure has nothing left to compute.
            optimizer.step(found.loss.item)
        with torch.enable_grad():
            clamped = pixels.clamp(0, 1)
            losses = meter.losses(meter.view_of_color(clamped), target, style)
            excess = (pixels - clamped).square().mean()
            loss = losses.content + weight * losses.style + RANGE_WEIGHT * excess
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        assert pixels.grad is not None
        found = _Evaluation(
            loss.detach(),
            Losses(losses.content.detach(), losses.layers.detach()),
            pixels.detach().clone(),
            pixels.grad,
        )
        if best is None or found.loss <= best.loss:
            best = found
        elif method == "lbfgs" and found.loss > RISE * best.loss:
            found = best
            with torch.no_grad():
                pixels.copy_(best.pixels)
            pixels.grad = best.gradient
            optimizer = _optimizer(pixels, method)
        picture = found.pixels.clamp(0, 1).movedim(1, -1).contiguous().cpu()
        seconds += time.perf_counter() - started
        yield Iterate(step, picture, found.losses, seconds)


@dataclass(frozen=True)
class _Evaluation:
    """Pixels, [1,3,H,W], with their losses and the gradient of what is minimised."""

    loss: Tensor
    losses: Losses
    pixels: Tensor
    gradient: Tensor


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
    method: PixelOptimizer = "lbfgs",
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
        method: see `optimized`.
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
                steps=steps, method=method, style_weight=style_weight,
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


def _optimizer(pixels: Tensor, method: PixelOptimizer) -> torch.optim.Optimizer:
    if method == "adam":
        return torch.optim.Adam([pixels], lr=ADAM_RATE)
    # One iteration at a time; gradients of mean losses are tiny and must not count as converged.
    return torch.optim.LBFGS([pixels], max_iter=1, tolerance_grad=0, tolerance_change=0)

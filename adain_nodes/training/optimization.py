"""Style transfer by optimising pixels (Gatys, Ecker and Bethge 2016), the slow method that the
paper compares itself with: the same target t and the same losses, and no decoder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError
from ..ops.losses import STYLE_WEIGHTS
from .measurement import Losses, LossMeter, View

Start = Literal["content", "noise"]
Method = Literal["lbfgs", "adam"]

ADAM_RATE = 0.05
"""Adam's learning rate, in units of pixel values."""


@dataclass(frozen=True)
class Iterate:
    """A picture on the way."""

    step: int
    """Evaluations of the gradient that led to it; 0 is the start."""

    picture: Tensor
    """[1,H,W,3], fp32 in 0..1."""

    losses: Losses
    """Of exactly this picture."""

    seconds: float
    """Computed since the start."""


def optimized(
    meter: LossMeter,
    content: View,
    style: View,
    start: Tensor,
    *,
    steps: int,
    method: Method = "lbfgs",
    style_weight: float | None = None,
) -> Iterator[Iterate]:
    """Minimises L_c + lambda L_s over the pixels of a picture (paper, equations 11 to 13).

    Pixels are clamped to 0..1 after every step, so that losses are always those of a picture. A
    step is one evaluation of losses and gradient, of L-BFGS (no line search) as of Adam.

    Args:
        meter: measures the losses.
        content: c, as the meter sees it.
        style: s, likewise.
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
    weight = STYLE_WEIGHTS[meter.reference] if style_weight is None else style_weight
    if weight is None:
        raise InputError(f"the {meter.reference} reading has no style weight of its own: give one")
    target = meter.target(content, style)
    pixels = start.to(meter.device).movedim(-1, 1).clone(memory_format=torch.contiguous_format)
    optimizer = _optimizer(pixels.requires_grad_(), method)
    loss = pixels.new_zeros(())
    seconds = 0.0
    for step in range(steps + 1):
        started = time.perf_counter()
        if step:
            # The gradient is there already: the closure has nothing left to compute.
            optimizer.step(loss.item)
            with torch.no_grad():
                pixels.clamp_(0, 1)
        with torch.enable_grad():
            losses = meter.losses(meter.view_of_color(pixels), target, style)
            loss = losses.content + weight * losses.style
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        picture = pixels.detach().movedim(1, -1).clone().cpu()
        seconds += time.perf_counter() - started
        yield Iterate(
            step, picture, Losses(losses.content.detach(), losses.layers.detach()), seconds
        )


def starting_picture(start: Start, content: Tensor, *, seed: int) -> Tensor:
    """Where to begin: at the content, [1,H,W,3] in 0..1, or at uniform noise of its shape."""
    if start == "content":
        return content
    return torch.rand(content.shape, generator=torch.Generator().manual_seed(seed))


def _optimizer(pixels: Tensor, method: Method) -> torch.optim.Optimizer:
    if method == "adam":
        return torch.optim.Adam([pixels], lr=ADAM_RATE)
    # One iteration at a time; gradients of mean losses are tiny and must not count as converged.
    return torch.optim.LBFGS([pixels], max_iter=1, tolerance_grad=0, tolerance_change=0)

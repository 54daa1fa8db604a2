"""Refinement: from the decoder's picture on, the pixels themselves go downhill on the losses that
the decoder was trained for (paper, equations 11 to 13), as in Gatys, Ecker and Bethge 2016.

    picture = decode(model, features)
    refined = refine(model, picture, features, style, steps=10)
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ..host import surroundings
from ..host.errors import InputError
from ..host.options import MaskResize, check_steps, check_style_weight
from ..host.plain import Progress
from ..models.model import Model
from ..models.networks.vgg import MIN_SIDE
from ..ops.lbfgs import Lbfgs
from .checks import (
    as_batch,
    check_picture,
    check_same_encoder,
    check_same_size,
    common_batch,
    warn_of_empty,
    warn_of_stretching,
)
from .engine import Report, cells, collected, counter
from .goal import regions_of
from .layers import layer_moments
from .objective import STEP_WORK, Evaluation, Objective
from .types import Features, LayerMasks, Style

STYLE_WEIGHT = 10.0
"""lambda, as in the training of the decoders."""

HISTORY = 3
"""Steps that L-BFGS remembers. Of 5, 10 and 100 the losses of 20 steps were the same within 2 %."""

FIRST_STEP = 0.02
"""Root mean square of the first step, in units of pixel values."""

SCALES = (2, 4, 8, 16)
"""Px by which gradients are averaged, see `coarse_too`."""

COARSE_WEIGHT = 1.5
"""How much more each scale counts than the one before, see `coarse_too`."""

RISE = 2.0
"""How many times its lowest value the loss may have before a step is taken back."""

PREVIEW_INTERVAL = 5
"""Steps from one preview to the next."""

E = TypeVar("E", bound=Evaluation)


def refine(
    model: Model,
    picture: Tensor,
    features: Features,
    style: Style,
    *,
    steps: int = 10,
    style_weight: float = STYLE_WEIGHT,
    mask: Tensor | None = None,
    mask_resize: MaskResize = "area",
    progress: Progress | None = None,
) -> Tensor:
    """Brings pictures closer to stylised features and to the style itself.

    What it minimises, L_c + lambda L_s, is what decoders are trained for, but for this picture
    alone. Where features are stylised in part only, by alpha or by masks, the wanted means and
    deviations lie as far between those of content and style.

    Args:
        model: whose encoder to use.
        picture: where to start, [B,H,W,C] in 0..1, RGB, RGBA or grey: what `decode` made of the
            features.
        features: t, from `transfer` or `compose`.
        style: that of the transfer; of several regions, that within the mask.
        steps: gradient steps, at least 0; 10 show most of the effect.
        style_weight: lambda, at least 0.
        mask: [B,H,W] or [H,W] in 0..1, of any size: what to refine. Elsewhere the picture stays.
        mask_resize: see `ops.masks.grid_mask`.
        progress: told of every tile.

    Returns:
        [B,H,W,3 or 4], fp32 in 0..1: of all the pictures on the way, that of the lowest loss.

    Raises:
        InputError: encoders, sizes or batches do not fit, an option is out of range, or the style
            comes from a file that knows relu4_1 alone.
    """
    check_steps("steps", steps)
    check_style_weight(style_weight)
    check_picture(picture, "image")
    check_same_encoder(model=model.identity, features=features.encoder, style=style.encoder)
    check_same_size(features=features.size, image=(picture.shape[1], picture.shape[2]))
    if features.source is None:
        raise InputError("to refine, features must come from encoded pictures, which these do not")
    masks, sizes = None, {"image": len(picture), "features": len(features), "style": len(style)}
    if mask is not None:
        warn_of_empty(as_batch(mask), features.on_grid(mask, mask_resize))
        warn_of_stretching(as_batch(mask), features.size)
        masks = features.on_layers(mask, mask_resize)
        sizes["mask"] = len(masks[0])
    batch = common_batch(**sizes)
    report = counter(progress, batch * (1 + STEP_WORK * (steps + 1)) * cells(features.size))

    def one(index: int) -> Tensor:
        start = picture[index % len(picture)][None]
        way = refinement(
            model, start, features[index % len(features)], style[index % len(style)],
            steps=steps, style_weight=style_weight, report=report,
            region=None if masks is None else tuple(m[index % len(m)][None] for m in masks),
        )  # fmt: skip
        result = last(way)
        alpha = start[..., 3:] if start.shape[3] == 4 else start[..., :0]
        return torch.cat([result, alpha.to(result)], dim=-1)[0]

    return collected(map(one, range(batch)), batch)


def refinement(
    model: Model,
    picture: Tensor,
    features: Features,
    style: Style,
    *,
    steps: int,
    style_weight: float = STYLE_WEIGHT,
    region: LayerMasks | None = None,
    report: Report = lambda _: None,
) -> Iterator[Tensor]:
    """`refine` step by step, for a batch of one that has been checked.

    Args:
        model: whose encoder to use.
        picture: [1,H,W,C] in 0..1.
        features: t.
        style: that of the transfer.
        steps: at most so many; stop asking for more to stop earlier.
        style_weight: lambda.
        region: where to refine; everywhere if absent.
        report: told of every tile, in cells, see `engine`.

    Yields:
        [1,H,W,3], the start and the best picture after each step: `steps` + 1 of them.
    """
    assert features.source is not None
    places = [region] if region is None or features.normalized_over == "region" else [region, None]
    measured = layer_moments(features.source, min(features.size), places, report)
    own = [each.statistics() for each in measured[-1]]
    strength = torch.zeros(()) if features.strength is None else features.strength
    regions = regions_of(measured[:1], [region], [style.layers()], [own], [strength])
    objective = Objective(model, features.values, regions, style_weight, report)
    colors = picture[..., :3].expand(-1, -1, -1, 3)
    if region is None:
        yield from refined(objective, colors, steps)
        return
    colors = colors.float().clamp(0, 1)
    height, width = features.size
    shares = movable(1 - region[0][0, 0, :height, :width, None]).to(colors.device)
    for result in refined(objective, colors, steps, behind=colors, shares=shares):
        yield torch.lerp(colors, result, shares)


def last(way: Iterator[Tensor]) -> Tensor:
    """The end of a way, at least one picture long; those before it are let go one by one."""
    return deque(way, maxlen=1).pop()


def movable(rest: Tensor) -> Tensor:
    """How much of a stylised picture shows over the original, of the shape of `rest`: what masks
    leave of it, in 0..1. From half strength on there is enough of the style for it alone."""
    return (2 - 2 * rest).clamp(max=1)


def refined(
    objective: Objective,
    start: Tensor,
    steps: int,
    *,
    behind: Tensor | None = None,
    shares: Tensor | None = None,
) -> Iterator[Tensor]:
    """The way downhill.

    Args:
        objective: what is minimised.
        start: [1,H,W,3] in 0..1.
        steps: gradient steps.
        behind: what it will lie over, of its shape, which the objective sees through it.
        shares: how much of it will show, [H,W,1] in 0..1; all of it if absent.

    Yields:
        [1,H,W,3], fp32 in 0..1, on the device of `start`, without what is behind it: the start and
        the picture of the lowest loss after each step, `steps` + 1 of them.
    """
    host = surroundings.current()
    height, width = start.shape[1:3]
    under, over = (None if part is None else _ready(part, objective) for part in (behind, shares))

    def evaluate(picture: Tensor) -> Evaluation:
        if under is None or over is None:
            return objective(picture)
        found = objective(torch.lerp(under, picture, over))
        return replace(found, gradient=found.gradient * over)

    lowest = math.inf
    for step, (picture, found) in enumerate(descent(evaluate, _ready(start, objective), steps)):
        if step == 0 or found.loss < lowest:
            lowest = found.loss
            best = picture[:, :height, :width].to(start.device)
        if step % PREVIEW_INTERVAL == 0:
            host.show(best[0])
        yield best


def descent(
    evaluate: Callable[[Tensor], E], start: Tensor, steps: int
) -> Iterator[tuple[Tensor, E]]:
    """Goes downhill by L-BFGS without a line search, projected onto 0..1: pixels at a bound that
    would leave it stay. A step to more than `RISE` times the lowest loss is taken back to where
    that was; L-BFGS learns from it, or, after two of them, begins anew with shorter steps.

    Args:
        evaluate: what to minimise, for pictures in 0..1.
        start: a picture in 0..1.
        steps: one evaluation each.

    Yields:
        The start, and where each step has led to, with what was found there: `steps` + 1 of them.
    """
    first = FIRST_STEP
    lbfgs = Lbfgs(HISTORY, first, coarse_too)
    point, here = start, evaluate(start)
    best = point, here
    del start  # one picture less in memory
    taken_back = False
    yield best
    for _ in range(steps):
        down = here.gradient
        leaves = ((point <= 0) & (down > 0)) | ((point >= 1) & (down < 0))
        direction = lbfgs.direction(down.masked_fill(leaves, 0)).masked_fill_(leaves, 0)
        ahead = direction.add_(point).clamp_(0, 1)
        found = evaluate(ahead)
        if not math.isfinite(found.loss) or (taken_back and found.loss > RISE * best[1].loss):
            first /= 4
            lbfgs = Lbfgs(HISTORY, first, coarse_too)
            point, here = best
        else:
            lbfgs.learn(ahead - point, found.gradient - here.gradient)
            taken_back = found.loss > RISE * best[1].loss
            point, here = best if taken_back else (ahead, found)
            if here.loss <= best[1].loss:
                best = point, here
        yield point, here


def coarse_too(gradient: Tensor) -> Tensor:
    """Preconditions gradients by pixels, [1,H,W,C]: g + sum over scales s of w_s U_s D_s g, where
    D_s shrinks by s and U_s enlarges again, both bilinearly, and w_s is `COARSE_WEIGHT` to the
    number of the scale.

    The colour of an area is in the gradient of each of its pixels a little, and would change in
    many steps where fine strokes change in few.
    """
    planes = gradient.movedim(-1, 1)
    result = planes.clone()
    size = height, width = planes.shape[2:]
    for number, scale in enumerate(SCALES, 1):
        small = (-(-height // scale), -(-width // scale))
        coarse = F.interpolate(planes, small, mode="bilinear", antialias=True)
        coarse = F.interpolate(coarse, size, mode="bilinear")
        result.add_(coarse, alpha=COARSE_WEIGHT**number)
    return result.movedim(1, -1)


def _ready(picture: Tensor, objective: Objective) -> Tensor:
    """[B,H,W,C] or [H,W,C] as [B,H',W',C] on the device of an objective, fp32 in 0..1, at least
    `MIN_SIDE` a side: the bottom and right edges are repeated."""
    planes = picture.reshape(-1, *picture.shape[-3:]).movedim(-1, 1).to(objective.device)
    bottom, right = (max(0, MIN_SIDE - side) for side in planes.shape[2:])
    planes = F.pad(planes.float().clamp(0, 1), (0, right, 0, bottom), mode="replicate")
    return planes.movedim(1, -1).contiguous()

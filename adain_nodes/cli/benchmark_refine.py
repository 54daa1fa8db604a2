"""What `adain-nodes bench --refine` measures: the cost of a step, memory, and how exact the
gradient is that is put together from tiles."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..host.options import Precision
from ..models.model import Model, load_model
from ..models.networks.vgg import grid_size
from ..pipeline import transfer
from ..pipeline.objective import Objective, Region
from ..pipeline.refine import HISTORY, refine
from ..pipeline.types import Features, Style
from .benchmark import peak_memory, seconds_of

EXACT_SIZE = (203, 334)
"""Height and width in px of the picture whose gradient is put together; no multiples of 8."""

EXACT_TILE = 64
"""Side in px of the tiles that it is put together from."""


def measure_step(model: Model, size: int, rounds: int) -> dict[str, Any]:
    """Times a step of refinement and an encoding of the same picture, in turns.

    Returns:
        `size`; `encoding` and `step`, the fastest of the rounds in seconds; `ratio`, the median
        over the rounds of step to encoding.
    """
    picture, features, style = _inputs(model, size)
    device = str(model.encoder.device)
    region = Region(None, style.layers(), 1.0)
    objective = Objective(model, features.values, [region], 10.0, lambda _: None)
    shown = picture.to(objective.device)
    calls = (lambda: transfer.encode(model, picture), lambda: objective(shown))
    times = [[seconds_of(call, device) for call in calls] for _ in range(rounds + 1)][1:]
    ratios = sorted(step / encoding for encoding, step in times)
    encoding, step = (min(each) for each in zip(*times, strict=True))
    return {
        "size": size,
        "encoding": round(encoding, 5),
        "step": round(step, 5),
        "ratio": round(ratios[len(ratios) // 2], 3),
    }


def measure_memory(model: str, device: str, precision: Precision, size: int) -> int | None:
    """Bytes that refining a picture of this side needs at its peak, on top of a process that holds
    the picture, its features and the style; None if the system does not tell. As many steps are
    taken as L-BFGS remembers, and one more."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        arguments = (model, device, precision, size, torch.get_num_threads())
        return pool.submit(_peak_memory, *arguments).result()


def _peak_memory(
    name: str, device: str, precision: Precision, size: int, threads: int
) -> int | None:
    torch.set_num_threads(threads)
    model = load_model(name, precision=precision, device=device)
    refine(model, *_inputs(model, 64), steps=1)
    inputs = _inputs(model, size)
    inputs[-1].layers()
    return peak_memory(lambda: refine(model, *inputs, steps=HISTORY + 1), device)


def measure_error(model: Model) -> float:
    """The largest difference between the gradient put together from tiles and that of the whole
    picture, with a mask, relative to the largest gradient.

    Args:
        model: in fp32.
    """
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, *EXACT_SIZE, 3, generator=generator).to(model.encoder.device)
    style = _inputs(model, 64)[-1]
    shape = (1, style.statistics.mean.shape[1], *grid_size(EXACT_SIZE))
    target = torch.rand(shape, generator=generator)
    content = Features(target, EXACT_SIZE, None, model.identity)
    masks = content.on_layers(torch.rand(EXACT_SIZE, generator=generator), "area")
    region = Region(masks, style.layers(), masks[-1].mean().item())
    whole, tiled = (
        Objective(replace(model, tile_size=side), target, [region], 10.0, lambda _: None)(picture)
        for side in (max(EXACT_SIZE), EXACT_TILE)
    )
    error = (tiled.gradient - whole.gradient).abs().max() / whole.gradient.abs().max()
    return error.item()


def _inputs(model: Model, size: int) -> tuple[Tensor, Features, Style]:
    """A picture of random values, [1,S,S,3], its features in a random style, and the style."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, size, size, 3, generator=generator)
    style = transfer.style_of(model, torch.rand(1, 64, 64, 3, generator=generator))
    return picture, transfer.transfer(transfer.encode(model, picture), style), style

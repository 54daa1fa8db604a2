"""How steady stylised films are, and what steadiness costs: flicker beside the paper's losses.

All settings go through a film side by side, so that one frame at a time is in memory and a busy
machine slows all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, median

import torch
from torch import Tensor

from ...files.tables import table
from ...host.plain import Progress
from ...models.model import Model
from ...ops.flicker import flicker
from ...pipeline.film_options import FilmOptions
from ...pipeline.flow import flow_between, grey
from ...pipeline.stylize import stylize_frames
from ...pipeline.transfer import style_of
from .evaluate import timed
from .losses import LossMeter, MeanLosses

FILM = "the film"
"""Name of the row of the frames as they are."""

SETTINGS = {
    "per_frame": FilmOptions(),
    "shared": FilmOptions(frame_statistics="shared"),
    "smoothed": FilmOptions(frame_statistics="smoothed"),
    **{f"steadiness {share:g}": FilmOptions(steadiness=share) for share in (0.5, 0.8, 0.9, 1)},
}
"""What is compared."""


@dataclass(frozen=True)
class FilmRow:
    """What one way to stylise a film amounts to."""

    name: str
    """`FILM`, or one of `SETTINGS`."""

    flicker: float
    """Mean over the pairs of neighbours, see `ops.flicker`, in levels of 0..255."""

    highest_flicker: float
    """Of any pair."""

    style_loss: float
    """L_s, the mean over the frames."""

    content_loss: float
    """L_c, the mean over the frames."""

    seconds: float | None
    """For a frame, the median: networks, statistics and steadying; None if nothing is made."""


def evaluate_film(
    frames: Iterable[Tensor],
    count: int,
    style: Tensor,
    model: Model,
    meter: LossMeter,
    *,
    style_size: int = 512,
    progress: Progress | None = None,
) -> list[FilmRow]:
    """Measures a film as it is and in all `SETTINGS`.

    Args:
        frames: see `stylize_frames`; gone through several times, side by side.
        count: their number, at least 2.
        style: [1,H,W,C] in 0..1.
        model: what to use.
        meter: measures all of them.
        style_size: px to scale the shorter side of the style to; 0 keeps the size.
        progress: told of every frame.

    Raises:
        InputError: as `stylize_frames`.
    """
    look = style_of(model, style, shorter_side=style_size)
    seen = meter.view(style, shorter_side=style_size)
    films = {name: iter(stylize_frames(frames, look, how, model=model))
             for name, how in SETTINGS.items()}  # fmt: skip
    losses = {name: list[MeanLosses]() for name in (FILM, *films)}
    flickers = {name: list[float]() for name in losses}
    seconds = {name: list[float]() for name in films}
    before: dict[str, Tensor] = {}
    for done, frame in enumerate(frames, 1):
        color = frame[..., :3].expand(-1, -1, 3)
        now = {FILM: color}
        for name, film in films.items():
            result, spent = timed(next, film)
            now[name] = result[..., :3]
            seconds[name].append(spent)
        unchanged = meter.view(color[None])
        target = meter.target(unchanged, seen)
        for name, picture in now.items():
            view = unchanged if name == FILM else meter.view(picture[None])
            losses[name].append(MeanLosses.of([meter.losses(view, target, seen)]))
        if before:
            flow = flow_between(grey(before[FILM]), grey(color))
            motion, visible = torch.from_numpy(flow.motion), torch.from_numpy(flow.visible)
            for name, picture in now.items():
                pair = torch.stack([before[name], picture])
                value = flicker(pair, motion[None], visible[None].float())
                flickers[name].append(255 * value.item())
        before = now
        if progress is not None:
            progress(done, count)
    return [
        FilmRow(
            name,
            flicker=fmean(flickers[name]),
            highest_flicker=max(flickers[name]),
            style_loss=fmean(one.style for one in losses[name]),
            content_loss=fmean(one.content for one in losses[name]),
            seconds=median(seconds[name]) if name in seconds else None,
        )
        for name in losses
    ]


def film_table(rows: Iterable[FilmRow]) -> str:
    """What was found, as Markdown."""
    header = ("film", "flicker", "highest", "style loss", "content loss", "seconds a frame")
    return table(
        header,
        (
            (
                row.name,
                *(f"{value:.2f}" for value in (row.flicker, row.highest_flicker)),
                *(f"{loss:.4f}" for loss in (row.style_loss, row.content_loss)),
                "" if row.seconds is None else f"{row.seconds:.3f}",
            )
            for row in rows
        ),
    )

"""The paper's quantitative evaluation (section 7.1, figure 4): mean losses over contents x styles.

Every picture is its middle square, its shorter side scaled to one size, up or down. Whatever makes
results, one encoder measures them all, against its own t = AdaIN(f(c), f(s)).
"""

from __future__ import annotations

import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from statistics import fmean, median
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from ...files.pictures import read_picture
from ...files.sheets import square
from ...host.plain import Progress
from ...models.model import Model
from ...models.weights.tensors import EncoderIdentity
from ...ops.similarity import psnr, ssim
from ...pipeline import transfer
from ...pipeline.refine import refinement
from ...pipeline.types import Features, Style
from .losses import Losses, LossMeter, MeanLosses, View

P = ParamSpec("P")
T = TypeVar("T")

CONTENT = "content unchanged"
STYLE = "style picture"

Pair = tuple[Path, Path]
"""A content and a style."""


@dataclass(frozen=True)
class Row:
    """What one kind of picture amounts to: means over all pairs."""

    name: str
    """`CONTENT`, `STYLE`, a model's name, or how it was optimised."""

    content_loss: float
    """L_c, at least 0."""

    style_loss: float
    """L_s, the sum of `layer_losses`."""

    layer_losses: tuple[float, ...]
    """L_s at each of `losses.LAYERS`."""

    ssim: float
    """Structural similarity to the content; 1 is equal."""

    seconds: float | None
    """Seconds to make one, encoding of the content included, of the style excluded: the median;
    None if nothing is made."""

    seconds_with_style: float | None
    """Seconds to make one, encoding of content and style included: the median; None if nothing is
    made."""


@dataclass(frozen=True)
class Reconstruction:
    """How well a model gives photographs back at alpha 0, g(f(c)) against c."""

    model: str
    """Name of the model."""

    psnr: float
    """Peak signal-to-noise ratio in dB, the mean over the photographs."""

    lowest_psnr: float
    """The lowest of these ratios in dB."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A square picture, measured."""

    picture: Tensor
    """[1,S,S,3], fp32 in 0..1."""

    view: View
    """As the measuring encoder sees it."""

    seconds: float
    """Seconds that the view took."""


def timed(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """What a function returns, and the seconds that it took."""
    started = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - started


Found = tuple[Losses, float, tuple[float, float] | None]
"""What is measured of a pair's picture: its losses, its SSIM to the content, and the seconds to
make it without the style's encoding and for that; None if it was there."""


def row(name: str, found: Sequence[Found]) -> Row:
    """The means over at least one picture."""
    losses, similarities, times = zip(*found, strict=True)
    means = MeanLosses.of(losses)
    seconds = [both for both in times if both is not None]
    return Row(
        name,
        content_loss=means.content,
        style_loss=means.style,
        layer_losses=means.layers,
        ssim=fmean(similarities),
        seconds=median(work for work, _ in seconds) if seconds else None,
        seconds_with_style=median(map(sum, seconds)) if seconds else None,
    )


def balanced_pairs(
    contents: Sequence[Path], styles: Sequence[Path], number: int | None = None
) -> list[Pair]:
    """Contents x styles, or fewer of these pairs, fixed and fairly spread.

    Both are shuffled under a fixed seed and then paired along diagonals, so that all contents occur
    equally often up to one, and all styles.

    Args:
        contents: at least one.
        styles: at least one.
        number: how many pairs at most; all if absent.

    Returns:
        The pairs, sorted: those of one content follow each other.
    """
    draw = random.Random(0).random
    rows, columns = (sorted(paths, key=lambda _: draw()) for paths in (contents, styles))
    # Both count up together; when they would meet again, styles move on by one.
    period = math.lcm(len(rows), len(columns))
    every = (
        (rows[k % len(rows)], columns[(k + k // period) % len(columns)])
        for k in range(len(rows) * len(columns))
    )
    return sorted(list(every)[:number])


def samples(pairs: Iterable[Pair], meter: LossMeter, size: int) -> Iterator[tuple[Sample, Sample]]:
    """Reads and measures the pictures of pairs, as squares of `size` px, each once.

    Those of one content follow each other: all styles stay in memory, 8 MB each at 512 px, and one
    content.

    Raises:
        InputError: a picture cannot be read.
    """

    def sample(path: Path) -> Sample:
        picture = square(read_picture(path), size)[None]
        return Sample(picture, *timed(meter.view, picture))

    contents, styles = lru_cache(maxsize=1)(sample), cache(sample)
    for content, style in pairs:
        yield contents(content), styles(style)


def evaluate(
    pairs: Sequence[Pair],
    models: Sequence[Model],
    meter: LossMeter,
    *,
    size: int,
    refine: Sequence[int] = (),
    progress: Progress | None = None,
) -> list[Row]:
    """Measures the contents as they are, the style pictures, and what models make of them.

    Args:
        pairs: at least one, see `samples`.
        models: of different names; their encoders need not be the meter's.
        meter: measures all of them.
        size: side of the squares in px, at least 11, which SSIM needs.
        refine: numbers of steps after which to measure what models make refined, too.
        progress: told of every pair.

    Raises:
        InputError: a picture cannot be read.
    """

    @lru_cache(maxsize=len(models))  # of one content
    def content_in(name: str, sample: Sample) -> tuple[Features, float]:
        return timed(transfer.encode, by_name[name], sample.picture)

    @cache
    def style_in(name: str, sample: Sample) -> tuple[Style, float]:
        features, seconds = timed(transfer.encode, by_name[name], sample.picture)
        style, more = timed(transfer.style_statistics, features)
        return style, seconds + more

    def made(model: Model, content: Sample, style: Sample) -> Iterator[tuple[str, Tensor, float]]:
        """What a model makes of a pair, decoded and refined, and the seconds up to there."""
        features, encoding = content_in(model.name, content)
        statistics, _ = style_in(model.name, style)
        stylized, transferring = timed(transfer.transfer, features, statistics)
        picture, decoding = timed(transfer.decode, model, stylized)
        seconds = encoding + transferring + decoding
        yield model.name, picture, seconds
        way = refinement(model, picture, stylized, statistics, steps=max(refine, default=0))
        for step in range(max(refine, default=-1) + 1):
            better, more = timed(next, way)
            seconds += more
            if step in refine:
                plural = "s" if step > 1 else ""
                yield f"{model.name}, refined by {step} step{plural}", better, seconds

    by_name = {model.name: model for model in models}
    found: dict[str, list[Found]] = defaultdict(list)
    for done, (content, style) in enumerate(samples(pairs, meter, size), 1):
        target = meter.target(content.view, style.view)
        unchanged = meter.losses(content.view, target, style.view)
        found[CONTENT].append((unchanged, 1.0, None))
        similarity = ssim(style.picture, content.picture).item()
        found[STYLE].append((meter.losses(style.view, target, style.view), similarity, None))
        for model in models:
            _, encoding = style_in(model.name, style)
            for name, picture, seconds in made(model, content, style):
                losses = meter.losses(meter.view(picture), target, style.view)
                similarity = ssim(picture, content.picture).item()
                found[name].append((losses, similarity, (seconds, encoding)))
        if progress is not None:
            progress(done, len(pairs))
    return [row(name, pictures) for name, pictures in found.items()]


def reconstructions(
    models: Sequence[Model], contents: Sequence[Path], progress: Progress | None = None
) -> list[Reconstruction]:
    """Measures what models of different names give back at alpha 0, at the photographs' own sizes.
    Models of one encoder share what it makes of a photograph. `progress` is told of every
    photograph that a model has given back.

    Raises:
        InputError: a picture cannot be read.
    """
    ratios: dict[str, list[float]] = {model.name: [] for model in models}
    for number, path in enumerate(contents):
        picture = read_picture(path)
        color = picture[..., :3].expand(-1, -1, -1, 3)
        encoded: dict[tuple[EncoderIdentity, torch.dtype], Features] = {}
        for done, model in enumerate(models, number * len(models) + 1):
            encoder = model.identity, model.dtype
            if encoder not in encoded:
                encoded[encoder] = transfer.encode(model, picture)
            rebuilt = transfer.decode(model, encoded[encoder])
            ratios[model.name].append(psnr(rebuilt[..., :3], color).item())
            if progress is not None:
                progress(done, len(contents) * len(models))
    return [Reconstruction(name, fmean(values), min(values)) for name, values in ratios.items()]

"""Pictures and films in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..host.errors import InputError
from ..host.options import (
    ColorMethod,
    FrameStatistics,
    MaskResize,
    MaskStatistics,
    Outside,
    check_size,
)
from ..host.plain import Progress
from ..models.model import Model, load_model
from .checks import as_batch, check_picture, common_batch, warn_of_empty
from .colors import recolors_style, style_for
from .curves import Curve
from .engine import Report, cells, collected, counter
from .film import check_passes, stylized_looks, work_of
from .film_options import FilmOptions
from .look import Look, check_combination
from .transfer import measured_style
from .types import Style

T = TypeVar("T", Tensor, Style | Tensor)

Styles = Style | Tensor | Sequence[Style | Tensor]
"""Statistics, or style pictures as [B,H,W,C] in 0..1: one for all frames, or one for each. Several
of them are mixed by weights or have a region each."""

Masks = Tensor | Sequence[Tensor] | None
"""[H,W] or [B,H,W] in 0..1, of any size, 1 where the style goes: one for all frames, or one for
each. Several, for as many styles, or for all styles but the last, which fills the rest."""


def stylize(
    content: Tensor,
    style: Styles,
    *,
    model: Model | None = None,
    alpha: float | Curve = 1.0,
    weights: Sequence[float] | Curve | None = None,
    mask: Masks = None,
    content_size: int = 0,
    style_size: int = 512,
    mask_statistics: MaskStatistics = "region",
    mask_resize: MaskResize = "area",
    outside: Outside = "original",
    preserve_color: ColorMethod | None = None,
    frame_statistics: FrameStatistics = "per_frame",
    smoothing: float = 0.8,
    refine: int = 0,
    steadiness: float = 0.0,
    progress: Progress | None = None,
) -> Tensor:
    """Gives pictures, or the frames of a film, the style of others: encodes, applies AdaIN and
    decodes, one frame at a time.

        stylize(read_picture("photo.jpg"), read_picture("art.jpg"), alpha=0.8)

    Args:
        content: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        style: see `Styles`.
        model: what to use; the default model if absent.
        alpha: 0 keeps the content, 1 is the full style (paper, equation 14); see `FilmOptions`.
        weights: of several styles in a mixture, at least 0; only their ratio counts (equation 15).
            A curve changes them over the film, and counts each style of a batch.
        mask: see `Masks`.
        content_size: px to scale the content's shorter side to; 0 keeps the size.
        style_size: px to scale the shorter side of style pictures to; 0 keeps the size.
        mask_statistics: see `FilmOptions`, as all that follow.
        mask_resize: how masks are brought onto the feature grid.
        outside: what shows where no mask is.
        preserve_color: how the content's colours are kept.
        frame_statistics: over which frames the content's statistics are taken.
        smoothing: for `smoothed`.
        refine: steps by which the pixels of the decoder's picture are improved: 10 take about 20
            times as long as the picture itself.
        steadiness: how far results follow the film's motion.
        progress: told of every band.

    Returns:
        [B,H,W,3 or 4], fp32 in 0..1, of the content's size.

    Raises:
        InputError: a picture, a mask or an option cannot be used; batches, weights or masks do not
            fit; another encoder made a style; or its picture is needed, to be recoloured.
    """
    options = FilmOptions(
        alpha=alpha,
        content_size=content_size,
        mask_statistics=mask_statistics,
        mask_resize=mask_resize,
        outside=outside,
        preserve_color=preserve_color,
        frame_statistics=frame_statistics,
        smoothing=smoothing,
        refine=refine,
        steadiness=steadiness,
    )
    check_picture(content, "content")
    styles, masks = _styles(style, weights), [as_batch(each) for each in _listed(mask)]
    numbered = [""] if len(styles) == 1 else [f"_{number}" for number in range(1, len(styles) + 1)]
    sizes = {"content": len(content)}
    sizes |= {f"style{number}": len(each) for number, each in zip(numbered, styles, strict=True)}
    sizes |= {f"mask{number}": len(each) for number, each in zip(numbered, masks, strict=False)}
    batch = common_batch(**sizes)
    frames = content if len(content) == batch else [content[0]] * batch
    results = _stylized(
        frames, styles, options, model=model, style_size=style_size, weights=weights, masks=masks,
        progress=progress, checked=True,
    )  # fmt: skip
    return collected(results, batch)


def stylize_combinations(
    contents: Tensor, styles: Style | Tensor, *, progress: Progress | None = None, **settings: Any
) -> Tensor:
    """Gives each of several pictures each of several styles.

    Args:
        contents: [B,H,W,C] in 0..1; the frames of a film get each style as a film.
        styles: S styles, or style pictures [S,H,W,C].
        progress: told of every band.
        settings: of `stylize`, but for weights.

    Returns:
        [B*S,H,W,3 or 4]: the first content in every style, then the second.

    Raises:
        InputError: see `stylize`.
    """
    results = []
    for index in range(len(styles)):

        def report(done: int, total: int, before: int = index) -> None:
            if progress is not None:
                progress(before * total + done, len(styles) * total)

        style = styles[index] if isinstance(styles, Style) else styles[index, None]
        results.append(stylize(contents, style, progress=report, **settings))
    return torch.stack(results, dim=1).flatten(0, 1)


def stylize_frames(
    frames: Iterable[Tensor],
    style: Styles,
    options: FilmOptions | None = None,
    *,
    model: Model | None = None,
    weights: Sequence[float] | Curve | None = None,
    mask: Masks = None,
    style_size: int = 512,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """Stylises a film of any length, of which one frame at a time is in memory.

    Args:
        frames: pictures of one size, each [H,W,C] in 0..1, RGB, RGBA or grey. `shared` statistics
            go through them twice, for which an iterator will not do. One style or mask for each
            frame needs frames whose number is known.
        style: see `Styles`.
        options: how; the defaults if absent.
        model: what to use; the default model if absent.
        weights: see `stylize`.
        mask: see `Masks`.
        style_size: see `stylize`.
        progress: told of every band if the number of frames is known.

    Yields:
        Each frame, [H,W,3 or 4], fp32 in 0..1, as soon as it is done.

    Raises:
        InputError: as `stylize`; and as the film goes on, there are no frames, or one is not a
            picture or is of another size than the first.
    """
    masks = [as_batch(each) for each in _listed(mask)]
    return _stylized(
        frames, _styles(style, weights), options or FilmOptions(), model=model,
        style_size=style_size, weights=weights, masks=masks, progress=progress, checked=False,
    )  # fmt: skip


def encoded_styles(
    model: Model,
    styles: Sequence[Style | Tensor],
    frame: Tensor | None,
    *,
    method: ColorMethod | None,
    style_size: int,
    report: Report,
) -> list[Style]:
    """Styles ready to be applied: pictures among them are encoded, recoloured first where the
    content's colours are to be kept.

    Args:
        model: whose encoder to use.
        styles: statistics, or pictures as [B,H,W,C] in 0..1.
        frame: the content's first, [1,H,W,C]; None if the method recolours no styles.
        method: see `FilmOptions.preserve_color`.
        style_size: px to scale the shorter side of pictures to; 0 keeps the size.
        report: told of every band.
    """
    encoded = []
    for style in styles:
        if isinstance(style, Tensor):
            picture = style if frame is None else style_for(frame, style, method)
            encoded.append(measured_style(model, picture, style_size, report))
        else:
            encoded.append(style)
    return encoded


def _stylized(
    frames: Iterable[Tensor],
    styles: Sequence[Style | Tensor],
    options: FilmOptions,
    *,
    model: Model | None,
    style_size: int,
    weights: Sequence[float] | Curve | None,
    masks: Sequence[Tensor],
    progress: Progress | None,
    checked: bool,
) -> Iterator[Tensor]:
    _check_styles(styles, options.preserve_color)
    check_size("style_size", style_size)
    check_combination(len(styles), weights, len(masks))
    for mask in masks:
        # On the grid of the frames, which are yet to be encoded, it is empty where it is here.
        warn_of_empty(mask, mask)
    model = load_model() if model is None else model
    check_passes(frames, options)
    count = len(frames) if isinstance(frames, Sized) else None
    frames = _Peeked(frames)
    if not checked:
        check_picture(frames.first[None], "frame 1")
    pictures = [style for style in styles if isinstance(style, Tensor)]
    total = sum(len(picture) * cells(picture.shape[1:3], style_size) for picture in pictures)
    total += work_of(frames.first.shape[:2], count or 0, 1, options)
    report = counter(progress if count else None, total)
    encoded = encoded_styles(
        model, styles, frames.first[None],
        method=options.preserve_color, style_size=style_size, report=report,
    )  # fmt: skip
    look = Look.of(encoded, weights=weights, masks=masks)
    look.check(model, count)
    results = stylized_looks(model, frames, [look], options, report, checked=checked)
    return (result for (result,) in results)


def _styles(style: Styles, weights: Sequence[float] | Curve | None) -> list[Style | Tensor]:
    """Styles that go together, pictures among them checked; each of a batch counts where their
    weights change."""
    styles = _listed(style)
    for each in styles:
        if isinstance(each, Tensor):
            check_picture(each, "style")
    if not isinstance(weights, Curve):
        return styles
    parts: list[Style | Tensor] = []
    for each in styles:
        parts += each if isinstance(each, Style) else (picture[None] for picture in each)
    return parts


def _listed(value: T | Sequence[T] | None) -> list[T]:
    """One or several as a list; tensors and banks have a length, too."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]  # type: ignore[list-item]


class _Peeked:
    """Frames of which the first has been looked at, and is not read again for it."""

    def __init__(self, frames: Iterable[Tensor]) -> None:
        self._frames = frames
        iterator = iter(frames)
        first = next(iterator, None)
        if first is None:
            raise InputError("the film has no frames")
        self.first = first
        self._begun: Iterator[Tensor] | None = chain([first], iterator)

    def __iter__(self) -> Iterator[Tensor]:
        begun, self._begun = self._begun, None
        return iter(self._frames) if begun is None else begun


def _check_styles(styles: Sequence[Style | Tensor], method: ColorMethod | None) -> None:
    if recolors_style(method) and not all(isinstance(style, Tensor) for style in styles):
        raise InputError(
            f"preserve_color {method} recolours the style picture before it is encoded, and a "
            "style that is encoded already has no picture: give the picture, or take luminance"
        )

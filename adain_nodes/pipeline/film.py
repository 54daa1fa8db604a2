"""Films: frames are encoded, transferred and decoded one after the other, so that the features of
a film are never all in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass

from torch import Tensor

from ..host.errors import InputError
from ..host.options import (
    COLOR_METHODS,
    FRAME_STATISTICS,
    MASK_RESIZES,
    MASK_STATISTICS,
    ColorMethod,
    FrameStatistics,
    MaskResize,
    MaskStatistics,
    check_choice,
    check_share,
    check_size,
)
from ..host.plain import Progress
from ..models.model import Model
from ..ops.statistics import Moments, Statistics
from .colors import recolors_style, result_for, style_for
from .engine import Report, cells, counter, decode_one, encode_one
from .film_statistics import Shared, Smoothed
from .mask_checks import warn_of_empty
from .pictures import check_picture, collected, common_batch
from .transfer import apply_style, compose_deferred, style_of
from .types import Features, Style, as_batch, check_same_encoder


@dataclass(frozen=True)
class Region:
    """A style, and where in the frames it goes."""

    style: Style
    """One for all frames, or one for each."""

    mask: Tensor | None = None
    """[H,W] or [B,H,W] in 0..1, of any size, likewise; None is the whole frame."""

    def at(self, index: int) -> tuple[Style, Tensor | None]:
        """The style and the mask for one frame, counted from 0."""
        mask = self.mask
        if mask is not None and mask.ndim == 3:
            mask = mask[index % len(mask)]
        return self.style[index % len(self.style)], mask


@dataclass(frozen=True)
class FilmOptions:
    """How the frames of a film are stylised."""

    alpha: float = 1.0
    """0 keeps the content, 1 is the full style."""

    content_size: int = 0
    """Px to scale the frames' shorter side to; 0 keeps the size."""

    mask_statistics: MaskStatistics = "region"
    """See `pipeline.transfer`."""

    mask_resize: MaskResize = "area"
    """See `ops.masks.grid_mask`."""

    preserve_color: ColorMethod | None = None
    """`luminance` gives each result its frame's chroma; the other methods have done their part when
    the style was encoded, see `colors.style_for`. None leaves the style's colours."""

    frame_statistics: FrameStatistics = "per_frame"
    """Whether mu(x) and sigma(x) are those of each frame, of all frames, or smoothed over time,
    see `frame_statistics`. A frame where a region's mask is empty does not count. `shared` encodes
    every frame twice."""

    smoothing: float = 0.8
    """0 to 1, for `smoothed`: the share that a frame's statistics take over from those of the frame
    before; 0 is `per_frame`."""

    def __post_init__(self) -> None:
        if self.preserve_color is not None:
            check_choice("preserve_color", self.preserve_color, COLOR_METHODS)
        check_share("alpha", self.alpha)
        check_size("content_size", self.content_size)
        check_choice("mask_statistics", self.mask_statistics, MASK_STATISTICS)
        check_choice("mask_resize", self.mask_resize, MASK_RESIZES)
        check_choice("frame_statistics", self.frame_statistics, FRAME_STATISTICS)
        check_share("smoothing", self.smoothing)


def stylize(
    model: Model,
    content: Tensor,
    style: Style | Tensor,
    *,
    alpha: float = 1.0,
    content_size: int = 0,
    style_size: int = 512,
    mask: Tensor | None = None,
    mask_statistics: MaskStatistics = "region",
    preserve_color: ColorMethod | None = None,
    frame_statistics: FrameStatistics = "per_frame",
    smoothing: float = 0.8,
    progress: Progress | None = None,
) -> Tensor:
    """Encodes, transfers and decodes, one frame at a time.

    Args:
        model: what to use.
        content: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        style: statistics, or style pictures as [B,H,W,C] in 0..1: one for all frames, or one for
            each.
        alpha: 0 keeps the content, 1 is the full style.
        content_size: px to scale the content's shorter side to; 0 keeps the size.
        style_size: likewise for style pictures.
        mask: where to apply it, see `pipeline.transfer`; one for all frames, or one for each.
        mask_statistics: see `pipeline.transfer`.
        preserve_color: how the result keeps the content's colours, see `colors.match_color`;
            None leaves it those of the style. `luminance` gives each result its frame's chroma;
            the others recolour style pictures before they are encoded, to the first frame.
        frame_statistics: see `FilmOptions`.
        smoothing: likewise.
        progress: told of every tile: first of style pictures, then of frames, each from 0.

    Returns:
        [B,H,W,3 or 4], fp32 in 0..1.

    Raises:
        InputError: as `pipeline.encode`, `pipeline.transfer` and `colors.match_color`; the style's
            colours are to be changed and it is no picture; or the smoothing is out of range.
    """
    check_picture(content, "content")
    options = FilmOptions(
        alpha=alpha,
        content_size=content_size,
        mask_statistics=mask_statistics,
        preserve_color=preserve_color,
        frame_statistics=frame_statistics,
        smoothing=smoothing,
    )
    if isinstance(style, Tensor):
        check_picture(style, "style")
    elif recolors_style(preserve_color):
        raise InputError(
            f"preserve_color {preserve_color} recolours the style picture before it is encoded, "
            "and a style that is encoded already has no picture: give the picture, or take "
            "luminance"
        )
    sizes = {"content": len(content), "style": len(style)}
    if mask is not None:
        mask = as_batch(mask)
        # On the grid of the frames, which are yet to be encoded, it is empty where it is here.
        warn_of_empty(mask, mask)
        sizes["mask"] = len(mask)
    batch = common_batch(**sizes)
    if isinstance(style, Tensor):
        style = style_of(
            model,
            style_for(content, style, preserve_color),
            shorter_side=style_size,
            progress=progress,
        )
    frames = content if len(content) == batch else [content[0]] * batch
    results = stylize_frames(model, frames, [Region(style, mask)], options, progress=progress)
    return collected(results, batch)


def stylize_frames(
    model: Model,
    frames: Iterable[Tensor],
    regions: Sequence[Region],
    options: FilmOptions,
    *,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """Stylises a film of any length, of which one frame at a time is in memory.

    Args:
        model: what to use.
        frames: pictures of one size, each [H,W,C] in 0..1, RGB, RGBA or grey. `shared` statistics
            go through them twice, for which an iterator will not do. A frame that is the same
            object as the one before it is not encoded anew.
        regions: styles and their masks, see `pipeline.compose`; a single one needs no mask. One
            style or mask for each frame needs frames whose number is known.
        options: how.
        progress: told of every tile if the number of frames is known.

    Yields:
        Each frame, [H,W,3 or 4], fp32 in 0..1, as soon as it is done.

    Raises:
        InputError: styles or masks do not fit the frames, or the styles come from another encoder;
            and as the film goes on, there are no frames, or one is no picture or of another size
            than the first.
    """
    if options.frame_statistics == "shared" and isinstance(frames, Iterator):
        raise InputError(
            "shared statistics go through the frames twice, and an iterator gives them once: give "
            "a sequence, or take smoothed"
        )
    _check_regions(model, regions, len(frames) if isinstance(frames, Sized) else None)
    return _Film(model, frames, regions, options, progress).stylized()


class _Film:
    """A film on its way through the networks."""

    def __init__(
        self,
        model: Model,
        frames: Iterable[Tensor],
        regions: Sequence[Region],
        options: FilmOptions,
        progress: Progress | None,
    ) -> None:
        self._model = model
        self._frames = frames
        self._regions = regions
        self._options = options
        self._progress = progress
        self._report: Report | None = None

    def stylized(self) -> Iterator[Tensor]:
        options = self._options
        shared = self._shared() if options.frame_statistics == "shared" else None
        smoothed = [Smoothed(options.smoothing) for _ in self._regions]
        for index, (frame, features, report) in enumerate(self._encoded()):
            parts = []
            for number, region in enumerate(self._regions):
                style, mask = region.at(index)
                own: Statistics | None = None
                if shared is not None:
                    own = shared[number]
                elif options.frame_statistics == "smoothed":
                    own = smoothed[number].follow(self._moments(features, mask))
                part = apply_style(
                    features,
                    style,
                    alpha=options.alpha,
                    grid=self._on_grid(features, mask),
                    mask_statistics=options.mask_statistics,
                    apply_mask=False,
                    own=own,
                )
                parts.append((part, mask))
            masked = [(part, mask) for part, mask in parts if mask is not None]
            target = parts[0][0]
            if masked:
                target = compose_deferred(masked, features, mask_resize=options.mask_resize)
            result = decode_one(self._model, target, report)
            yield result_for(frame[None], result, options.preserve_color)[0]

    def _shared(self) -> list[Statistics]:
        """The statistics of each region over the whole film."""
        totals = [Shared() for _ in self._regions]
        for index, (_, features, _) in enumerate(self._encoded()):
            for region, total in zip(self._regions, totals, strict=True):
                total.add(self._moments(features, region.at(index)[1]))
        return [total.statistics() for total in totals]

    def _moments(self, features: Features, mask: Tensor | None) -> Moments:
        whole = self._options.mask_statistics == "image"
        return Moments.of(features.values, None if whole else self._on_grid(features, mask))

    def _on_grid(self, features: Features, mask: Tensor | None) -> Tensor | None:
        return None if mask is None else features.on_grid(mask, self._options.mask_resize)

    def _encoded(self) -> Iterator[tuple[Tensor, Features, Report]]:
        """Each frame, its features, and whom to tell of work on it."""
        size = self._options.content_size
        first: Tensor | None = None
        previous: Tensor | None = None
        for number, frame in enumerate(self._frames, 1):
            check_picture(frame[None], f"frame {number}")
            if first is None:
                first = frame
                report = self._reporter(cells(frame[None], size))
            elif frame.shape[:2] != first.shape[:2]:
                raise InputError(
                    f"frame {number} is of {_size(frame)} px, the first of {_size(first)}: the "
                    "frames of a film must be of one size"
                )
            if frame is previous:
                report(cells(frame[None], size))
            else:
                features = encode_one(self._model, frame[None], size, report)
            previous = frame
            yield frame, features, report
        if first is None:
            raise InputError("the film has no frames")

    def _reporter(self, work: int) -> Report:
        """Whom to tell of work, of which encoding a frame takes so much; the same in all passes."""
        if self._report is None:
            frames = len(self._frames) if isinstance(self._frames, Sized) else 0
            passes = 3 if self._options.frame_statistics == "shared" else 2
            self._report = counter(self._progress if frames else None, passes * frames * work)
        return self._report


def _check_regions(model: Model, regions: Sequence[Region], frames: int | None) -> None:
    """Checks what `stylize_frames` says of them; `frames` is None if their number is unknown."""
    if not regions or (len(regions) > 1 and any(region.mask is None for region in regions)):
        raise InputError("a film needs a style, and each of several styles a mask")
    styles = {f"style_{number}": region.style for number, region in enumerate(regions, 1)}
    check_same_encoder(model=model.identity, **{n: style.encoder for n, style in styles.items()})
    sizes = {name: len(style) for name, style in styles.items()}
    for number, region in enumerate(regions, 1):
        if region.mask is not None:
            sizes[f"mask_{number}"] = len(as_batch(region.mask))
    for name, size in sizes.items():
        if size not in (1, frames):
            count = "an unknown number of" if frames is None else frames
            raise InputError(
                f"{name} has {size} in its batch for {count} frames: one for all, or one for each "
                "is expected"
            )


def _size(frame: Tensor) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"

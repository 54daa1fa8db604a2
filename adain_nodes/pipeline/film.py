"""Films: frames are encoded, transferred and decoded one after the other, so that the features of
a film are never all in memory. A picture is a film of one frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..host.errors import InputError
from ..host.options import (
    COLOR_METHODS,
    FRAME_STATISTICS,
    MASK_RESIZES,
    MASK_STATISTICS,
    OUTSIDES,
    ColorMethod,
    FrameStatistics,
    MaskResize,
    MaskStatistics,
    Outside,
    check_choice,
    check_share,
    check_size,
)
from ..models.model import Model
from ..ops.masks import remainder
from ..ops.statistics import Moments, Statistics
from .checks import check_picture, warn_of_stretching
from .colors import result_for
from .engine import Report, cells, decode_one, encode_one
from .film_statistics import Shared, Smoothed
from .look import Look
from .rows import Rows, blended, composed
from .scaling import scaled
from .types import Features


@dataclass(frozen=True)
class FilmOptions:
    """How the frames of a film are stylised."""

    alpha: float = 1.0
    """0 keeps the content, 1 is the full style."""

    content_size: int = 0
    """Px to scale the frames' shorter side to; 0 keeps the size."""

    mask_statistics: MaskStatistics = "region"
    """Where mu(x) and sigma(x) are measured: in each masked region, or over the whole frame."""

    mask_resize: MaskResize = "area"
    """How masks are brought onto the feature grid, see `ops.masks.grid_mask`."""

    outside: Outside = "original"
    """What shows where no mask is: the `original` pixels, or what the decoder makes of them
    (`decoded`), which is softer."""

    preserve_color: ColorMethod | None = None
    """How the content's colours are kept: `luminance` gives each result its frame's chroma; the
    other methods recolour style pictures to the first frame before they are encoded. None takes the
    style's colours."""

    frame_statistics: FrameStatistics = "per_frame"
    """Whether mu(x) and sigma(x) are those of each frame, of all frames, or smoothed over time, see
    `film_statistics`. A frame where a region's mask is empty does not count. `shared` encodes every
    frame twice."""

    smoothing: float = 0.8
    """For `smoothed`: the share, 0 to 1, that a frame's statistics keep of those of the frame
    before; 0 is `per_frame`."""

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        check_size("content_size", self.content_size)
        check_choice("mask_statistics", self.mask_statistics, MASK_STATISTICS)
        check_choice("mask_resize", self.mask_resize, MASK_RESIZES)
        check_choice("outside", self.outside, OUTSIDES)
        if self.preserve_color is not None:
            check_choice("preserve_color", self.preserve_color, COLOR_METHODS)
        check_choice("frame_statistics", self.frame_statistics, FRAME_STATISTICS)
        check_share("smoothing", self.smoothing)

    @property
    def passes(self) -> int:
        """How often each frame is encoded."""
        return 2 if self.frame_statistics == "shared" else 1


def check_passes(frames: Iterable[Tensor], options: FilmOptions) -> None:
    """Checks that frames can be gone through as often as options need it.

    Raises:
        InputError: they cannot.
    """
    if options.passes > 1 and isinstance(frames, Iterator):
        raise InputError(
            "shared statistics go through the frames twice, and an iterator gives them once: give "
            "a sequence, or take smoothed"
        )


def stylized_looks(
    model: Model,
    frames: Iterable[Tensor],
    looks: Sequence[Look],
    options: FilmOptions,
    report: Report,
    *,
    checked: bool = False,
) -> Iterator[list[Tensor]]:
    """Gives a film of any length several looks, each frame encoded but once for all of them.

    Args:
        model: what to use.
        frames: pictures of one size, each [H,W,C] in 0..1, RGB, RGBA or grey; see `check_passes`.
            A frame that is the same object as the one before it is not encoded anew.
        looks: at least one, each checked by `Look.check`.
        options: how.
        report: told of every band, in cells; see `work_of`.
        checked: whether the frames have been through `checks.check_picture` as a batch.

    Yields:
        For each frame its looks in their order, [H,W,3 or 4], fp32 in 0..1, as soon as they are
        done.

    Raises:
        InputError: as the film goes on: there are no frames, or one is not a picture or is of
            another size than the first.
    """
    return _Film(model, frames, options, report, checked).stylized(looks)


def work_of(size: Sequence[int], frames: int, looks: int, options: FilmOptions) -> int:
    """Cells to encode and to decode, see `engine.cells`, for so many frames of this height and
    width in px."""
    return frames * (options.passes + looks) * cells(size, options.content_size)


class _Film:
    """A film on its way through the networks."""

    def __init__(
        self,
        model: Model,
        frames: Iterable[Tensor],
        options: FilmOptions,
        report: Report,
        checked: bool,
    ) -> None:
        self._model = model
        self._frames = frames
        self._options = options
        self._report = report
        self._checked = checked

    def stylized(self, looks: Sequence[Look]) -> Iterator[list[Tensor]]:
        targets = [_Target(look, self._options) for look in looks]
        if self._options.frame_statistics == "shared":
            for index, (_, features) in enumerate(self._encoded()):
                for target in targets:
                    target.count(index, features)
        for index, (frame, features) in enumerate(self._encoded()):
            results = []
            for target in targets:
                rows = target.rows(index, features)
                result = decode_one(self._model, features, rows, self._report)
                result = result_for(frame[None], result, self._options.preserve_color)
                results.append(target.with_outside(index, frame, result[0]))
            yield results

    def _encoded(self) -> Iterator[tuple[Tensor, Features]]:
        """Each frame, and its features."""
        size = self._options.content_size
        first: Tensor | None = None
        previous: Tensor | None = None
        for number, frame in enumerate(self._frames, 1):
            if not self._checked:
                check_picture(frame[None], f"frame {number}")
            first = frame if first is None else first
            if frame.shape[:2] != first.shape[:2]:
                raise InputError(
                    f"frame {number} is of {_size(frame)} px, the first of {_size(first)}: the "
                    "frames of a film must be of one size"
                )
            if frame is previous:
                self._report(cells(frame.shape[:2], size))
            else:
                features = encode_one(self._model, frame[None], size, self._report)
            previous = frame
            yield frame, features
        if first is None:
            raise InputError("the film has no frames")
        self._checked = True  # they are the same in the next pass


class _Target:
    """One look on its way through a film: which features each frame is to be decoded from."""

    def __init__(self, look: Look, options: FilmOptions) -> None:
        self._look = look
        self._options = options
        # Not smoothed at all, they are those of each frame.
        smoothing = options.smoothing if options.frame_statistics == "smoothed" else 0.0
        self._smoothed = [Smoothed(smoothing) for _ in look.styles]
        self._totals = [Shared() for _ in look.styles]
        self._shared: list[Statistics] | None = None
        self._grids: list[Tensor | None] = [None]
        self._places: tuple[int, ...] = ()
        self._shares: tuple[tuple[int, ...], Tensor] | None = None

    def count(self, index: int, features: Features) -> None:
        """Counts a frame into the statistics that all frames share."""
        for total, moments in zip(self._totals, self._moments(index, features), strict=True):
            total.add(moments)

    def rows(self, index: int, features: Features) -> Rows:
        """What to decode of a frame, given the features of its content."""
        if self._options.frame_statistics == "shared":
            self._shared = self._shared or [total.statistics() for total in self._totals]
            own = self._shared
        else:
            moments = self._moments(index, features)
            own = [s.follow(frame) for s, frame in zip(self._smoothed, moments, strict=True)]
        styles = [style[index % len(style)] for style in self._look.styles]
        parts = [
            blended(features, style, self._options.alpha, statistics)
            for style, statistics in zip(styles, own, strict=True)
        ]
        grids = self._grids_of(index, features)
        masked = [(part, grid) for part, grid in zip(parts, grids, strict=True) if grid is not None]
        return composed(masked, features) if masked else parts[0]

    def with_outside(self, index: int, frame: Tensor, result: Tensor) -> Tensor:
        """A result, [H,W,3 or 4], with the frame's own pixels where no mask is."""
        masks = self._look.masks
        if self._options.outside == "decoded" or len(masks) < len(self._look.styles) or not masks:
            return result
        height, width = result.shape[:2]
        places = self._places_at(index)
        if self._shares is None or self._shares[0] != places:
            parts = [mask[place][None] for mask, place in zip(masks, places, strict=True)]
            rest = remainder(parts, (height, width))[0, ..., None]
            # From half strength on there is enough of the style for the decoder's pixels alone.
            self._shares = places, (2 - 2 * rest).clamp(max=1).to(result.device)
        original, _ = scaled(frame[None].to(result.device), (height, width))
        result[..., :3] = torch.lerp(original[0], result[..., :3], self._shares[1])
        return result

    def _places_at(self, index: int) -> tuple[int, ...]:
        """Which mask of each batch belongs to a frame."""
        return tuple(index % len(mask) for mask in self._look.masks)

    def _moments(self, index: int, features: Features) -> list[Moments]:
        """Of the content within each region."""
        grids = self._grids_of(index, features)
        whole = self._options.mask_statistics == "image"
        return [Moments.of(features.values, None if whole else grid) for grid in grids]

    def _grids_of(self, index: int, features: Features) -> list[Tensor | None]:
        """Each region's mask on the feature grid, [1,1,h,w]; None for the whole frame. Masks that
        stay the same are brought there once."""
        masks = self._look.masks
        places = self._places_at(index)
        if places != self._places:
            for mask in () if self._places else masks:
                warn_of_stretching(mask, features.size)
            parts = [mask[place][None] for mask, place in zip(masks, places, strict=True)]
            if len(parts) < len(self._look.styles):
                parts.append(remainder(parts, features.size))
            self._grids = [features.on_grid(part, self._options.mask_resize) for part in parts]
            self._places = places
        return self._grids


def _size(frame: Tensor) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"

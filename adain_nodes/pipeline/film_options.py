"""How pictures and the frames of films are stylised."""

from __future__ import annotations

from dataclasses import dataclass

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
    check_steps,
)
from .curves import Curve
from .flow import cv2_module


@dataclass(frozen=True)
class FilmOptions:
    """How the frames of a film are stylised."""

    alpha: float | Curve = 1.0
    """0 keeps the content, 1 is the full style; a curve of one value changes it over the film."""

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

    refine: int = 0
    """Steps by which each decoded frame is refined, see `refine.refine`; 0 is none."""

    steadiness: float = 0.0
    """How far, 0 to 1, results follow the film's motion in place of the networks' changing strokes,
    see `steadiness`; needs OpenCV. 0 leaves every frame as it comes."""

    def __post_init__(self) -> None:
        for values in self.alpha.values if isinstance(self.alpha, Curve) else [(self.alpha,)]:
            check_share("alpha", values[0])
        check_size("content_size", self.content_size)
        check_choice("mask_statistics", self.mask_statistics, MASK_STATISTICS)
        check_choice("mask_resize", self.mask_resize, MASK_RESIZES)
        check_choice("outside", self.outside, OUTSIDES)
        if self.preserve_color is not None:
            check_choice("preserve_color", self.preserve_color, COLOR_METHODS)
        check_choice("frame_statistics", self.frame_statistics, FRAME_STATISTICS)
        check_share("smoothing", self.smoothing)
        check_steps("refine", self.refine)
        check_share("steadiness", self.steadiness)
        if self.steadiness:
            cv2_module()

    def alpha_at(self, index: int) -> float:
        """Alpha of a frame, the first being 0."""
        return self.alpha.at(index)[0] if isinstance(self.alpha, Curve) else self.alpha

    @property
    def passes(self) -> int:
        """How often each frame is encoded."""
        return 2 if self.frame_statistics == "shared" else 1

    @property
    def over_time(self) -> bool:
        """Whether frames depend on each other."""
        return self.frame_statistics != "per_frame" or self.steadiness > 0

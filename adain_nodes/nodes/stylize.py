"""The whole graph in one node."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import Tensor

from ..host import surroundings
from ..host.errors import InputError
from ..host.options import (
    COLOR_METHODS,
    FRAME_STATISTICS,
    OUTSIDES,
    PAIRINGS,
    ColorMethod,
    FrameStatistics,
    MaskStatistics,
    Outside,
    Pairing,
)
from ..models.model import Model
from ..pipeline import stylize
from ..pipeline.curves import Curve, read_curve
from ..pipeline.types import Style
from . import schema
from .notices import shows_warnings

RATE = 25.0
"""Frames per second of a batch of images, which does not say it."""


class AdaINStylize:
    DESCRIPTION = (
        "Stylises a picture, or a film frame by frame: encodes content and style, applies AdaIN "
        "and decodes in one node. Apart from the film itself, a film needs no more memory than a "
        "single frame."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases(
        "artistic", "paint", "painting", "stylise", "art filter", "filter"
    )
    FUNCTION = "stylize"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The stylised picture or film, at the size of the content.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(schema.MODEL, "From Load AdaIN Model."),
                "content": schema.socket("IMAGE", "A picture, or the frames of a film."),
                "alpha": schema.alpha(),
                "content_size": schema.pixels(
                    0, "Scale the content's shorter side to this many px; 0 keeps its size."
                ),
                "style_size": schema.pixels(
                    512,
                    "Scale the style picture's shorter side to this many px; 0 keeps its size. It "
                    "sets the size of the strokes.",
                ),
                "mask_statistics": schema.mask_statistics(),
            },
            "optional": {
                "style_image": schema.socket(
                    "IMAGE",
                    "Style picture: one, or one per frame. Link this or 'style', not both.",
                ),
                "style": schema.socket(
                    schema.STYLE,
                    "Style from AdaIN Style Statistics or AdaIN Interpolate Styles, instead of a "
                    "style picture: one, or one per frame.",
                ),
                "mask": schema.socket(
                    "MASK",
                    "Where to apply the style: white selects, black keeps the content, grey "
                    "blends. One, or one per frame.",
                ),
                "preserve_color": schema.choice(
                    ["off", *COLOR_METHODS],
                    "Keep the content's colours. 'luminance' takes only the brightness from the "
                    "stylised picture. The others recolour the style picture to match the content "
                    "(in a film, its first frame) before encoding, so they need 'style_image'. See "
                    "AdaIN Match Color for each.",
                ),
                "frame_statistics": schema.choice(
                    FRAME_STATISTICS,
                    "How the content's mean and standard deviation are measured in a film. "
                    "'per_frame': on each frame. 'shared': over all frames; flickers least, unless "
                    "the exposure of the whole film changes, and encodes every frame twice. "
                    "'smoothed': averaged over time.",
                ),
                "smoothing": schema.number(
                    0.8,
                    0.0,
                    1.0,
                    "For 'smoothed': how much of the previous statistics each frame keeps. 0 is "
                    "'per_frame', 0.8 adapts within about 5 frames, 1 keeps the first frame's.",
                ),
                "outside": schema.choice(
                    OUTSIDES,
                    "What shows where the mask is black: the 'original' pixels of the content, or "
                    "what the decoder makes of them ('decoded'), which is softer.",
                ),
                "refine_steps": schema.steps(
                    0,
                    "Improve each picture by so many steps on its pixels: 10 give richer strokes "
                    "and truer colours, and take about twenty times as long as the picture itself. "
                    "0 is off.",
                ),
                "steadiness": schema.number(
                    0.0,
                    0.0,
                    1.0,
                    "How far a film's results follow its motion: 0 leaves every frame as it comes, "
                    "1 is as steady as the film. Needs opencv-python-headless.",
                ),
                "alpha_over_time": schema.text(
                    "In place of alpha: values at moments of a film, linear between them, such as "
                    "0:0, 2.5s:1, end:0.5. Moments are frames, seconds or the end. Empty: alpha."
                ),
                "weights_over_time": schema.text(
                    "Mix the styles of a batch or bank over a film: weights at moments, linear "
                    "between them, such as 0:1,0 / end:0,1, which begins in the first of two "
                    "styles and ends in the second. Empty: one style, or one per frame."
                ),
                "pairing": schema.choice(
                    PAIRINGS,
                    "What a batch of contents and a batch or bank of styles give: 'one to one' "
                    "pairs the first with the first, the second with the second; 'every "
                    "combination' gives every content in every style, the first content first.",
                ),
            },
        }

    @shows_warnings
    def stylize(
        self,
        *,
        model: Model,
        content: Tensor,
        alpha: float,
        content_size: int,
        style_size: int,
        mask_statistics: MaskStatistics,
        style_image: Tensor | None = None,
        style: Style | None = None,
        mask: Tensor | None = None,
        preserve_color: ColorMethod | Literal["off"] = "off",
        frame_statistics: FrameStatistics = "per_frame",
        smoothing: float = 0.8,
        outside: Outside = "original",
        refine_steps: int = 0,
        steadiness: float = 0.0,
        alpha_over_time: str = "",
        weights_over_time: str = "",
        pairing: Pairing = "one to one",
    ) -> tuple[Tensor]:
        look = linked_style(style_image, style)
        weights = weights_of(look, weights_over_time, rate=RATE, frames=len(content))
        if pairing == "every combination":
            if weights is not None:
                raise InputError(
                    "weights_over_time mixes styles into one: set pairing to 'one to one', or "
                    "leave weights_over_time empty"
                )
            run: Callable[..., Tensor] = stylize.stylize_combinations
        else:
            run = partial(stylize.stylize, weights=weights)
        result = run(
            content,
            look,
            model=model,
            alpha=alpha_of(alpha, alpha_over_time, rate=RATE, frames=len(content)),
            content_size=content_size,
            style_size=style_size,
            mask=mask,
            mask_statistics=mask_statistics,
            preserve_color=None if preserve_color == "off" else preserve_color,
            frame_statistics=frame_statistics,
            smoothing=smoothing,
            outside=outside,
            refine=refine_steps,
            steadiness=steadiness,
            progress=surroundings.current().progress(),
        )
        return (result,)


def alpha_of(alpha: float, over_time: str, *, rate: float, frames: int) -> float | Curve:
    """What the two widgets of alpha say of a film.

    Raises:
        InputError: the text is none for `read_curve`.
    """
    if not over_time.strip():
        return alpha
    return read_curve("alpha", over_time, rate=rate, frames=frames)


def weights_of(look: Tensor | Style, over_time: str, *, rate: float, frames: int) -> Curve | None:
    """What the widget of weights says of a film.

    Raises:
        InputError: the text is none for `read_curve` and the styles of the look.
    """
    if not over_time.strip():
        return None
    return read_curve("weights", over_time, rate=rate, frames=frames, values=len(look))


def linked_style(style_image: Tensor | None, style: Style | None) -> Tensor | Style:
    """The one of the two that is linked.

    Raises:
        InputError: both are, or neither.
    """
    linked = [each for each in (style_image, style) if each is not None]
    if len(linked) != 1:
        count = "both" if linked else "neither"
        raise InputError(f"link style_image or style, one of them; {count} is linked")
    return linked[0]

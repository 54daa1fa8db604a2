"""The whole graph in one node."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ..host import surroundings
from ..host.errors import InputError
from ..host.options import (
    COLOR_METHODS,
    FRAME_STATISTICS,
    ColorMethod,
    FrameStatistics,
    MaskStatistics,
)
from ..models.model import Model
from ..pipeline import stylize
from ..pipeline.types import Style
from . import schema


class AdaINStylize:
    DESCRIPTION = (
        "Stylises a picture, or a film frame by frame, in one node: encodes content and style, "
        "applies AdaIN, decodes. A film of any length needs no more memory than a single frame, "
        "beside the film itself."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "stylize"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The stylised picture or film, of the content's size.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(schema.MODEL, "From Load AdaIN Model."),
                "content": schema.socket("IMAGE", "Picture, or the frames of a film."),
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
                    "Style picture: one, or one for each frame. Link this or 'style', not both.",
                ),
                "style": schema.socket(
                    schema.STYLE,
                    "A style from AdaIN Style Statistics or AdaIN Interpolate Styles instead of a "
                    "picture.",
                ),
                "mask": schema.socket(
                    "MASK",
                    "Where to apply the style: white is here, grey blends. One, or one for each "
                    "frame.",
                ),
                "preserve_color": schema.choice(
                    ["off", *COLOR_METHODS],
                    "Keep the content's colours. 'luminance' takes only brightness from the "
                    "stylised picture; the others recolour the style picture to the content, in "
                    "a film to its first frame, before it is encoded, and so need 'style_image'. "
                    "AdaIN Match Color explains each.",
                ),
                "frame_statistics": schema.choice(
                    list(FRAME_STATISTICS),
                    "Where the content's own mean and deviation are measured in a film: on each "
                    "frame, over all frames ('shared': the steadiest unless the light on all of it "
                    "changes; encodes every frame twice), or 'smoothed' over time.",
                ),
                "smoothing": schema.number(
                    0.8,
                    0.0,
                    1.0,
                    "For 'smoothed': how much each frame keeps of the statistics before it. 0 is "
                    "'per_frame', 0.8 follows within some 5 frames, 1 keeps those of the first.",
                ),
            },
        }

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
    ) -> tuple[Tensor]:
        linked = [each for each in (style_image, style) if each is not None]
        if len(linked) != 1:
            count = "both" if linked else "neither"
            raise InputError(f"link style_image or style, one of them; {count} is linked")
        result = stylize.stylize(
            content,
            linked[0],
            model=model,
            alpha=alpha,
            content_size=content_size,
            style_size=style_size,
            mask=mask,
            mask_statistics=mask_statistics,
            preserve_color=None if preserve_color == "off" else preserve_color,
            frame_statistics=frame_statistics,
            smoothing=smoothing,
            progress=surroundings.current().progress(),
        )
        return (result,)

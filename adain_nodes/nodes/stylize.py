"""The whole graph in one node."""

from __future__ import annotations

from torch import Tensor

from .. import host, pipeline
from ..errors import InputError
from ..features import Style
from ..model import Model
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
        mask_statistics: pipeline.MaskStatistics,
        style_image: Tensor | None = None,
        style: Style | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor]:
        if (style_image is None) == (style is None):
            linked = "neither" if style is None else "both"
            raise InputError(f"link style_image or style, one of them; {linked} is linked")
        if style is None:
            assert style_image is not None
            style = pipeline.style_statistics(
                pipeline.encode(model, style_image, shorter_side=style_size)
            )
        result = pipeline.stylize(
            model,
            content,
            style,
            alpha=alpha,
            content_size=content_size,
            mask=mask,
            mask_statistics=mask_statistics,
            progress=host.current().progress(),
        )
        return (result,)

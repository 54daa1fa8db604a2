"""Colour matching as a node."""

from __future__ import annotations

from torch import Tensor

from ..host import surroundings
from ..host.options import COLOR_METHODS, ColorMethod
from ..pipeline.colors import match_color
from . import schema


class AdaINMatchColor:
    DESCRIPTION = (
        "Gives a picture the colours of another. Recolour a style picture to the content before "
        "encoding it, or give a stylised picture the content's chroma with 'luminance': either "
        "way the result keeps the content's colours."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "match"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The picture in the reference's colours, of its own size.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "image": schema.socket(
                    "IMAGE",
                    "Picture to recolour, or a batch of them. A fourth channel (transparency) is "
                    "kept.",
                ),
                "reference": schema.socket(
                    "IMAGE",
                    "Picture whose colours to take, of any size: one, or one for each picture of "
                    "the batch.",
                ),
                "method": schema.choice(
                    list(COLOR_METHODS),
                    "What is matched. 'linear': mean and covariance, moving colours as little as "
                    "possible. 'mean_std': mean and deviation of R, G and B. 'coral': mean and "
                    "covariance as in the paper's code. 'histogram': the distribution of R, G and "
                    "B. 'luminance': the image's brightness with the reference's colours, pixel "
                    "by pixel; the reference is stretched over the image.",
                ),
                "strength": schema.number(
                    1.0, 0.0, 1.0, "0 keeps the image's colours, 1 takes the reference's fully."
                ),
            }
        }

    def match(
        self, *, image: Tensor, reference: Tensor, method: ColorMethod, strength: float
    ) -> tuple[Tensor]:
        progress = surroundings.current().progress()
        return (match_color(image, reference, method, strength=strength, progress=progress),)

"""Colour matching as a node."""

from __future__ import annotations

from torch import Tensor

from ..host import surroundings
from ..host.options import COLOR_METHODS, ColorMethod
from ..pipeline.colors import match_color
from . import schema


class AdaINMatchColor:
    DESCRIPTION = (
        "Gives a picture the colours of another. To keep the content's colours, match the style "
        "picture to the content before encoding it, or match the stylised picture to the content "
        "with 'luminance'."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases(
        "color transfer", "colour transfer", "color match", "histogram", "recolor"
    )
    FUNCTION = "match"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The picture in the reference's colours, at its own size.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "image": schema.socket(
                    "IMAGE",
                    "Picture or batch to recolour. Transparency is kept.",
                ),
                "reference": schema.socket(
                    "IMAGE",
                    "Picture to take the colours from, of any size: one, or one per picture of the "
                    "batch.",
                ),
                "method": schema.choice(
                    COLOR_METHODS,
                    "What to match. 'linear': mean and covariance, moving colours as little as "
                    "possible. 'mean_std': mean and standard deviation of R, G and B. 'coral': "
                    "mean and covariance, as in the authors' code. 'histogram': the histograms of "
                    "R, G and B. 'luminance': keeps the image's brightness and takes the "
                    "reference's colour, pixel by pixel; the reference is stretched to the image.",
                ),
                "strength": schema.number(
                    1.0, 0.0, 1.0, "0 keeps the image's colours, 1 matches the reference fully."
                ),
            }
        }

    def match(
        self, *, image: Tensor, reference: Tensor, method: ColorMethod, strength: float
    ) -> tuple[Tensor]:
        progress = surroundings.current().progress()
        return (match_color(image, reference, method, strength=strength, progress=progress),)

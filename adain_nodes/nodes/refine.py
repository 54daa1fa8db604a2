"""Refinement as a node."""

from __future__ import annotations

from torch import Tensor

from ..host import surroundings
from ..models.model import Model
from ..pipeline import refine
from ..pipeline.types import Features, Style
from . import schema
from .notices import shows_warnings


class AdaINRefine:
    DESCRIPTION = (
        "Improves a decoded picture: a few steps of optimisation on its pixels bring it closer to "
        "the style, with richer strokes and truer colours, at no loss of content. Ten steps take "
        "about twenty times as long as decoding."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("improve", "optimize", "gatys", "enhance")
    FUNCTION = "refine"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The refined picture, of the same size.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(schema.MODEL, "The model that encoded the content."),
                "image": schema.socket(
                    "IMAGE", "What AdaIN Decode made of 'features', or any picture of that size."
                ),
                "features": schema.socket(
                    schema.FEATURES,
                    "The stylised features that were decoded. They know how far the style was "
                    "applied: at alpha 0.5 the refined picture stays half-way, too.",
                ),
                "style": schema.socket(
                    schema.STYLE,
                    "The style that AdaIN applied; of several regions, that of the region under "
                    "'mask'.",
                ),
                "steps": schema.steps(10, "10 show most of the effect, 30 nearly all of it."),
                "style_weight": schema.number(
                    refine.STYLE_WEIGHT,
                    0.0,
                    1000.0,
                    "Weight of the style against the content. Higher values give more of the style "
                    "and less of the content.",
                    step=1.0,
                ),
            },
            "optional": {
                "mask": schema.socket(
                    "MASK",
                    "Where to refine: white selects, black stays as it is. For several regions, "
                    "chain these nodes, each with the mask and the style of its region.",
                ),
            },
        }

    @shows_warnings
    def refine(
        self,
        *,
        model: Model,
        image: Tensor,
        features: Features,
        style: Style,
        steps: int,
        style_weight: float,
        mask: Tensor | None = None,
    ) -> tuple[Tensor]:
        result = refine.refine(
            model,
            image,
            features,
            style,
            steps=steps,
            style_weight=style_weight,
            mask=mask,
            progress=surroundings.current().progress(),
        )
        return (result,)

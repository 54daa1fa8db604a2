"""The paper's losses as a node."""

from __future__ import annotations

from torch import Tensor

from ..files.tables import table
from ..host import surroundings
from ..models.model import Model
from ..pipeline.checks import check_picture
from ..training.evaluation.losses import LAYERS, LossMeter
from . import schema


class AdaINLosses:
    DESCRIPTION = (
        "Measures a stylised picture by the paper's two losses. Content loss: how far its features "
        "are from AdaIN's output. Style loss: how far its statistics are from the style's. Lower "
        "is better; only losses from the same encoder are comparable."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("measure", "content loss", "style loss", "metric")
    FUNCTION = "measure"
    RETURN_TYPES = ("FLOAT", "FLOAT", "STRING")
    RETURN_NAMES = ("content_loss", "style_loss", "report")
    OUTPUT_TOOLTIPS = (
        "Mean squared difference between the result's features and AdaIN's output for content and "
        "style, averaged over the batch.",
        "Mean squared difference between the result's statistics and the style's, summed over four "
        "layers and averaged over the batch.",
        "Both losses and each layer's style loss, compared with the unchanged content.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(
                    schema.MODEL, "Its encoder measures, in the precision it was loaded with."
                ),
                "content": schema.socket("IMAGE", "The picture that was stylised."),
                "style_image": schema.socket("IMAGE", "The style picture."),
                "result": schema.socket(
                    "IMAGE",
                    "The stylised picture, made by any method, at the content's size.",
                ),
                "style_size": schema.pixels(
                    512,
                    "Scale the style picture's shorter side to this many px; 0 keeps its size. "
                    "Use the same value as for stylising.",
                ),
            }
        }

    def measure(
        self,
        *,
        model: Model,
        content: Tensor,
        style_image: Tensor,
        result: Tensor,
        style_size: int,
    ) -> tuple[float, float, str]:
        pictures = {"content": content, "style_image": style_image, "result": result}
        for name, picture in pictures.items():
            check_picture(picture, name)
        meter = LossMeter(model.encoder, model.dtype, tile_size=model.tile_size)
        both = meter.measure(
            content,
            style_image,
            result,
            style_size=style_size,
            progress=surroundings.current().progress(),
        )
        rows = [
            (name, *(f"{loss:.4f}" for loss in losses))
            for name, *losses in zip(
                ("content loss", "style loss", *LAYERS),
                *((one.content, one.style, *one.layers) for one in both),
                strict=True,
            )
        ]
        report = table(("", "result", "content unchanged"), rows)
        return both[0].content, both[0].style, report

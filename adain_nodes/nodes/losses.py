"""The paper's losses as a node."""

from __future__ import annotations

from torch import Tensor

from ..host import surroundings
from ..host.errors import InputError
from ..models.model import Model
from ..pipeline.checks import check_picture, common_batch
from ..pipeline.engine import cells, counter
from ..training.evaluation.losses import LAYERS, Losses, LossMeter, View
from . import schema


class AdaINLosses:
    DESCRIPTION = (
        "Measures a stylised picture by the paper's two losses. Content loss: how far its features "
        "are from AdaIN's output. Style loss: how far its statistics are from the style's. Lower "
        "is better; only losses from the same encoder are comparable."
    )
    CATEGORY = schema.CATEGORY
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
        if result.shape[1:3] != content.shape[1:3]:
            raise InputError(
                f"result has {result.shape[2]}x{result.shape[1]} px, content "
                f"{content.shape[2]}x{content.shape[1]} px: they must be of equal size"
            )
        batch = common_batch(**{name: len(picture) for name, picture in pictures.items()})
        shorter_sides = {"content": 0, "style_image": style_size, "result": 0}
        work = sum(
            len(picture) * cells(picture.shape[1:3], shorter_sides[name])
            for name, picture in pictures.items()
        )
        report = counter(surroundings.current().progress(), work)
        meter = LossMeter(model.encoder, model.dtype, tile_size=model.tile_size)

        def view(name: str, index: int) -> View:
            picture = pictures[name][index][None]
            return meter.view(picture, shorter_side=shorter_sides[name], report=report)

        for_all = {name: view(name, 0) for name, picture in pictures.items() if len(picture) == 1}
        of_results, of_contents = [], []
        for index in range(batch):
            c, s, r = (for_all.get(name) or view(name, index) for name in pictures)
            target = meter.target(c, s)
            of_results.append(meter.losses(r, target, s))
            of_contents.append(meter.losses(c, target, s))
        own, unchanged = _mean(of_results), _mean(of_contents)
        return own[0], own[1], _report(own, unchanged)


def _mean(losses: list[Losses]) -> list[float]:
    """Content loss, style loss and the style loss of each layer, averaged."""
    rows = [[one.content.item(), one.style.item(), *one.layers.tolist()] for one in losses]
    return [sum(column) / len(column) for column in zip(*rows, strict=True)]


def _report(own: list[float], unchanged: list[float]) -> str:
    names = ("content loss", "style loss", *(f"  {layer}" for layer in LAYERS))
    lines = [f"{'':12}  {'result':>8}  {'content unchanged':>17}"]
    lines += [
        f"{name:12}  {a:8.4f}  {b:17.4f}" for name, a, b in zip(names, own, unchanged, strict=True)
    ]
    return "\n".join(lines)

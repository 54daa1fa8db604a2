"""Nodes that bring models and example pictures into a graph."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..files.pictures import read_mask, read_picture
from ..host import surroundings
from ..host.options import Precision
from ..models.model import Model, load_model
from ..models.weights.manifest import load_manifest
from ..models.weights.store import available_models, resolve
from . import schema

EXAMPLE_IMAGES = Path(__file__).parents[2] / "examples" / "images"


class AdaINModelLoader:
    DESCRIPTION = (
        "Loads a VGG encoder and the decoder that belongs to it. Two models come with the "
        "package; others are taken from models/adain or downloaded on first use."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "load"
    RETURN_TYPES = (schema.MODEL,)
    RETURN_NAMES = ("model",)
    OUTPUT_TOOLTIPS = ("Encoder and decoder, for AdaIN Encode, AdaIN Decode and AdaIN Stylize.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        models = available_models(surroundings.current().model_folders())
        return {
            "required": {
                "model_name": schema.choice(
                    [model.name for model in models],
                    "Models of this package: adain-vgg16 has more of the style, "
                    "adain-vgg16-content more of the content. Decoder files in models/adain, and "
                    "folders there with encoder.safetensors and decoder.safetensors.",
                ),
                "precision": schema.choice(
                    ["auto", "fp32", "bf16", "fp16"],
                    "Number format to compute in. 'auto' is the fastest without visible loss: "
                    "fp16 on GPUs and bf16 on CPUs that are good at it, otherwise fp32.",
                ),
            },
            "optional": {
                "tile_size": schema.pixels(
                    0,
                    "Height in px of the tiles that pictures are computed in: smaller needs less "
                    "memory. 0 takes what is fastest and fits. The result is the same.",
                ),
            },
        }

    @classmethod
    def IS_CHANGED(cls, model_name: str | None, **_: object) -> str | float:  # noqa: N802  ComfyUI's name
        if model_name is None:  # linked, and not known yet
            return float("nan")
        if load_manifest().find(model_name):
            return ""  # its files are known by their sha256
        files = resolve(model_name, folders=surroundings.current().model_folders())
        return " ".join(
            f"{path} {path.stat().st_mtime_ns}" for path in (files.encoder, files.decoder)
        )

    def load(self, *, model_name: str, precision: Precision, tile_size: int = 0) -> tuple[Model]:
        progress = surroundings.current().progress()
        model = load_model(model_name, precision=precision, tile_size=tile_size, progress=progress)
        return (model,)


class AdaINExampleImage:
    DESCRIPTION = (
        "Loads one of the pictures that come with this package: photographs, styles and masks. "
        "Example workflows use it so that they run on a fresh installation; put a Load Image node "
        "in its place for pictures of your own."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "load"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "mask")
    OUTPUT_TOOLTIPS = (
        "The picture.",
        "Its brightness as a mask: white is 1. Meant for the pictures named mask-.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        names = sorted(
            path.name for path in EXAMPLE_IMAGES.glob("*") if path.suffix in (".jpg", ".png")
        )
        return {
            "required": {
                "image": schema.choice(names, "Sources and licences are in examples/images."),
            }
        }

    def load(self, *, image: str) -> tuple[Tensor, Tensor]:
        path = EXAMPLE_IMAGES / image
        return read_picture(path), read_mask(path)

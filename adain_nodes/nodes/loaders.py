"""Nodes that bring models and example pictures into a graph."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..files.masks import read_mask
from ..files.pictures import read_picture
from ..host import surroundings
from ..host.errors import InputError
from ..host.options import PRECISIONS, Precision
from ..models.model import Model, load_model
from ..models.weights.manifest import known_models
from ..models.weights.passed_over import check_offered, log_passed_over
from ..models.weights.store import find_model, list_models
from . import schema

EXAMPLE_IMAGES = Path(__file__).parents[2] / "examples" / "images"


class AdaINModelLoader:
    DESCRIPTION = (
        "Loads a VGG encoder and its decoder. Two models are included; others come from "
        "models/adain or are downloaded on first use."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("checkpoint", "vgg", "weights")
    FUNCTION = "load"
    RETURN_TYPES = (schema.MODEL,)
    RETURN_NAMES = ("model",)
    OUTPUT_TOOLTIPS = ("Encoder and decoder, for AdaIN Encode, AdaIN Decode and AdaIN Stylize.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        folders = surroundings.current().model_folders()
        log_passed_over(folders)
        models = list_models(folders)
        return {
            "required": {
                "model_name": schema.choice(
                    [model.name for model in models if model.usable],
                    "Included: adain-vgg16 applies the style more strongly, adain-vgg16-content "
                    "preserves faces and structure better. Also lists decoder files in "
                    "models/adain and its subfolders, and folders there with encoder.safetensors "
                    "and decoder.safetensors. vgg19 and vgg16-imagenet are encoders without a "
                    "decoder, for AdaIN Refine and AdaIN Losses, and are downloaded on first use.",
                ),
                "precision": schema.choice(
                    PRECISIONS,
                    "Number format for the networks. 'auto' is the fastest without visible loss: "
                    "fp16 or bf16 where the GPU or CPU is fast at it, otherwise fp32.",
                ),
            },
            "optional": {
                "tile_size": schema.pixels(
                    0,
                    "Height in px of the bands in which pictures are computed. Smaller bands need "
                    "less memory; the result is the same. 0 chooses the fastest that fits.",
                ),
            },
        }

    @classmethod
    def VALIDATE_INPUTS(cls, model_name: str | None = None) -> bool | str:  # noqa: N802
        # ComfyUI's own check would say "value not in list", and asks by position.
        if model_name is not None:
            try:
                check_offered(model_name, surroundings.current().model_folders())
            except InputError as error:
                return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, model_name: str | None, **_: object) -> str | float:  # noqa: N802  ComfyUI's name
        if model_name is None:  # linked, and not known yet
            return float("nan")
        folders = surroundings.current().model_folders()
        known = known_models(folders)
        if known.find(model_name) or known.find_trunk(model_name):
            return ""  # its files are known by their sha256
        files = find_model(model_name, folders=folders)
        return " ".join(
            f"{path} {path.stat().st_mtime_ns}" for path in (files.encoder, files.decoder) if path
        )

    def load(self, *, model_name: str, precision: Precision, tile_size: int = 0) -> tuple[Model]:
        progress = surroundings.current().progress()
        model = load_model(model_name, precision=precision, tile_size=tile_size, progress=progress)
        return (model,)


class AdaINExampleImage:
    DESCRIPTION = (
        "Loads a picture included with this package: a photograph, a style or a mask. The "
        "example workflows use it so that they run on a fresh installation. Replace it with Load "
        "Image to use your own pictures."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("sample picture", "demo image")
    FUNCTION = "load"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "mask")
    OUTPUT_TOOLTIPS = (
        "The picture.",
        "The picture's brightness as a mask; white selects. For the pictures named mask-.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "image": schema.choice(
                    list(_examples()), "Sources and licences are in examples/images."
                ),
            }
        }

    def load(self, *, image: str) -> tuple[Tensor, Tensor]:
        path = EXAMPLE_IMAGES / image
        return read_picture(path), read_mask(path)


def example_picture(name: str) -> bytes:
    """The file of an example picture.

    Raises:
        InputError: there is none of this name.
    """
    path = _examples().get(name)
    if path is None:
        raise InputError(f"there is no example picture {name!r}")
    return path.read_bytes()


def _examples() -> dict[str, Path]:
    paths = sorted(EXAMPLE_IMAGES.glob("*"))
    return {path.name: path for path in paths if path.suffix in (".jpg", ".png")}

"""The three steps of the paper's figure 2 as nodes: encode, AdaIN, decode."""

from __future__ import annotations

from torch import Tensor

from ..host import surroundings
from ..host.options import MaskResize, MaskStatistics
from ..models.model import Model
from ..pipeline import transfer
from ..pipeline.types import Features, Style
from . import schema
from .notices import shows_warnings


class AdaINEncode:
    DESCRIPTION = (
        "Encodes a picture with VGG up to relu4_1. Both content and style pictures need it. The "
        "features can be used by any number of nodes and are computed once."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("vgg", "features", "extract")
    FUNCTION = "encode"
    RETURN_TYPES = (schema.FEATURES,)
    RETURN_NAMES = ("features",)
    OUTPUT_TOOLTIPS = (
        "The picture's features, for AdaIN, AdaIN Style Statistics or AdaIN Decode.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(schema.MODEL, "The model whose encoder to use."),
                "image": schema.socket(
                    "IMAGE",
                    "Picture or batch, of any size. Transparency is kept for the result.",
                ),
                "shorter_side": schema.pixels(
                    0,
                    "Scale the picture's shorter side to this many px; 0 keeps its size. For a "
                    "style picture it sets the size of the strokes; the paper uses 512.",
                ),
            }
        }

    def encode(self, *, model: Model, image: Tensor, shorter_side: int) -> tuple[Features]:
        progress = surroundings.current().progress()
        return (transfer.encode(model, image, shorter_side=shorter_side, progress=progress),)


class AdaINTransfer:
    DESCRIPTION = (
        "Adaptive instance normalisation: gives the content's features the mean and standard "
        "deviation of the style, channel by channel. A mask limits it to a region; chain nodes "
        "through 'outside' to give each region its own style."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("apply style", "adaptive instance normalization", "alpha")
    FUNCTION = "transfer"
    RETURN_TYPES = (schema.FEATURES,)
    RETURN_NAMES = ("features",)
    OUTPUT_TOOLTIPS = ("Stylised features, for AdaIN Decode.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "content": schema.socket(schema.FEATURES, "The encoded content."),
                "style": schema.socket(
                    schema.STYLE,
                    "Style from AdaIN Style Statistics or AdaIN Interpolate Styles: one, or one "
                    "per picture of the content's batch.",
                ),
                "alpha": schema.alpha(),
                "mask_statistics": schema.mask_statistics(),
                "mask_resize": schema.mask_resize(),
                "apply_mask": (
                    "BOOLEAN",
                    {
                        "default": True,
                        "tooltip": "Off: the style applies everywhere, and the mask only selects "
                        "where the content's statistics are measured. Turn it off before AdaIN "
                        "Spatial Mask, which applies the masks itself.",
                    },
                ),
            },
            "optional": {
                "mask": schema.socket(
                    "MASK",
                    "Where to apply the style: white selects, black shows 'outside', grey blends. "
                    "Any size; it is stretched to the picture.",
                ),
                "outside": schema.socket(
                    schema.FEATURES,
                    "What to show where the mask is black: features of the same picture, such as "
                    "those of another AdaIN node. If not linked, the unstylised content.",
                ),
            },
        }

    @shows_warnings
    def transfer(
        self,
        *,
        content: Features,
        style: Style,
        alpha: float,
        mask_statistics: MaskStatistics,
        mask_resize: MaskResize,
        apply_mask: bool,
        mask: Tensor | None = None,
        outside: Features | None = None,
    ) -> tuple[Features]:
        features = transfer.transfer(
            content,
            style,
            alpha=alpha,
            mask=mask,
            outside=outside,
            mask_statistics=mask_statistics,
            mask_resize=mask_resize,
            apply_mask=apply_mask,
        )
        return (features,)


class AdaINDecode:
    DESCRIPTION = (
        "Turns features back into a picture of the size that was encoded. Unstylised features "
        "give a reconstruction."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("features to image", "render")
    FUNCTION = "decode"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The picture, with the transparency of the encoded one, if any.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(
                    schema.MODEL,
                    "The model whose decoder to use. Its encoder must have made the features.",
                ),
                "features": schema.socket(
                    schema.FEATURES, "From AdaIN, AdaIN Spatial Mask or AdaIN Encode."
                ),
            }
        }

    def decode(self, *, model: Model, features: Features) -> tuple[Tensor]:
        return (transfer.decode(model, features, progress=surroundings.current().progress()),)

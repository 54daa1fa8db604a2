"""The three steps of the paper's figure 2 as nodes: encode, AdaIN, decode."""

from __future__ import annotations

from torch import Tensor

from ..host import surroundings
from ..host.options import MaskResize, MaskStatistics
from ..models.model import Model
from ..pipeline import transfer
from ..pipeline.types import Features, Style
from . import schema


class AdaINEncode:
    DESCRIPTION = (
        "Encodes a picture with VGG up to relu4_1. Content and style pictures are both encoded; "
        "the result can be used as often as you like without encoding again."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "encode"
    RETURN_TYPES = (schema.FEATURES,)
    RETURN_NAMES = ("features",)
    OUTPUT_TOOLTIPS = (
        "Features of the picture, for AdaIN, AdaIN Style Statistics or AdaIN Decode.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(schema.MODEL, "Whose encoder to use."),
                "image": schema.socket(
                    "IMAGE",
                    "A picture or a batch of them, of any size. A fourth channel (transparency) "
                    "is kept for the result.",
                ),
                "shorter_side": schema.pixels(
                    0,
                    "Scale the picture so that its shorter side has this many px; 0 keeps its "
                    "size. A style picture's size sets the size of its strokes in the result; the "
                    "paper uses 512.",
                ),
            }
        }

    def encode(self, *, model: Model, image: Tensor, shorter_side: int) -> tuple[Features]:
        progress = surroundings.current().progress()
        return (transfer.encode(model, image, shorter_side=shorter_side, progress=progress),)


class AdaINTransfer:
    DESCRIPTION = (
        "Adaptive instance normalisation: gives the content's features the mean and deviation of "
        "the style, channel by channel. With a mask it does so only there; chain several through "
        "'outside' to give each region a style of its own."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "transfer"
    RETURN_TYPES = (schema.FEATURES,)
    RETURN_NAMES = ("features",)
    OUTPUT_TOOLTIPS = ("Stylised features, for AdaIN Decode.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "content": schema.socket(schema.FEATURES, "Encoded content."),
                "style": schema.socket(
                    schema.STYLE,
                    "Style from AdaIN Style Statistics or AdaIN Interpolate Styles: one, or one "
                    "for each picture of the content's batch.",
                ),
                "alpha": schema.alpha(),
                "mask_statistics": schema.mask_statistics(),
                "mask_resize": schema.mask_resize(),
                "apply_mask": (
                    "BOOLEAN",
                    {
                        "default": True,
                        "tooltip": "Off: the style goes everywhere, and the mask only says where "
                        "the content's statistics are measured. Turn it off in front of AdaIN "
                        "Spatial Mask, which applies the masks itself.",
                    },
                ),
            },
            "optional": {
                "mask": schema.socket(
                    "MASK",
                    "Where to apply the style: white is here, black is 'outside', grey blends. Any "
                    "size; it is stretched over the picture.",
                ),
                "outside": schema.socket(
                    schema.FEATURES,
                    "What to show where the mask is black: features of the same picture, for "
                    "example from another AdaIN node. The unstyled content if not linked.",
                ),
            },
        }

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
        "Turns features back into a picture of the size that was encoded. Unstyled features give "
        "a reconstruction of the picture."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "decode"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The picture, with the encoded picture's transparency if it had any.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "model": schema.socket(
                    schema.MODEL,
                    "Whose decoder to use. Its encoder must be the one that made the features.",
                ),
                "features": schema.socket(
                    schema.FEATURES, "From AdaIN, AdaIN Spatial Mask or AdaIN Encode."
                ),
            }
        }

    def decode(self, *, model: Model, features: Features) -> tuple[Tensor]:
        return (transfer.decode(model, features, progress=surroundings.current().progress()),)

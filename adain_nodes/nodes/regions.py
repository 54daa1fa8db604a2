"""Spatial control (paper, section 7.3) as a node."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..host.errors import InputError
from ..host.options import MaskResize
from ..pipeline import transfer
from ..pipeline.types import Features
from . import schema
from .notices import shows_warnings

MAX_REGIONS = 4
"""Regions in one node; chain nodes through `outside` for more."""


class AdaINSpatialMask:
    DESCRIPTION = (
        "Combines one to four stylised versions of a picture, each where its mask is white. "
        "Overlapping masks share, soft edges blend, gaps show 'outside'."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("regions", "regional style", "masked style")
    FUNCTION = "compose"
    RETURN_TYPES = (schema.FEATURES,)
    RETURN_NAMES = ("features",)
    OUTPUT_TOOLTIPS = ("The combined features, for AdaIN Decode.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        inputs: schema.Inputs = {"required": {}, "optional": {}}
        for index in range(1, MAX_REGIONS + 1):
            group = inputs["required" if index == 1 else "optional"]
            group[f"features_{index}"] = schema.socket(
                schema.FEATURES,
                f"Features of region {index}, from AdaIN. To measure the content's statistics "
                "within the region, link its mask to that node, too, and turn apply_mask off.",
            )
            group[f"mask_{index}"] = schema.socket(
                "MASK", f"Mask of region {index}: white selects, grey blends. Any size."
            )
        inputs["required"]["outside"] = schema.socket(
            schema.FEATURES,
            "What to show where no mask selects: the encoded content or a stylised version.",
        )
        inputs["required"]["mask_resize"] = schema.mask_resize()
        return inputs

    @shows_warnings
    def compose(
        self, *, outside: Features, mask_resize: MaskResize, **inputs: Any
    ) -> tuple[Features]:
        regions: list[tuple[Features, Tensor]] = []
        for index in range(1, MAX_REGIONS + 1):
            features, mask = inputs.get(f"features_{index}"), inputs.get(f"mask_{index}")
            if (features is None) != (mask is None):
                missing = f"mask_{index}" if mask is None else f"features_{index}"
                raise InputError(f"region {index} needs features and a mask: link {missing}, too")
            if features is not None and mask is not None:
                regions.append((features, mask))
        return (transfer.compose(regions, outside, mask_resize=mask_resize),)

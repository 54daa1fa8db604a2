"""Nodes that make and mix styles."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..host.errors import InputError
from ..host.options import MaskResize
from ..pipeline import transfer
from ..pipeline.types import Features, Style
from . import schema

MAX_STYLES = 4
"""Styles in one node; chain nodes for more."""


class AdaINStyle:
    DESCRIPTION = (
        "Measures the style of an encoded picture: the mean and standard deviation of every "
        "channel. This is all that AdaIN uses of a style picture."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("mean and standard deviation", "extract style")
    FUNCTION = "measure"
    RETURN_TYPES = (schema.STYLE,)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ("The style, for AdaIN, AdaIN Interpolate Styles or AdaIN Stylize.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "features": schema.socket(
                    schema.FEATURES,
                    "The encoded style picture. A batch gives one style per picture.",
                ),
                "mask_resize": schema.mask_resize(),
            },
            "optional": {
                "mask": schema.socket(
                    "MASK",
                    "Part of the picture to take the style from: white selects. If not linked, the "
                    "whole picture.",
                ),
            },
        }

    def measure(
        self, *, features: Features, mask_resize: MaskResize, mask: Tensor | None = None
    ) -> tuple[Style]:
        return (transfer.style_statistics(features, mask=mask, mask_resize=mask_resize),)


class AdaINInterpolateStyles:
    DESCRIPTION = (
        "Mixes two to four styles by weight; only the ratio of the weights matters. For more than "
        "four, link a mixture to another of these nodes as one style, weighted by the sum of its "
        "weights."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("mix styles", "blend styles", "combine styles")
    FUNCTION = "interpolate"
    RETURN_TYPES = (schema.STYLE,)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ("The mixture, which works like any other style.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        inputs: schema.Inputs = {"required": {}, "optional": {}}
        for index in range(1, MAX_STYLES + 1):
            group = inputs["required" if index <= 2 else "optional"]
            group[f"style_{index}"] = schema.socket(
                schema.STYLE, f"Style {index}. A mixture counts as one style."
            )
            group[f"weight_{index}"] = schema.number(
                1.0,
                0.0,
                100.0,
                f"Weight of style {index}, divided by the sum of all weights. Ignored if the style "
                "is not linked. For a mixture of n equal styles, use n.",
            )
        return inputs

    def interpolate(self, **inputs: Any) -> tuple[Style]:
        styles: list[Style] = []
        weights: list[float] = []
        for index in range(1, MAX_STYLES + 1):
            style = inputs.get(f"style_{index}")
            if style is not None:
                styles.append(style)
                # A linked node may give a number of another type.
                weights.append(float(inputs.get(f"weight_{index}", 1.0)))
        if len(styles) < 2:
            raise InputError(f"two to {MAX_STYLES} styles must be linked, got {len(styles)}")
        return (transfer.interpolate_styles(styles, weights),)


class AdaINStackStyles:
    DESCRIPTION = (
        "Collects one to four styles in a bank, which is a batch of styles. For one content, AdaIN "
        "gives one picture per style; for as many contents as styles, it pairs them. Banks can be "
        "stacked, too."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("style bank", "several styles", "batch styles")
    FUNCTION = "stack"
    RETURN_TYPES = (schema.STYLE,)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ("The bank, with its styles in the order of the inputs.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        inputs: schema.Inputs = {"required": {}, "optional": {}}
        for index in range(1, MAX_STYLES + 1):
            group = inputs["required" if index == 1 else "optional"]
            group[f"style_{index}"] = schema.socket(
                schema.STYLE, f"Style {index}, or a bank. Chain these nodes for more than four."
            )
        return inputs

    def stack(
        self,
        *,
        style_1: Style,
        style_2: Style | None = None,
        style_3: Style | None = None,
        style_4: Style | None = None,
    ) -> tuple[Style]:
        styles = [style_1, style_2, style_3, style_4]
        return (transfer.stack_styles([style for style in styles if style is not None]),)

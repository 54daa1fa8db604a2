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
"""Styles that one node takes; more by chaining."""


class AdaINStyle:
    DESCRIPTION = (
        "Takes the style of an encoded picture: the mean and deviation of every channel. That is "
        "all that AdaIN uses of a style picture."
    )
    CATEGORY = schema.CATEGORY
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
                    "Encoded style picture. A batch gives a style for each picture in it.",
                ),
                "mask_resize": schema.mask_resize(),
            },
            "optional": {
                "mask": schema.socket(
                    "MASK",
                    "Part of the picture to take the style from: white is here. All of it if not "
                    "linked.",
                ),
            },
        }

    def measure(
        self, *, features: Features, mask_resize: MaskResize, mask: Tensor | None = None
    ) -> tuple[Style]:
        return (transfer.style_statistics(features, mask=mask, mask_resize=mask_resize),)


class AdaINInterpolateStyles:
    DESCRIPTION = (
        "Mixes two to four styles by weight. Only the ratio of the weights counts. For more than "
        "four, feed a mixture into a further node as one style, its weight the sum of the weights "
        "that went into it."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "interpolate"
    RETURN_TYPES = (schema.STYLE,)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ("The mixture, usable as any other style.",)

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
                f"Share of style {index}, divided by the sum of all weights; ignored if the style "
                "is not linked. For a mixture of n equal styles, n.",
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
        "Puts one to four styles one after the other into a bank: a batch of styles. AdaIN gives a "
        "picture for each style in it, or pairs them with as many contents. Banks can be stacked, "
        "too."
    )
    CATEGORY = schema.CATEGORY
    FUNCTION = "stack"
    RETURN_TYPES = (schema.STYLE,)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ("The bank, its styles in the order of the inputs.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        inputs: schema.Inputs = {"required": {}, "optional": {}}
        for index in range(1, MAX_STYLES + 1):
            group = inputs["required" if index == 1 else "optional"]
            group[f"style_{index}"] = schema.socket(
                schema.STYLE, f"Style {index}, or a bank. For more than four, chain these nodes."
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

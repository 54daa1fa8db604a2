"""Pieces of ComfyUI schemas that several nodes share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..host.options import MASK_RESIZES, MASK_STATISTICS

CATEGORY = "image/style transfer"
"""Where menus and the node library show the nodes."""


def aliases(*words: str) -> list[str]:
    """What finds a node in the search box besides its name. ComfyUI before 0.9 ignores it."""
    return ["style transfer", "neural style", *words]


MODEL = "ADAIN_MODEL"
"""Socket type of `models.model.Model`."""

FEATURES = "ADAIN_FEATURES"
"""Socket type of `pipeline.types.Features`."""

STYLE = "ADAIN_STYLE"
"""Socket type of `pipeline.types.Style`."""

Inputs = dict[str, dict[str, tuple[Any, dict[str, Any]]]]
"""What INPUT_TYPES returns: required and optional inputs, each a type and its options."""

MAX_SIDE = 16384
"""Largest side in px that widgets offer, as in ComfyUI's own nodes."""


def socket(kind: str, tooltip: str) -> tuple[str, dict[str, Any]]:
    """An input that is linked."""
    return kind, {"tooltip": tooltip}


def choice(options: Sequence[str], tooltip: str) -> tuple[list[str], dict[str, Any]]:
    """A combo whose first option, if there is any, is the default."""
    default = {"default": options[0]} if options else {}
    return list(options), {**default, "tooltip": tooltip}


def number(
    default: float, low: float, high: float, tooltip: str, *, step: float = 0.05
) -> tuple[str, dict[str, Any]]:
    """A FLOAT widget."""
    return "FLOAT", {
        "default": default,
        "min": low,
        "max": high,
        "step": step,
        "round": 0.001,
        "tooltip": tooltip,
    }


def text(tooltip: str) -> tuple[str, dict[str, Any]]:
    """A STRING widget of one line, empty at first."""
    return "STRING", {"default": "", "tooltip": tooltip}


def pixels(default: int, tooltip: str) -> tuple[str, dict[str, Any]]:
    """An INT widget for a side in px."""
    return "INT", {
        "default": default,
        "min": 0,
        "max": MAX_SIDE,
        "step": 8,
        "tooltip": tooltip,
    }


def steps(default: int, tooltip: str) -> tuple[str, dict[str, Any]]:
    """An INT widget for steps of refinement."""
    return "INT", {"default": default, "min": 0, "max": 1000, "tooltip": tooltip}


def alpha() -> tuple[str, dict[str, Any]]:
    """The content-style trade-off."""
    return number(
        1.0,
        0.0,
        1.0,
        "Strength of the style: 0 reconstructs the content, 1 applies the style fully. Changing it "
        "reruns only this node and those after it.",
    )


def mask_statistics() -> tuple[list[str], dict[str, Any]]:
    """Where the content's statistics come from."""
    return choice(
        MASK_STATISTICS,
        "Where the content's mean and standard deviation are measured: in the masked region (each "
        "region gets the full range of its style) or over the whole image (regions keep their "
        "relative brightness). Without a mask both are the same.",
    )


def mask_resize() -> tuple[list[str], dict[str, Any]]:
    """How a mask is brought onto the feature grid."""
    return choice(
        MASK_RESIZES,
        "How the mask is reduced to feature cells of 8x8 px: 'area' averages each cell and keeps "
        "soft edges; 'nearest' samples one pixel, as in the authors' code.",
    )

"""Options that nodes, command and Python share: their words and their ranges, free of torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from typing import Literal, get_args

from .errors import InputError

Precision = Literal["auto", "fp32", "bf16", "fp16"]
"""Floating type that networks compute in; see `devices.compute_dtype`."""

ColorMethod = Literal["linear", "mean_std", "coral", "histogram", "luminance"]
"""How colours are matched; see `ops.color`."""

MaskResize = Literal["area", "nearest"]
"""How a mask is brought onto the feature grid; see `ops.masks.grid_mask`."""

MaskStatistics = Literal["region", "image"]
"""Where the content's mu(x) and sigma(x) are measured: in the masked region, or in all of it."""

FrameStatistics = Literal["per_frame", "shared", "smoothed"]
"""Where they are measured in a film: on each frame, over all frames, or smoothed over time."""

Outside = Literal["original", "decoded"]
"""What shows where masks are black: the original pixels, or the decoder's version of them."""

Pairing = Literal["one to one", "every combination"]
"""Which contents of a batch get which of several styles."""

Reference = Literal["paper", "torch", "pytorch"]
"""Reading of the losses: the paper's text, the authors' code, the public PyTorch port."""

TrainingPrecision = Literal["fp32", "bf16"]
"""Floating type of the encoder and of the decoder's activations in training."""

OptimizerName = Literal["muon", "adam"]
"""Optimiser of the decoder."""

Schedule = Literal["cosine", "constant", "inverse"]
"""How the learning rate falls: to 0 at the end, not at all, as in the authors' code."""

Initialization = Literal["transposed", "random"]
"""Where a decoder starts: at the encoder's transposed kernels, or at random ones."""

PixelStart = Literal["content", "noise"]
"""Where the optimisation of pixels starts."""

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
COLOR_METHODS: tuple[ColorMethod, ...] = get_args(ColorMethod)
MASK_RESIZES: tuple[MaskResize, ...] = get_args(MaskResize)
MASK_STATISTICS: tuple[MaskStatistics, ...] = get_args(MaskStatistics)
OUTSIDES: tuple[Outside, ...] = get_args(Outside)
FRAME_STATISTICS: tuple[FrameStatistics, ...] = get_args(FrameStatistics)
PAIRINGS: tuple[Pairing, ...] = get_args(Pairing)
REFERENCES: tuple[Reference, ...] = get_args(Reference)
TRAINING_PRECISIONS: tuple[TrainingPrecision, ...] = get_args(TrainingPrecision)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
INITIALIZATIONS: tuple[Initialization, ...] = get_args(Initialization)
PIXEL_STARTS: tuple[PixelStart, ...] = get_args(PixelStart)

STYLE_WEIGHTS: dict[Reference, float | None] = {"paper": None, "torch": 1e-2, "pytorch": 10.0}
"""Default lambda of each reading of the losses; the paper's text gives none."""

DEFAULT_MODEL = "adain-vgg16"
"""The model that is used where none is named."""

MEGAPIXELS = 512
"""Size of a picture in millions of px beyond which it is taken for a mistake or an attack: 6 GB in
fp32. `ADAIN_MAX_MEGAPIXELS` in the environment sets another limit."""

_ENDS = {
    "alpha": ("the content", "the full style"),
    "smoothing": ("each frame on its own", "the first frame's statistics throughout"),
    "steadiness": ("each frame as it comes", "as steady as the film"),
    "strength": ("unchanged", "a full match"),
}
"""What 0 and 1 mean."""


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Checks that an option has one of its words.

    Raises:
        InputError: it has not; the message lists them.
    """
    if value not in choices:
        raise InputError(f"{name} must be {_either(choices)}, got {value!r}")


def check_share(name: str, value: object) -> None:
    """Checks that an option such as alpha is a number from 0 to 1.

    Raises:
        InputError: it is not, or it is NaN.
    """
    if not isinstance(value, Real) or not 0 <= float(value) <= 1:
        low, high = (f" ({end})" for end in _ENDS[name]) if name in _ENDS else ("", "")
        shown = f"{float(value):g}" if isinstance(value, Real) else repr(value)
        raise InputError(f"{name} must be a number from 0{low} to 1{high}, got {shown}")


def check_size(name: str, pixels: int) -> None:
    """Checks an option that scales pictures: the px of their shorter side, or 0 to keep them.

    Raises:
        InputError: it is negative.
    """
    if pixels < 0:
        raise InputError(f"{name} must be 0 (keep the size) or a number of px above, got {pixels}")


def check_pixels(name: str, height: int, width: int) -> None:
    """Checks that a picture is not beyond the limit, see `MEGAPIXELS`.

    Raises:
        InputError: it is, or the limit is not a number.
    """
    text = os.getenv("ADAIN_MAX_MEGAPIXELS", str(MEGAPIXELS))
    try:
        limit = float(text)
    except ValueError:
        raise InputError(f"ADAIN_MAX_MEGAPIXELS must be a number, got {text!r}") from None
    if height * width > limit * 1e6:
        raise InputError(
            f"{name} has {width}x{height} px, more than {limit:g} megapixels: "
            "ADAIN_MAX_MEGAPIXELS in the environment sets another limit"
        )


def check_steps(name: str, steps: object) -> None:
    """Checks a number of steps.

    Raises:
        InputError: it is not a whole number, or is negative.
    """
    if not isinstance(steps, int) or steps < 0:
        raise InputError(f"{name} must be 0 or a whole number above, got {steps!r}")


def check_style_weight(weight: object) -> None:
    """Checks lambda, the weight of the style loss.

    Raises:
        InputError: it is not a finite number, or is negative.
    """
    if not isinstance(weight, Real) or not 0 <= float(weight) < float("inf"):
        raise InputError(f"the style weight must be a finite number, 0 or above, got {weight!r}")


def check_weights(weights: Sequence[float]) -> None:
    """Checks the weights of a mixture of styles.

    Raises:
        InputError: one is negative or not finite, or all are 0.
    """
    if not all(0 <= weight < float("inf") for weight in weights) or not sum(weights):
        raise InputError(
            f"style weights must be finite and at least 0, and not all 0, got {list(weights)}"
        )


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))

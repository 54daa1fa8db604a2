"""What a training run depends on, free of torch: the command takes its defaults from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ..host.errors import InputError
from ..host.options import (
    INITIALIZATIONS,
    OPTIMIZERS,
    REFERENCES,
    SCHEDULES,
    STYLE_WEIGHTS,
    Initialization,
    OptimizerName,
    Reference,
    Schedule,
    check_choice,
    check_share,
)

INVERSE_DECAY = 5e-5
"""Of the authors' code: 1e-4 / (1 + 5e-5 t)."""

_WEIGHTS = (
    "content_weight", "style_weight", "tv_weight", "smoothness_weight", "identity_weight",
)  # fmt: skip


@dataclass(frozen=True)
class TrainingOptions:
    """Hyper-parameters of a run; together with the pictures they determine its result.

    The defaults are those that the decoder in this package was trained with, but for `steps`.
    """

    steps: int = 80_000
    """Gradient steps of the whole run, reconstruction included; at least 1."""

    batch: int = 8
    """Pairs of content and style in each step, over all processes; at least 1."""

    crop: int = 128
    """Side of the training crops in px; a multiple of 8, at least 16."""

    optimizer: OptimizerName = "muon"
    """The optimiser, see `optimizer.Optimizer`."""

    keep_channels_alive: bool = True
    """Whether to guard against dying ReLUs by centred gradients and raised biases, see
    `optimizer.Centering` and `optimizer.Revival`."""

    initialization: Initialization = "transposed"
    """Where a decoder starts that is not given, see `initialization`."""

    learning_rate: float = 5e-4
    """Peak of the learning rate, reached by a linear warm-up over `WARMUP_STEPS`; above 0."""

    schedule: Schedule = "cosine"
    """How the rate falls from there, see `decay`."""

    reference: Reference = "pytorch"
    """Reading of the losses, see `ops.losses`."""

    content_weight: float = 1.0
    """Factor of the content loss, at least 0."""

    style_weight: float | None = None
    """lambda, factor of the style loss, at least 0; None takes the reading's own."""

    balanced: bool = True
    """Whether to minimise the mean logarithm of the pairs' losses instead of their mean, see
    `objective.Objective`."""

    tv_weight: float = 0.0
    """Factor of the result's total variation, see `objective.Objective`; 0 leaves it out."""

    smoothness_weight: float = 0.0
    """Factor of coarse contrast where the content has none, see `objective.edge_aware_smoothness`;
    0 leaves it out."""

    identity_weight: float = 0.0
    """Factor of the L1 distance in pixels between a content and its result in its own style, see
    `objective.Objective`; 0 leaves it out."""

    ema: float = 0.999
    """Decay of the moving average of the weights, at least 0 and below 1, see
    `trainer.WeightAverage`; 0 keeps no average."""

    reconstruction_steps: int = 600
    """First steps, spent on g(f(x)) = x before any style, see `objective.Objective`: decoding is
    most of what there is to learn, and this learns it fastest."""

    photographs_as_styles: float = 0.2
    """Share of steps, 0..1, whose styles are content pictures: keeps plain colours and
    photographs within what the decoder knows."""

    recolored_styles: float = 0.3
    """Share of style crops, 0..1, whose red, green and blue change places at random: gives hues
    that the styles at hand lack."""

    seed: int = 0
    """Seed of crops, pairs and initial weights."""

    emphasis: dict[str, float] = field(default_factory=dict)
    """Shell patterns on style file names, and how many times as often to draw what matches."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        # The decoder reflects a grid of at least 2x2.
        if self.crop < 16 or self.crop % 8:
            raise InputError(f"crop must be a multiple of 8 and at least 16, got {self.crop}")
        check_share("photographs_as_styles", self.photographs_as_styles)
        check_share("recolored_styles", self.recolored_styles)
        if not 0 <= self.ema < 1:
            raise InputError(f"ema must be at least 0 and below 1, got {self.ema}")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be above 0, got {self.learning_rate}")
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("initialization", self.initialization, INITIALIZATIONS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("reference", self.reference, REFERENCES)
        for name in _WEIGHTS:
            if not (getattr(self, name) or 0) >= 0:
                raise InputError(f"{name} must be at least 0, got {getattr(self, name)}")
        style_weight(self.reference, self.style_weight)


def style_weight(reference: Reference, given: float | None) -> float:
    """lambda, the factor of the style loss: the given one, else that of the reading.

    Raises:
        InputError: none is given, and the reading has none of its own.
    """
    weight = STYLE_WEIGHTS[reference] if given is None else given
    if weight is None:
        raise InputError(f"the {reference} reading has no style weight of its own: give one")
    return weight


def decay(schedule: Schedule, step: int, steps: int) -> float:
    """The factor on the learning rate after t of T steps, 1 at the first: `cosine` falls to 0 at
    the end of the run, `inverse` follows 1 / (1 + 5e-5 t), `constant` stays at 1."""
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * step / steps))
    if schedule == "inverse":
        return 1 / (1 + INVERSE_DECAY * step)
    return 1.0


PAPER = TrainingOptions(
    steps=160_000,
    crop=256,
    optimizer="adam",
    keep_channels_alive=False,
    initialization="random",
    learning_rate=1e-4,
    schedule="inverse",
    balanced=False,
    ema=0.0,
    reconstruction_steps=0,
    photographs_as_styles=0.0,
    recolored_styles=0.0,
)
"""The choices of the paper and of its authors' code, none of ours added."""

ABLATION = replace(PAPER, steps=3000, crop=128, learning_rate=1e-3, schedule="cosine")
"""The defaults of the ablation: the paper's choices in a run that two CPU cores can do."""

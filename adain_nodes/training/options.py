"""What a training run depends on."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..host.errors import InputError
from ..host.options import Reference
from ..ops.losses import STYLE_WEIGHTS
from .optimizer import METHODS, Method
from .schedule import SCHEDULES, Schedule


@dataclass(frozen=True)
class TrainingOptions:
    """Hyper-parameters of a run; together with the pictures they determine its result."""

    steps: int
    """Gradient steps of the whole run, warm-up included."""

    batch: int = 8
    """Pairs of content and style in each step."""

    crop: int = 128
    """Side of the training crops in px; a multiple of 8, at least 16."""

    optimizer: Method = "muon"
    """What takes the steps, see `optimizer.Optimizer`."""

    learning_rate: float = 1e-3
    """Peak of the learning rate, reached by a linear warm-up over `WARMUP_STEPS`; above 0."""

    schedule: Schedule = "cosine"
    """How the rate falls from there, see `schedule.decay`."""

    reference: Reference = "pytorch"
    """How the losses are read, see `ops.losses`."""

    content_weight: float = 1.0
    """Factor of the content loss."""

    style_weight: float | None = None
    """lambda, factor of the style loss; None takes the reading's own."""

    balanced: bool = False
    """Whether to minimise the mean of the logarithms of the pairs' losses in place of their mean,
    see `objective.Objective`."""

    tv_weight: float = 0.0
    """Factor of the total variation of the result, see `objective.Objective`; 0 leaves it out."""

    smoothness_weight: float = 0.0
    """Factor of coarse contrast where the content has none, see `objective.edge_aware_smoothness`;
    0 leaves it out."""

    identity_weight: float = 0.0
    """Factor of the identity term: the content in its own style must come back as it is, in pixels
    (L1), see `objective.Objective`; 0 leaves it out."""

    ema: float = 0.999
    """Decay of the moving average of the weights, 0..1, see `averaging.WeightAverage`; 0 keeps
    none."""

    reconstruction_steps: int = 0
    """First steps spent on g(f(x)) = x, see `objective.Objective.reconstruction`, before any style:
    decoding is most of what there is to learn, and this learns it fastest."""

    photographs_as_styles: float = 0.0
    """Share of steps, 0..1, whose styles are content pictures: keeps plain colours and
    photographs within what the decoder knows."""

    recolored_styles: float = 0.0
    """Share of style crops, 0..1, whose red, green and blue change places at random: hues that the
    styles at hand lack."""

    seed: int = 0
    """Of crops, pairs and initial weights."""

    emphasis: dict[str, float] = field(default_factory=dict)
    """Patterns on style file names, and how many times more often they are drawn."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        # The decoder reflects a grid of at least 2x2.
        if self.crop < 16 or self.crop % 8:
            raise InputError(f"crop must be a multiple of 8 and at least 16, got {self.crop}")
        for name in ("photographs_as_styles", "recolored_styles"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in 0..1, got {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise InputError(f"ema must be at least 0 and below 1, got {self.ema}")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be above 0, got {self.learning_rate}")
        if self.optimizer not in METHODS:
            raise InputError(
                f"optimizer must be one of {', '.join(METHODS)}, got {self.optimizer!r}"
            )
        if self.schedule not in SCHEDULES:
            raise InputError(
                f"schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}"
            )
        for name in (
            "content_weight",
            "style_weight",
            "tv_weight",
            "smoothness_weight",
            "identity_weight",
        ):
            if not (getattr(self, name) or 0) >= 0:
                raise InputError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.weight_of_style is None:
            raise InputError(
                f"the {self.reference} reading has no style weight of its own: give one"
            )

    @property
    def weight_of_style(self) -> float | None:
        """The style weight in force."""
        own = STYLE_WEIGHTS[self.reference]
        return own if self.style_weight is None else self.style_weight

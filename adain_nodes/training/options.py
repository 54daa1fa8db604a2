"""What a training run depends on."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import InputError
from ..ops.losses import STYLE_WEIGHTS, Reference


@dataclass(frozen=True)
class TrainingOptions:
    """Hyper-parameters of a run; together with the pictures they determine its result."""

    steps: int
    """Gradient steps of the whole run, warm-up included."""

    batch: int = 8
    """Pairs of content and style in each step."""

    crop: int = 128
    """Side of the training crops in px."""

    learning_rate: float = 1e-3
    """Peak of Adam's rate: linear warm-up over `WARMUP_STEPS`, cosine decay to 0."""

    reference: Reference = "pytorch"
    """How the losses are read, see `ops.losses`."""

    content_weight: float = 1.0
    """Factor of the content loss."""

    style_weight: float | None = None
    """lambda, factor of the style loss; None takes the reading's own."""

    reconstruction_steps: int = 0
    """First steps spent on g(f(c)) = c in pixels (L1), before any style: decoding is most of what
    there is to learn, and this learns it fastest."""

    photographs_as_styles: float = 0.0
    """Share of steps, 0..1, whose styles are content pictures: keeps plain colours and
    photographs within what the decoder knows."""

    seed: int = 0
    """Of crops, pairs and initial weights."""

    emphasis: dict[str, float] = field(default_factory=dict)
    """Patterns on style file names, and how many times more often they are drawn."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "crop"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.crop % 8:
            raise InputError(f"crop must be a multiple of 8, got {self.crop}")
        if not 0 <= self.photographs_as_styles <= 1:
            raise InputError(
                f"photographs_as_styles must be in 0..1, got {self.photographs_as_styles}"
            )
        if self.weight_of_style is None:
            raise InputError(
                f"the {self.reference} reading has no style weight of its own: give one"
            )

    @property
    def weight_of_style(self) -> float | None:
        """The style weight in force."""
        own = STYLE_WEIGHTS[self.reference]
        return own if self.style_weight is None else self.style_weight

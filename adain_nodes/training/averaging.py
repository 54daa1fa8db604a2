"""The moving average of a network's weights: a decoder without the noise of the last steps."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of the parameters of a network that is being trained.

    Buffers, such as the running statistics of batch normalisation, are averages already and are
    copied as they are.

    Args:
        network: starts the average.
        decay: d of average <- d average + (1 - d) weights, 0..1. It is lowered to
            (1 + t) / (10 + t) at step t, so that the start of a run is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network).requires_grad_(False).eval()
        """What the average is of, with averaged weights."""
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Takes the weights after `step` steps into the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, weight in zip(self.network.parameters(), network.parameters(), strict=True):
            average.lerp_(weight, 1 - decay)
        for copy, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            copy.copy_(buffer)

    def restart(self, network: nn.Module) -> None:
        """Forgets everything but the weights as they are now."""
        self.network.load_state_dict(network.state_dict())

"""Channels that have fallen silent are raised until they speak again.

ReLU leaves a channel that is below 0 everywhere without a gradient: whatever chance pushes there
stays there. The decoder has no normalisation to bring it back, and without help loses most of the
channels of its last layers within a few thousand steps.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from ..host.processes import World
from ..models.networks.convolution import MirroredConv2d

SILENCE = 0.01
"""Share of the positions of a batch; a channel that is above 0 at fewer counts as silent."""

RAISE = 0.02
"""What is added to the bias of a silent channel each time, in units of activations: these start
with a deviation of 1, see `initialization`."""


class Revival:
    """Raises the biases of silent channels.

    Args:
        network: its convolutions with a ReLU of their own take part.
        world: the processes that share each batch; all raise the same channels.
    """

    def __init__(self, network: nn.Module, world: World) -> None:
        self._world = world
        self._silent: dict[MirroredConv2d, Tensor] = {}
        self._observing = False
        for layer in network.modules():
            if isinstance(layer, MirroredConv2d) and layer.relu:
                layer.register_forward_hook(partial(self._observe, layer))

    def observe(self, observing: bool) -> None:
        """Whether the network's next call looks for silent channels."""
        self._observing = observing

    @torch.no_grad()
    def after_step(self) -> None:
        """Raises the channels that the step's call has found, if it looked."""
        for layer, silent in self._silent.items():
            assert layer.bias is not None
            layer.bias += RAISE * silent
        self._silent.clear()

    @torch.no_grad()
    def _observe(
        self,
        layer: MirroredConv2d,
        _module: nn.Module,
        _inputs: tuple[Tensor, ...],
        output: Tensor,
    ) -> None:
        if self._observing:
            active = self._world.mean((output > 0).float().mean((0, 2, 3)))
            self._silent[layer] = active < SILENCE

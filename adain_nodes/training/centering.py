"""Gradient steps that leave the mean of every channel alone.

What a convolution receives has passed ReLU: it is 0 or above, and has a large mean m. A step of its
kernel W therefore shifts its output by far more than it changes its shape, and with a few hundred
inputs shifts whole channels below 0, where ReLU leaves no gradient to come back by. In terms of

    y = W * (x - m) + b'        b' = b + sum(W) m

the same convolution has independent shape and shift. Steps are taken in W and b', weights are kept
as W and b. After Montavon and Müller 2012, who centre the units of Boltzmann machines, and LeCun et
al. 1998, on the means of inputs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..host.processes import World


class Centering:
    """The change of variables for every convolution of a network.

    Args:
        network: its convolutions take part, whatever else it holds.
        world: the processes that share each batch; all get the same means.
    """

    def __init__(self, network: nn.Module, world: World) -> None:
        self.means: dict[str, Tensor] = {}
        """m of each convolution by its name, [I], fp32."""
        self._world = world
        self._layers = {
            name: module
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d)
        }
        self._kernels: dict[str, Tensor] = {}
        self._observing = False
        for name, layer in self._layers.items():
            layer.register_forward_pre_hook(partial(self._observe, name))

    def observe(self, observing: bool) -> None:
        """Whether the network's next calls set the means, which they do if there are none yet."""
        self._observing = observing or not self.means

    @torch.no_grad()
    def before_step(self) -> None:
        """Turns the gradients of W and b, which must be there, into those of W and b'."""
        for name, layer in self._layers.items():
            self._kernels[name] = layer.weight.clone()
            of_kernel, of_bias = _gradient(layer.weight), _gradient(layer.bias)
            of_kernel -= of_bias[:, None, None, None] * self.means[name][:, None, None]

    @torch.no_grad()
    def after_step(self) -> None:
        """Turns b' back into b, after the optimiser has changed W."""
        for name, layer in self._layers.items():
            assert layer.bias is not None
            change = layer.weight - self._kernels.pop(name)
            layer.bias -= change.sum((2, 3)) @ self.means[name]

    @torch.no_grad()
    def _observe(self, name: str, _layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        if self._observing:
            values = inputs[0].movedim(1, -1).flatten(0, 2)
            mean = values.sum(0, dtype=torch.float32) / len(values)
            self.means[name] = self._world.mean(mean)


def _gradient(parameter: Tensor | None) -> Tensor:
    assert parameter is not None and parameter.grad is not None
    return parameter.grad

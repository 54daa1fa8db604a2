"""The optimisers that decoders are trained with, and what keeps channels from dying meanwhile.

ReLU leaves a channel that is below 0 everywhere without a gradient: whatever chance pushes there
stays there. The decoder has no normalisation to bring it back, and without help loses most of the
channels of its last layers within a few thousand steps. `Centering` takes steps that push fewer
channels there, `Revival` raises those that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..host.errors import InputError
from ..host.options import OptimizerName
from ..host.processes import World
from ..models.networks.convolution import MirroredConv2d

OBSERVATION_INTERVAL = 20
"""Steps between looks at the means that kernels are centred on, and at which channels are dead;
both change slowly."""

MUON_RMS = 0.2
"""Root mean square of a step of Muon, in learning rates: what Adam's steps have in practice."""

CLIP_NORM = 5.0
"""Largest norm of the gradient; the odd crop without texture gives ten times the usual."""

DEAD_SHARE = 0.01
"""Share of the positions of a batch; a channel that is above 0 at fewer counts as dead."""

RAISE = 0.02
"""What is added to the bias of a dead channel each time, in units of activations; these start with
a deviation of 1, see `initialization`."""


class Optimizer:
    """Gradient steps for a decoder.

    `adam` is Adam for everything. `muon` is Muon (Jordan et al. 2024) for the kernels but that of
    the last layer, whose three outputs are no directions to balance, and Adam for the rest. Muon's
    steps have a root mean square of `MUON_RMS` learning rates, and Adam then has that rate.

    Args:
        decoder: what to train; kernels must be channels last.
        method: which of them.
        world: the processes that share each batch.
        keep_channels_alive: whether `Centering` and `Revival` take part.

    Raises:
        InputError: this PyTorch has no Muon.
    """

    def __init__(
        self,
        decoder: nn.Module,
        method: OptimizerName,
        world: World,
        *,
        keep_channels_alive: bool = True,
    ) -> None:
        self._decoder = decoder
        self._centering = Centering(decoder, world) if keep_channels_alive else None
        self._helps: list[Centering | Revival] = []
        if self._centering is not None:
            self._helps = [self._centering, Revival(decoder, world)]
        self._kernels: dict[str, tuple[nn.Parameter, nn.Parameter]] = {}  # each with its matrix
        named = dict(decoder.named_parameters())
        if method == "muon":
            kernels = [name for name, parameter in named.items() if parameter.ndim == 4]
            self._kernels = {name: (named[name], _as_matrix(named[name])) for name in kernels[:-1]}
        self._others = {name: named[name] for name in named if name not in self._kernels}
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Adam(self._others.values(), lr=0.0)
        ]
        if self._kernels:
            if not hasattr(torch.optim, "Muon"):
                raise InputError(
                    f"muon needs PyTorch 2.9 or later, this is {torch.__version__}; adam does not"
                )
            self._optimizers.append(
                torch.optim.Muon(
                    [matrix for _, matrix in self._kernels.values()],
                    lr=0.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw",
                )
            )  # fmt: skip

    def prepare(self, step: int) -> None:
        """To be called before the decoder's call of each step, counted from 0."""
        self._observe(step % OBSERVATION_INTERVAL == 0)

    def minimize(self, loss: Tensor, learning_rate: float) -> Tensor:
        """One step against a loss.

        Returns:
            The norm of the gradient before it was clipped to `CLIP_NORM`.
        """
        self._decoder.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._centering is not None:
            self._centering.before_step()
        norm = torch.nn.utils.clip_grad_norm_(self._decoder.parameters(), CLIP_NORM)
        for kernel, matrix in self._kernels.values():
            assert kernel.grad is not None
            matrix.grad = kernel.grad.permute(0, 2, 3, 1).flatten(1)
        for optimizer in self._optimizers:
            beside_muon = self._kernels and optimizer is self._optimizers[0]
            for group in optimizer.param_groups:
                group["lr"] = MUON_RMS * learning_rate if beside_muon else learning_rate
            optimizer.step()
        for help_ in self._helps:
            help_.after_step()
        # Calls of the decoder between steps, such as those for previews, must not count.
        self._observe(False)
        return norm

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """What `restore` needs, by name."""
        for name, parameter, optimizer in self._parameters():
            for key, value in optimizer.state[parameter].items():
                yield f"{key}.{name}", value
        if self._centering is not None:
            for name, mean in self._centering.means.items():
                yield f"{_MEAN}.{name}", mean

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from what `state` gave.

        Raises:
            InputError: it is that of another method or decoder.
        """
        found: dict[str, dict[str, Tensor]] = {}
        for place, value in state.items():
            key, _, name = place.partition(".")
            found.setdefault(name, {})[key] = value
        if self._centering is not None:
            self._centering.restore(
                {name: values[_MEAN] for name, values in found.items() if _MEAN in values}
            )
        for name, parameter, optimizer in self._parameters():
            wanted = {"momentum_buffer"} if name in self._kernels else _ADAM_STATE
            values = found.get(name, {})
            if values.keys() != wanted or any(
                value.shape != parameter.shape for key, value in values.items() if key != "step"
            ):
                raise InputError(f"the state of the optimiser for {name} is that of another method")
            optimizer.state[parameter] = {
                # Adam keeps its count of steps on the CPU.
                key: value if key == "step" else value.to(parameter.device)
                for key, value in values.items()
            }

    def _observe(self, observing: bool) -> None:
        for help_ in self._helps:
            help_.observe(observing)

    def _parameters(self) -> Iterator[tuple[str, nn.Parameter, torch.optim.Optimizer]]:
        for name, parameter in self._others.items():
            yield name, parameter, self._optimizers[0]
        for name, (_, matrix) in self._kernels.items():
            yield name, matrix, self._optimizers[1]


class Centering:
    """Gradient steps that leave the mean of every channel alone, by a change of variables for each
    convolution of a network.

    What a convolution receives has passed ReLU: it is at least 0 and has a large mean m. A step of
    its kernel W therefore shifts its output by far more than it changes its shape, and with a few
    hundred inputs shifts whole channels below 0. In terms of

        y = W * (x - m) + b'        b' = b + sum(W) m

    the same convolution has independent shape and shift. Steps are taken in W and b', weights are
    kept as W and b. After Montavon and Müller 2012, who centre the units of Boltzmann machines,
    and LeCun et al. 1998, on the means of inputs.

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
        """Whether the network's next calls set the means; without means, they always do."""
        self._observing = observing or not self.means

    def restore(self, means: Mapping[str, Tensor]) -> None:
        """Goes on from earlier `means`; with none, the next call sets them.

        Raises:
            InputError: they are those of another network.
        """
        layers = self._layers
        shapes = {name: mean.shape[0] for name, mean in means.items() if mean.ndim == 1}
        if means and shapes != {name: layer.in_channels for name, layer in layers.items()}:
            raise InputError("the means of inputs are those of another decoder")
        self.means = {name: mean.to(layers[name].weight.device) for name, mean in means.items()}

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


class Revival:
    """Raises the biases of dead channels.

    Args:
        network: its convolutions with a ReLU of their own take part.
        world: the processes that share each batch; all raise the same channels.
    """

    def __init__(self, network: nn.Module, world: World) -> None:
        self._world = world
        self._dead: dict[MirroredConv2d, Tensor] = {}
        self._observing = False
        for layer in network.modules():
            if isinstance(layer, MirroredConv2d) and layer.relu:
                layer.register_forward_hook(self._observe)

    def observe(self, observing: bool) -> None:
        """Whether the network's next call looks for dead channels."""
        self._observing = observing

    @torch.no_grad()
    def after_step(self) -> None:
        """Raises the channels that the step's call has found, if it looked."""
        for layer, dead in self._dead.items():
            assert layer.bias is not None
            layer.bias += RAISE * dead
        self._dead.clear()

    @torch.no_grad()
    def _observe(self, layer: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> None:
        if self._observing:
            assert isinstance(layer, MirroredConv2d)
            active = self._world.mean((output > 0).float().mean((0, 2, 3)))
            self._dead[layer] = active < DEAD_SHARE


_ADAM_STATE = {"step", "exp_avg", "exp_avg_sq"}

_MEAN = "mean"


def _gradient(parameter: Tensor | None) -> Tensor:
    assert parameter is not None and parameter.grad is not None
    return parameter.grad


def _as_matrix(kernel: nn.Parameter) -> nn.Parameter:
    """The same memory as a parameter [O,kh*kw*I]: Muon takes matrices."""
    # view, which unlike flatten fails where the kernel is not channels last.
    return nn.Parameter(kernel.detach().permute(0, 2, 3, 1).view(len(kernel), -1))

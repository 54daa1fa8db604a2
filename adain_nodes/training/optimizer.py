"""The optimisers that decoders are trained with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ..host.errors import InputError
from ..host.processes import World
from .centering import Centering
from .revival import Revival

Method = Literal["adam", "muon"]

METHODS: tuple[Method, ...] = get_args(Method)

OBSERVATION_INTERVAL = 20
"""Steps between looks at the means that kernels are centred on, and at what has fallen silent;
both change slowly."""

MUON_RMS = 0.2
"""Root mean square of a step of Muon, in learning rates: what Adam's steps have in practice."""

CLIP_NORM = 5.0
"""Largest norm of the gradient; the odd crop without texture gives ten times the usual."""


class Optimizer:
    """Steps for a decoder, with kernels centred on the means of their inputs, and silent channels
    raised.

    `adam` is Adam for everything. `muon` is Muon (Jordan et al. 2024) for the kernels but those of
    the last layer, whose three outputs are no directions to balance, and Adam for the rest. Muon's
    steps have a root mean square of `MUON_RMS` learning rates, and Adam then has that rate.

    Args:
        decoder: what to train; kernels must be channels last.
        method: which of them.
        world: the processes that share each batch.

    Raises:
        InputError: this PyTorch has no Muon.
    """

    def __init__(self, decoder: nn.Module, method: Method, world: World) -> None:
        self._decoder = decoder
        self._centering = Centering(decoder, world)
        self._revival = Revival(decoder, world)
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
        self._centering.after_step()
        self._revival.after_step()
        # What the decoder is called with between steps, such as previews, must not count.
        self._observe(False)
        return norm

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """What `restore` needs, by name."""
        for name, parameter, optimizer in self._parameters():
            for key, value in optimizer.state[parameter].items():
                yield f"{key}.{name}", value
        for name, mean in self._centering.means.items():
            yield f"{_MEAN}.{name}", mean

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from what `state` gave.

        Raises:
            InputError: it is that of another method.
        """
        found: dict[str, dict[str, Tensor]] = {}
        for place, value in state.items():
            key, _, name = place.partition(".")
            if key == _MEAN:
                self._centering.means[name] = value.to(next(self._decoder.parameters()).device)
            else:
                found.setdefault(name, {})[key] = value
        for name, parameter, optimizer in self._parameters():
            wanted = {"momentum_buffer"} if name in self._kernels else _ADAM_STATE
            if found.get(name, {}).keys() != wanted:
                raise InputError(f"the state of the optimiser for {name} is that of another method")
            optimizer.state[parameter] = {
                # Adam keeps its count of steps on the CPU.
                key: value if key == "step" else value.to(parameter.device)
                for key, value in found[name].items()
            }

    def _observe(self, observing: bool) -> None:
        self._centering.observe(observing)
        self._revival.observe(observing)

    def _parameters(self) -> Iterator[tuple[str, nn.Parameter, torch.optim.Optimizer]]:
        for name, parameter in self._others.items():
            yield name, parameter, self._optimizers[0]
        for name, (_, matrix) in self._kernels.items():
            yield name, matrix, self._optimizers[1]


_ADAM_STATE = {"step", "exp_avg", "exp_avg_sq"}

_MEAN = "mean"


def _as_matrix(kernel: nn.Parameter) -> nn.Parameter:
    """The same memory as a parameter [O,kh*kw*I]: Muon takes matrices."""
    # view, which unlike flatten fails where the kernel is not channels last.
    return nn.Parameter(kernel.detach().permute(0, 2, 3, 1).view(len(kernel), -1))

"""Trains a decoder against a frozen encoder (paper, section 6).

    t = AdaIN(f(c), f(s))        L = L_c + lambda L_s        (equations 9 to 13)

A run lives in a folder: `checkpoint.safetensors` to resume from and to export the decoder from,
`log.jsonl` to plot. Started again on the same folder, it resumes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..host.errors import InputError
from ..host.processes import World
from ..models.networks.decoder import Decoder
from ..models.networks.vgg import Encoder
from ..models.weights.tensors import identify
from .checkpoint import load_checkpoint, save_checkpoint
from .data import RandomCrops
from .initialization import initialize_at_random, initialize_from_encoder
from .objective import Condition, Objective, target_alone
from .optimizer import Optimizer
from .options import TrainingOptions, decay
from .run_log import RunLog

logger = logging.getLogger(__name__)

WARMUP_STEPS = 200
"""Steps over which the learning rate rises from 0: Adam's second moments need that many."""

CHECKPOINT_INTERVAL = 100
"""Steps between checkpoints; what a kill can lose."""

LOG_INTERVAL = 20
"""Steps that each line of the log averages."""


class WeightAverage:
    """Exponential moving average of a network's parameters in training: a decoder without the noise
    of the last steps.

    Buffers, such as the running statistics of batch normalisation, are averages already and are
    copied as they are.

    Args:
        network: starts the average.
        decay: d of average <- d average + (1 - d) weights, 0..1. It is lowered to
            (1 + t) / (10 + t) at step t, so that the start of a run is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network).requires_grad_(False).eval()
        """The network with averaged weights."""
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Takes the weights after `step` steps into the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, weight in zip(self.network.parameters(), network.parameters(), strict=True):
            average.lerp_(weight, 1 - decay)
        for copy, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            copy.copy_(buffer)


class Trainer:
    """One training run.

    Args:
        encoder: frozen here.
        contents: crops of photographs.
        styles: crops of art.
        options: hyper-parameters.
        folder: where the run lives; made if absent.
        decoder: to start from, changed in place; without one, a new one starts as
            `options.initialization` says. Any module from what `condition` gives to pictures
            [B,3,8h,8w]; its buffers are kept in the checkpoint, too. A checkpoint in the folder
            takes precedence.
        condition: what the decoder is fed, see `objective.Objective`; t if absent.
        bf16: whether to compute in bf16; weights and statistics stay fp32.
        world: the processes that share each batch.

    Raises:
        InputError: the processes cannot share the batch equally, or find different checkpoints, or
            the folder is that of a run with another encoder, optimiser or kind of decoder.
    """

    def __init__(
        self,
        encoder: Encoder,
        contents: RandomCrops,
        styles: RandomCrops,
        options: TrainingOptions,
        folder: Path,
        *,
        decoder: nn.Module | None = None,
        condition: Condition = target_alone,
        bf16: bool = False,
        world: World | None = None,
    ) -> None:
        self.world = world or World()
        if options.batch % self.world.size:
            raise InputError(
                f"a batch of {options.batch} cannot be shared by {self.world.size} processes"
            )
        self.options = options
        self.folder = folder
        self.contents = contents
        self.styles = styles
        self.device = next(encoder.parameters()).device
        self.identity = identify(encoder.state_dict(), "this run's encoder")
        """Which encoder this is."""
        self.encoder = encoder.requires_grad_(False)
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        decoder = self._new_decoder() if decoder is None else decoder
        self.decoder = decoder.to(self.device).requires_grad_(True).train()
        self.decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = Objective(self.encoder, options, condition, bf16=bf16)
        self.optimizer = Optimizer(
            self.decoder,
            options.optimizer,
            self.world,
            keep_channels_alive=options.keep_channels_alive,
        )
        self.average = WeightAverage(self.decoder, options.ema) if options.ema else None
        """Of the decoder's weights, if the options ask for one."""
        self.step, previous = load_checkpoint(
            folder,
            decoder=self.decoder,
            optimizer=self.optimizer,
            average=self.average.network if self.average else None,
            encoder=self.identity,
        )
        """Steps done so far."""
        found = self.world.union([str(self.step)])
        if len(found) > 1:
            raise InputError(
                f"the processes would go on from steps {' and '.join(sorted(found))}: each must "
                f"find the checkpoint in {folder}, which hosts have to share or be given a copy of"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.log = RunLog(folder / "log.jsonl", options.batch)
        self._network: nn.Module = self.decoder
        if self.world.size > 1:
            self._network = DistributedDataParallel(self.decoder)
        changed = {
            name: value
            for name, value in asdict(options).items()
            if name in previous and previous[name] != value
        }
        if changed:
            logger.warning("resuming at step %d with other options: %s", self.step, changed)

    @property
    def result(self) -> nn.Module:
        """The decoder to use: the averaged one if there is one."""
        return self.average.network if self.average else self.decoder

    def run(self) -> Iterator[dict[str, float]]:
        """Trains to the end, yielding the losses of every step.

        Checkpoints and log lines are written on the way; those of a step are there when it is
        yielded.
        """
        if self.world.is_main:
            self.log.resume(self.step)
        while self.step < self.options.steps:
            losses = self._train_step()
            self.step += 1
            last = self.step == self.options.steps
            if self.world.is_main:
                self.log.add(losses)
                if last or self.step % LOG_INTERVAL == 0:
                    self.log.write(self.step)
            if last or self.step % CHECKPOINT_INTERVAL == 0:
                self.save()
            yield losses

    def save(self) -> None:
        """Writes the checkpoint of the current step."""
        if not self.world.is_main:
            return
        save_checkpoint(
            self.folder,
            step=self.step,
            decoder=self.decoder,
            optimizer=self.optimizer,
            average=self.average.network if self.average else None,
            encoder=self.identity.sha256,
            options=asdict(self.options),
        )

    def _new_decoder(self) -> Decoder:
        decoder = Decoder(self.encoder.architecture).to(self.device)
        if self.options.initialization == "random":
            initialize_at_random(decoder, self.options.seed)
        else:
            sources = (self.contents, self.styles)
            pictures = torch.cat([source.batch(0, range(8)) for source in sources])
            initialize_from_encoder(decoder, self.encoder, pictures.to(self.device))
        return decoder

    def _train_step(self) -> dict[str, float]:
        rate = self._learning_rate()
        self.optimizer.prepare(self.step)
        if self.step < self.options.reconstruction_steps:
            losses = self.objective.reconstruction(self._network, self._any_pictures())
        else:
            losses = self.objective.stylization(self._network, *self._pairs())
        loss = losses["loss"]
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss.item()} at step {self.step}")
        norm = self.optimizer.minimize(loss, rate)
        if self.average is not None:
            self.average.update(self.decoder, self.step + 1)
        means = self.world.mean(torch.stack([value.detach() for value in losses.values()]))
        values = dict(zip(losses, means.tolist(), strict=True))
        return {**values, "gradient_norm": norm.item(), "learning_rate": rate}

    def _learning_rate(self) -> float:
        options = self.options
        warmup = min(1.0, (self.step + 1) / WARMUP_STEPS)
        return options.learning_rate * warmup * decay(options.schedule, self.step, options.steps)

    def _any_pictures(self) -> Tensor:
        """This process's share of a batch, half of it content, half style."""
        # Shared out picture by picture, so that every process has as many.
        pictures = [
            (self.styles if index % 2 else self.contents).batch(self.step, [index])
            for index in self._share(range(self.options.batch))
        ]
        return torch.cat(pictures).to(self.device)

    def _pairs(self) -> tuple[Tensor, Tensor]:
        """This process's share of the contents and styles of the current step."""
        batch, share = self.options.batch, self.options.photographs_as_styles
        contents = self._crops(self.contents, range(batch))
        of_photographs = int((self.step + 1) * share) > int(self.step * share)
        if of_photographs:
            # Indices beyond the batch, so that no content meets itself.
            return contents, self._crops(self.contents, range(batch, 2 * batch))
        return contents, self._crops(self.styles, range(batch))

    def _crops(self, source: RandomCrops, indices: range) -> Tensor:
        """This process's share of the crops with these indices of the current step."""
        return source.batch(self.step, self._share(indices)).to(self.device)

    def _share(self, indices: range) -> range:
        return indices[self.world.rank :: self.world.size]

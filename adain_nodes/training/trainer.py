"""Trains a decoder against a frozen encoder (paper, section 6).

    t = AdaIN(f(c), f(s))        L = L_c + lambda L_s        (equations 9 to 13)

A run lives in a folder: `checkpoint.safetensors` to go on from and to export the decoder from,
`log.jsonl` to plot. Started again on the same folder, it goes on.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import InputError
from ..networks.decoder import Decoder
from ..networks.vgg import Encoder
from ..ops.losses import content_loss, style_loss
from ..ops.normalization import adain
from ..ops.statistics import channel_statistics
from .checkpoint import load_checkpoint, save_checkpoint
from .data import RandomCrops
from .distributed import World
from .initialization import initialize_from_encoder
from .options import TrainingOptions

logger = logging.getLogger(__name__)

WARMUP_STEPS = 200
"""Steps over which the learning rate rises from 0: Adam's second moments need that many."""

CLIP_NORM = 5.0
"""Largest norm of the gradient; the odd crop without texture gives ten times the usual."""

RANGE_WEIGHT = 10.0
"""Of the mean square by which pictures leave 0..1: clamping them would lose its gradient there."""

CHECKPOINT_INTERVAL = 100
"""Steps between checkpoints; what a kill can lose."""

LOG_INTERVAL = 20
"""Steps that each line of the log averages."""


class Trainer:
    """One training run.

    Args:
        encoder: frozen here.
        contents: crops of photographs.
        styles: crops of art.
        options: hyper-parameters.
        folder: where the run lives; made if absent.
        decoder: to start from, changed in place; one made of the encoder's transpose if absent.
            A checkpoint in the folder takes precedence.
        bf16: whether to compute in bf16; weights and statistics stay fp32.
        world: the processes that share each batch.

    Raises:
        InputError: the processes cannot share the batch equally.
    """

    def __init__(
        self,
        encoder: Encoder,
        contents: RandomCrops,
        styles: RandomCrops,
        options: TrainingOptions,
        folder: Path,
        *,
        decoder: Decoder | None = None,
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
        self.bf16 = bf16
        self.device = next(encoder.parameters()).device
        self.encoder = encoder.requires_grad_(False)
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if decoder is None:
            decoder = Decoder(encoder.architecture).to(self.device)
            initialize_from_encoder(decoder, encoder, contents.batch(0, range(8)).to(self.device))
        self.decoder = decoder.to(self.device).requires_grad_(True)
        self.decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.decoder.parameters(), lr=options.learning_rate)
        folder.mkdir(parents=True, exist_ok=True)
        self.step, previous = load_checkpoint(
            folder, decoder=self.decoder, optimizer=self.optimizer
        )
        """Steps done so far."""
        self._network: nn.Module = self.decoder
        if self.world.size > 1:
            self._network = DistributedDataParallel(self.decoder)
        changed = {
            name: value
            for name, value in asdict(options).items()
            if previous and previous.get(name) != value
        }
        if changed:
            logger.warning("going on from step %d with other options: %s", self.step, changed)

    def run(self) -> Iterator[dict[str, float]]:
        """Trains to the end, yielding the losses of every step.

        Checkpoints and log lines are written on the way.
        """
        if self.world.is_main:
            self._forget_log_after(self.step)
        recent: list[dict[str, float]] = []
        started = time.perf_counter()
        while self.step < self.options.steps:
            losses = self._train_step()
            self.step += 1
            recent.append(losses)
            if len(recent) == LOG_INTERVAL or self.step == self.options.steps:
                elapsed = time.perf_counter() - started
                self._log(recent, elapsed)
                recent, started = [], time.perf_counter()
            if self.step % CHECKPOINT_INTERVAL == 0 or self.step == self.options.steps:
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
            options=asdict(self.options),
        )

    def _train_step(self) -> dict[str, float]:
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.step < self.options.reconstruction_steps:
            losses = self._reconstruction_losses()
        else:
            losses = self._stylization_losses()
        loss = losses["loss"]
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss.item()} at step {self.step}")
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), CLIP_NORM)
        self.optimizer.step()
        means = self.world.mean(torch.stack([value.detach() for value in losses.values()]))
        values = dict(zip(losses, means.tolist(), strict=True))
        return {**values, "gradient_norm": norm.item(), "learning_rate": rate}

    def _learning_rate(self) -> float:
        warmup = min(1.0, (self.step + 1) / WARMUP_STEPS)
        decay = 0.5 * (1 + math.cos(math.pi * self.step / self.options.steps))
        return self.options.learning_rate * warmup * decay

    def _reconstruction_losses(self) -> dict[str, Tensor]:
        """Pixels of g(f(c)) against c, half of the pictures content, half style."""
        # Shared out picture by picture, so that every process has as many.
        pictures = torch.cat(
            [
                (self.styles if index % 2 else self.contents).batch(self.step, [index])
                for index in self._share(range(self.options.batch))
            ]
        ).to(self.device)
        with self._precision():
            with torch.no_grad():
                features = self.encoder(pictures)
            result = self._network(features)
        reconstruction = F.l1_loss(result.float(), pictures)
        return {"loss": reconstruction, "reconstruction": reconstruction}

    def _stylization_losses(self) -> dict[str, Tensor]:
        options = self.options
        contents = self._crops(self.contents, range(options.batch))
        share = options.photographs_as_styles
        of_photographs = int((self.step + 1) * share) > int(self.step * share)
        if of_photographs:
            # Indices beyond the batch, so that no content meets itself.
            styles = self._crops(self.contents, range(options.batch, 2 * options.batch))
        else:
            styles = self._crops(self.styles, range(options.batch))
        with self._precision():
            with torch.no_grad():
                style_statistics = [channel_statistics(tap) for tap in self.encoder.taps(styles)]
                target = adain(self.encoder(contents), style_statistics[-1])
            result = self._network(target)
            taps = self.encoder.taps(result)
        statistics = [channel_statistics(tap) for tap in taps]
        content = content_loss(taps[-1].float(), target.float(), options.reference)
        style = style_loss(statistics, style_statistics, options.reference)
        excess = (result.float() - result.float().clamp(0, 1)).square().mean()
        weight = options.weight_of_style
        assert weight is not None
        loss = options.content_weight * content + weight * style + RANGE_WEIGHT * excess
        return {"loss": loss, "content": content, "style": style, "range": excess}

    def _crops(self, source: RandomCrops, indices: range) -> Tensor:
        """This process's share of the crops with these indices of the current step."""
        return source.batch(self.step, self._share(indices)).to(self.device)

    def _share(self, indices: range) -> range:
        return indices[self.world.rank :: self.world.size]

    def _precision(self) -> AbstractContextManager[object]:
        if not self.bf16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _log(self, recent: list[dict[str, float]], seconds: float) -> None:
        if not self.world.is_main:
            return
        names = recent[-1]
        means = {
            name: sum(losses[name] for losses in recent if name in losses)
            / sum(name in losses for losses in recent)
            for name in names
        }
        line = {
            "step": self.step,
            **{name: float(f"{value:.5g}") for name, value in means.items()},
            "pictures_per_second": round(len(recent) * self.options.batch / seconds, 2),
        }
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _forget_log_after(self, step: int) -> None:
        """Drops lines of steps that a kill undid, so that the log has every step once."""
        path = self.folder / "log.jsonl"
        if path.exists():
            lines = path.read_text().splitlines(keepends=True)
            kept = [
                line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step
            ]
            temporary = path.with_name(".log.jsonl.partial")
            temporary.write_text("".join(kept))
            temporary.replace(path)

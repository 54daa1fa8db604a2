from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adain_nodes.host.errors import InputError
from adain_nodes.host.processes import World
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.training import trainer as trainer_module
from adain_nodes.training.data import RandomCrops
from adain_nodes.training.options import TrainingOptions
from adain_nodes.training.trainer import (
    CHECKPOINT_INTERVAL,
    LOG_INTERVAL,
    Trainer,
    WeightAverage,
)

from .conftest import MakeTrainer


def options_of(steps: int, **others: Any) -> TrainingOptions:
    """A run of plain style transfer, on pairs of a photograph and a work of art."""
    plain = {"balanced": False, "reconstruction_steps": 0, "photographs_as_styles": 0.0}
    settings = {"batch": 2, "crop": 16, "learning_rate": 1e-3, **plain, **others}
    return TrainingOptions(steps=steps, **settings)


def parameters_of(trainer: Trainer) -> dict[str, Tensor]:
    return copies_of(trainer.decoder)


def copies_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in network.state_dict().items()}


def log_of(folder: Path) -> list[dict[str, float]]:
    """Without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for line in lines:
        del line["pictures_per_second"]
    return lines


def test_a_run_starts_from_the_decoder_it_is_given_unless_it_goes_on(
    make_trainer: MakeTrainer, decoder: Decoder
) -> None:
    given = {name: parameter.clone() for name, parameter in decoder.named_parameters()}
    first = make_trainer(options_of(1), decoder=deepcopy(decoder))
    for name, parameter in parameters_of(first).items():
        assert torch.equal(parameter, given[name]), name
    list(first.run())
    second = make_trainer(options_of(2), decoder=deepcopy(decoder))
    for name, parameter in parameters_of(second).items():
        assert torch.equal(parameter, parameters_of(first)[name]), name


@pytest.mark.usefixtures("without_warmup")
@pytest.mark.parametrize(
    "extras",
    [
        {"ema": 0.9, "photographs_as_styles": 0.5, "reconstruction_steps": 2, "balanced": True},
        {
            **{"ema": 0.0, "schedule": "inverse", "tv_weight": 1.0, "identity_weight": 1.0},
            **{"optimizer": "adam", "recolored_styles": 0.5},
        },
    ],
)
def test_a_resumed_run_equals_a_straight_one_bit_for_bit(
    make_trainer: MakeTrainer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    extras: dict[str, Any],
) -> None:
    monkeypatch.setattr(trainer_module, "LOG_INTERVAL", 1)
    monkeypatch.setattr(trainer_module, "CHECKPOINT_INTERVAL", 3)
    options = options_of(6, **extras)
    straight = make_trainer(options, folder=tmp_path / "straight")
    assert len(list(straight.run())) == 6

    # Killed two steps after its checkpoint: those are done again.
    killed = make_trainer(options, folder=tmp_path / "resumed")
    assert len(list(islice(killed.run(), 5))) == 5
    resumed = make_trainer(options, folder=tmp_path / "resumed")
    assert resumed.step == 3
    assert len(list(resumed.run())) == 3

    for end, expected in (
        (resumed.decoder, straight.decoder),
        (resumed.result, straight.result),
    ):
        tensors = expected.state_dict()
        for name, tensor in end.state_dict().items():
            assert torch.equal(tensor, tensors[name]), name
    assert log_of(resumed.folder) == log_of(straight.folder)
    assert [line["step"] for line in log_of(resumed.folder)] == [1, 2, 3, 4, 5, 6]
    assert list(make_trainer(options, folder=tmp_path / "resumed").run()) == []


@pytest.mark.usefixtures("without_warmup")
def test_the_result_is_the_average_of_the_weights(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(options_of(3, ema=0.5))
    expected = {name: tensor.double() for name, tensor in parameters_of(trainer).items()}
    for step, _ in enumerate(trainer.run(), 1):
        decay = min(0.5, (1 + step) / (10 + step))
        for name, weight in parameters_of(trainer).items():
            expected[name] = decay * expected[name] + (1 - decay) * weight
    for name, average in copies_of(trainer.result).items():
        torch.testing.assert_close(average.double(), expected[name])
        assert not torch.equal(average, parameters_of(trainer)[name])


def test_without_an_average_the_result_is_the_decoder_itself(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(options_of(1, ema=0.0))
    assert trainer.result is trainer.decoder


class _Normalised(nn.Module):
    """Takes content and style features side by side; has buffers."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.normalization = nn.BatchNorm2d(20)
        self.decoder = decoder

    def forward(self, features: Tensor) -> Tensor:
        x: Tensor = self.decoder(self.normalization(features)[:, :10])
        return x


def _side_by_side(content: Tensor, style: Tensor, _: Tensor) -> Tensor:
    return torch.cat([content, style], dim=1)


def test_other_decoders_train_and_resume_with_their_buffers(
    make_trainer: MakeTrainer, decoder: Decoder, tmp_path: Path
) -> None:
    def make(steps: int, folder: str) -> Trainer:
        return make_trainer(
            # Constant, so that a run of half the steps does as the first half of a whole one.
            options_of(steps, reconstruction_steps=1, schedule="constant"),
            folder=tmp_path / folder,
            decoder=_Normalised(deepcopy(decoder)),
            condition=_side_by_side,
        )

    straight = make(4, "straight")
    list(straight.run())
    list(make(2, "resumed").run())
    resumed = make(4, "resumed")
    list(resumed.run())
    expected = copies_of(straight.decoder)
    assert expected["normalization.num_batches_tracked"] == 4
    assert expected["normalization.running_mean"].abs().min() > 0
    for name, tensor in copies_of(resumed.decoder).items():
        assert torch.equal(tensor, expected[name]), name


def test_a_line_of_the_log_that_a_kill_cut_short_is_dropped(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "LOG_INTERVAL", 1)
    first = make_trainer(options_of(2))
    list(first.run())
    with (first.folder / "log.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    list(make_trainer(options_of(3)).run())
    assert [line["step"] for line in log_of(first.folder)] == [1, 2, 3]


def test_every_step_before_a_checkpoint_is_in_the_log() -> None:
    assert CHECKPOINT_INTERVAL % LOG_INTERVAL == 0


def test_lines_of_the_log_average_their_steps(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "LOG_INTERVAL", 2)
    trainer = make_trainer(options_of(5))
    losses = [step["loss"] for step in trainer.run()]
    lines = log_of(trainer.folder)
    assert [line["step"] for line in lines] == [2, 4, 5]
    expected = [sum(losses[:2]) / 2, sum(losses[2:4]) / 2, losses[4]]
    assert [line["loss"] for line in lines] == pytest.approx(expected, rel=1e-4)


class _Recorded(RandomCrops):
    """Keeps the steps and indices it is asked for."""

    asked: list[tuple[int, list[int]]]

    @classmethod
    def of(cls, crops: RandomCrops) -> _Recorded:
        recorded = cls(crops.paths, size=crops.size, seed=crops.seed)
        recorded.asked = []
        return recorded

    def batch(self, step: int, indices: Iterable[int]) -> Tensor:
        indices = list(indices)
        self.asked.append((step, indices))
        return super().batch(step, indices)


class _Unchanging(RandomCrops):
    """The same crops at every step."""

    def batch(self, _: int, indices: Iterable[int]) -> Tensor:
        return super().batch(0, indices)


@pytest.mark.usefixtures("without_warmup")
@pytest.mark.parametrize("phase", ["reconstruction", "style"])
def test_the_loss_falls(make_trainer: MakeTrainer, phase: str) -> None:
    steps = 30
    reconstruction = steps if phase == "reconstruction" else 0
    trainer = make_trainer(
        options_of(steps, learning_rate=1e-2, reconstruction_steps=reconstruction)
    )
    for name in ("contents", "styles"):
        source: RandomCrops = getattr(trainer, name)
        setattr(trainer, name, _Unchanging(source.paths, size=source.size, seed=source.seed))
    losses = [step["loss"] for step in trainer.run()]
    assert max(losses[-5:]) < 0.95 * losses[0]


def test_reconstruction_comes_before_style(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(options_of(4, reconstruction_steps=2))
    kinds = [losses.keys() & {"reconstruction", "content", "style"} for losses in trainer.run()]
    assert kinds == [{"reconstruction", "content"}] * 2 + [{"content", "style"}] * 2


@pytest.mark.parametrize("weights", [{}, {"content_weight": 0.5, "style_weight": 3.0}])
def test_losses_follow_the_paper(make_trainer: MakeTrainer, weights: dict[str, float]) -> None:
    trainer = make_trainer(options_of(1, **weights))
    contents, styles = (source.batch(0, range(2)) for source in (trainer.contents, trainer.styles))
    wanted = [_moments(tap) for tap in trainer.encoder.taps(styles)]
    features = trainer.encoder(contents)
    mean, std = _moments(features)
    target = wanted[-1][1] * (features - mean) / std + wanted[-1][0]
    with torch.no_grad():
        picture = trainer.decoder(target)
    taps = trainer.encoder.taps(picture)
    content = (taps[-1] - target).square().mean().item()
    style = sum(
        (own - other).square().mean().item()
        for tap, statistics in zip(taps, wanted, strict=True)
        for own, other in zip(_moments(tap), statistics, strict=True)
    )
    excess = (picture - picture.clamp(0, 1)).square().mean().item()
    (losses,) = trainer.run()
    assert losses["content"] == pytest.approx(content, rel=1e-3)
    assert losses["style"] == pytest.approx(style, rel=1e-3)
    factors = (weights.get("content_weight", 1.0), weights.get("style_weight", 10.0))
    loss = factors[0] * content + factors[1] * style + 10 * excess
    assert losses["loss"] == pytest.approx(loss, rel=1e-3)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    mean = features.mean((2, 3), keepdim=True)
    return mean, ((features - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


def test_the_encoder_stays_as_it_is(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(options_of(2, reconstruction_steps=1))
    before = {name: tensor.clone() for name, tensor in trainer.encoder.state_dict().items()}
    start = parameters_of(trainer)
    list(trainer.run())
    for name, tensor in trainer.encoder.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(not torch.equal(p, start[name]) for name, p in parameters_of(trainer).items())


def test_the_learning_rate_warms_up_and_decays(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "WARMUP_STEPS", 3)
    trainer = make_trainer(options_of(5, learning_rate=0.1, schedule="cosine"))
    rates = [losses["learning_rate"] for losses in trainer.run()]
    factors = [1 / 3, 2 / 3, 1, 1, 1]
    expected = [
        0.1 * factor * (1 + math.cos(math.pi * step / 5)) / 2 for step, factor in enumerate(factors)
    ]
    assert rates == pytest.approx(expected)


def test_a_share_of_the_steps_takes_other_photographs_as_styles(
    make_trainer: MakeTrainer,
) -> None:
    trainer = make_trainer(options_of(4, photographs_as_styles=0.5))
    contents = trainer.contents = _Recorded.of(trainer.contents)
    styles = trainer.styles = _Recorded.of(trainer.styles)
    list(trainer.run())
    assert [indices for _, indices in styles.asked] == [[0, 1]] * 2
    photographs = [step for step, indices in contents.asked if indices == [2, 3]]
    assert sorted(photographs + [step for step, _ in styles.asked]) == [0, 1, 2, 3]


@pytest.mark.parametrize("batch", [1, 3])
def test_odd_batches_reconstruct(make_trainer: MakeTrainer, batch: int) -> None:
    trainer = make_trainer(options_of(1, batch=batch, reconstruction_steps=1))
    (losses,) = trainer.run()
    assert losses["loss"] > 0


@pytest.mark.parametrize("size", [2, 4])
def test_a_batch_that_processes_cannot_share_is_refused(
    make_trainer: MakeTrainer, size: int
) -> None:
    with pytest.raises(InputError, match=f"batch of 3 .* {size} processes"):
        make_trainer(options_of(1, batch=3), world=World(0, size))


def test_other_options_on_resuming_are_warned_of(
    make_trainer: MakeTrainer, caplog: pytest.LogCaptureFixture
) -> None:
    list(make_trainer(options_of(1)).run())
    with caplog.at_level(logging.WARNING):
        make_trainer(options_of(1))
        assert not caplog.records
        make_trainer(options_of(2, learning_rate=0.5))
    assert "learning_rate" in caplog.text
    assert "0.5" in caplog.text


def test_a_loss_that_is_not_finite_stops_the_run(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(options_of(1, style_weight=math.inf))
    before = parameters_of(trainer)
    steps: Iterator[object] = trainer.run()
    with pytest.raises(FloatingPointError, match="step 0"):
        next(steps)
    assert all(torch.equal(p, before[name]) for name, p in parameters_of(trainer).items())


def test_bf16_keeps_weights_in_fp32(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    options = options_of(2, reconstruction_steps=1)
    exact = [losses["loss"] for losses in make_trainer(options).run()]
    trainer = make_trainer(options, bf16=True, folder=tmp_path / "bf16")
    losses = [step["loss"] for step in trainer.run()]
    assert losses == pytest.approx(exact, rel=0.1)
    assert all(p.dtype == torch.float32 for p in trainer.decoder.parameters())


def test_the_average_follows_its_recurrence() -> None:
    network = nn.Linear(3, 2)
    average = WeightAverage(network, 0.6)
    expected = network.weight.detach().double()
    for step in range(1, 8):
        with torch.no_grad():
            network.weight.add_(torch.randn(2, 3))
        average.update(network, step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network.weight.detach().double()
    torch.testing.assert_close(average.network.get_parameter("weight").double(), expected)
    assert expected.sub(network.weight).abs().max() > 0.1


def test_buffers_are_copied_whatever_their_type() -> None:
    network = nn.BatchNorm2d(4)
    average = WeightAverage(network, 0.9)
    network(torch.randn(2, 4, 3, 3) + 5)
    average.update(network, 1)
    for name, buffer in network.named_buffers():
        assert torch.equal(average.network.get_buffer(name), buffer), name
    assert average.network.get_buffer("num_batches_tracked") == 1


def test_the_average_is_frozen_and_evaluates() -> None:
    network = nn.BatchNorm2d(4).train()
    average = WeightAverage(network, 0.9)
    assert network.training and not average.network.training
    assert not any(parameter.requires_grad for parameter in average.network.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_the_start_of_a_run_is_soon_forgotten(decay: float) -> None:
    network = nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, decay)
    with torch.no_grad():
        network.weight.fill_(7)
    for step in range(1, 60):
        average.update(network, step)
    assert average.network.get_parameter("weight").item() == pytest.approx(7, abs=1e-6)

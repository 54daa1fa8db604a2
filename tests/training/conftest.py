"""Folders of pictures that take no time to train on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from adain_nodes.host.processes import World
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.training import plots
from adain_nodes.training import trainer as trainer_module
from adain_nodes.training.data import RandomCrops, find_pictures
from adain_nodes.training.objective import Condition, target_alone
from adain_nodes.training.options import TrainingOptions
from adain_nodes.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]
"""make_trainer(options, folder=..., decoder=..., condition=..., world=..., bf16=...)"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Folders content and style with four smooth pictures each."""
    rng = np.random.default_rng(0)
    for kind in ("content", "style"):
        folder = tmp_path / "pictures" / kind
        folder.mkdir(parents=True)
        for index in range(4):
            pixels = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(pixels).resize((40, 30), Image.Resampling.BICUBIC)
            picture.save(folder / f"{index}.png")
    return tmp_path / "pictures"


@pytest.fixture
def make_trainer(encoder: Encoder, pictures: Path, tmp_path: Path) -> MakeTrainer:
    """Trainers on these pictures, in the folder `run` if none is given."""

    def make(
        options: TrainingOptions,
        *,
        folder: Path = tmp_path / "run",
        decoder: nn.Module | None = None,
        condition: Condition = target_alone,
        bf16: bool = False,
        world: World | None = None,
    ) -> Trainer:
        contents, styles = (
            RandomCrops(find_pictures(pictures / kind), size=options.crop, seed=(options.seed, i))
            for i, kind in enumerate(("content", "style"))
        )
        return Trainer(
            encoder,
            contents,
            styles,
            options,
            folder,
            decoder=decoder,
            condition=condition,
            bf16=bf16,
            world=world,
        )

    return make


@pytest.fixture
def without_warmup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of a few steps learn at their full rate."""
    monkeypatch.setattr(trainer_module, "WARMUP_STEPS", 1)


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if it were not installed. Whether it is, is asked once in a process."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    plots.can_draw.cache_clear()
    yield
    plots.can_draw.cache_clear()

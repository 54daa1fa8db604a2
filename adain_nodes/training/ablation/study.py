"""The paper's ablation (section 7.2, figures 5 and 6): the four `variants` under the same options,
seed and order of crops, compared on pictures that none of them has seen.

A study lives in a folder: `options.json` says what it depends on; each variant has a folder in it,
a run of the `trainer`. Started again on the same folder it resumes; what is finished is not trained
again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...files.pictures import read_picture
from ...files.sheets import arranged, square
from ...host.errors import InputError, one_line
from ...host.json_text import parse_json
from ...host.plain import Resident
from ...host.processes import World
from ...host.writing import write_text
from ...models.networks.vgg import Encoder
from ...models.weights.tensors import identify
from ..data import RandomCrops
from ..evaluation.losses import LossMeter, View
from ..options import TrainingOptions
from ..trainer import Trainer
from .variants import VARIANTS, Variant

HELD_OUT_INTERVAL = 20
"""One picture in this many is held out where none are named."""

OPTIONS_NAME = "options.json"
"""Name of the file in a study's folder that says what the study depends on."""

UNCHANGED = "Content unchanged"
"""Name of the content itself among the results."""


@dataclass(frozen=True)
class Pictures:
    """Which pictures a study uses; at least one of each kind."""

    contents: Sequence[Path]
    """Photographs to train on."""

    styles: Sequence[Path]
    """Art to train on."""

    held_out_contents: Sequence[Path]
    """Photographs to evaluate on."""

    held_out_styles: Sequence[Path]
    """Art to evaluate on."""


MeanLosses = dict[str, float]
"""`content` and `style` loss (paper, equations 12 and 13), averaged over pairs."""


class Study:
    """Four runs to compare.

    Args:
        encoder: frozen here; it also sets the device.
        pictures: to train and to evaluate on.
        options: of each run. Every variant starts at random, see `variants`.
        folder: where the study lives; made if absent.
        bf16: whether to train in bf16; weights and statistics stay fp32, and so does evaluation.
        world: the processes that share each batch. Batch normalisation takes its statistics over
            the share of each process.

    Raises:
        InputError: the folder holds a study of something else, or a kind of picture is missing.
    """

    def __init__(
        self,
        encoder: Encoder,
        pictures: Pictures,
        options: TrainingOptions,
        folder: Path,
        *,
        bf16: bool = False,
        world: World | None = None,
    ) -> None:
        for kind, paths in vars(pictures).items():
            if not paths:
                raise InputError(f"an ablation needs {kind.replace('_', ' ')}, there are none")
        self.encoder = encoder
        self.pictures = pictures
        self.options = options
        self.folder = folder
        self.bf16 = bf16
        self.world = world or World()
        self.decoders: dict[str, nn.Module] = {}
        """The trained decoders by the names of their variants, in evaluation mode."""
        resident = Resident(encoder, next(encoder.parameters()).device)
        self._meter = LossMeter(resident, torch.float32, options.reference)
        self._claim()

    def trainer(self, variant: Variant) -> Trainer:
        """The run of a variant, ready to go on from where it is."""
        options = self.options
        contents, styles = (
            RandomCrops(paths, size=options.crop, seed=(options.seed, kind))
            for kind, paths in enumerate((self.pictures.contents, self.pictures.styles))
        )
        return Trainer(
            self.encoder,
            contents,
            styles,
            options,
            self.folder / variant.name,
            decoder=variant.decoder(self.encoder.architecture, options.seed),
            condition=variant.condition,
            bf16=self.bf16,
            world=self.world,
        )

    def runs(self) -> Iterator[tuple[Variant, Trainer]]:
        """One variant after the other, with its run; the caller trains it to the end before asking
        for the next."""
        for variant in VARIANTS:
            trainer = self.trainer(variant)
            yield variant, trainer
            self.decoders[variant.name] = trainer.result.eval()

    @torch.no_grad()
    def held_out_losses(self) -> Iterator[tuple[str, MeanLosses]]:
        """Losses of the contents as they are, then of each trained variant: means over all pairs
        of held-out contents and styles, each the middle square at the size of the crops."""
        pictures = self.pictures
        contents = self._squares(pictures.held_out_contents, self.options.crop)
        styles = self._squares(pictures.held_out_styles, self.options.crop)
        for variant in (None, *VARIANTS):
            pairs = []
            for content, view in contents:
                for _, style in styles:
                    target = self._meter.target(view, style)
                    made = self._made(variant, view, style, target) if variant else content
                    losses = self._meter.losses(self._meter.view(made), target, style)
                    pairs.append((losses.content.item(), losses.style.item()))
            means = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
            name = variant.name if variant else UNCHANGED
            yield name, dict(zip(("content", "style"), means, strict=True))

    @torch.no_grad()
    def sheet(self, contents: Sequence[Path], styles: Sequence[Path], size: int) -> Tensor:
        """What each trained variant makes of pictures, [H,W,3] in 0..1: a row for each pair, with
        content, style, and then the variants, in squares of `size` px, a multiple of 8."""
        rows = []
        for style, style_view in self._squares(styles, size):
            for content, view in self._squares(contents, size):
                target = self._meter.target(view, style_view)
                made = (self._made(variant, view, style_view, target) for variant in VARIANTS)
                rows.append([content, style, *made])
        return arranged(rows, size)

    def _made(self, variant: Variant, content: View, style: View, target: Tensor) -> Tensor:
        """What a trained variant makes of a content, [1,H,W,3]."""
        fed = variant.condition(content.features, style.features, target)
        picture: Tensor = self.decoders[variant.name](fed)
        return picture.clamp(0, 1).movedim(1, -1).cpu()

    def _squares(self, paths: Sequence[Path], side: int) -> list[tuple[Tensor, View]]:
        """The middle squares of picture files, scaled, [1,side,side,3], and what f sees of them."""
        pictures = [square(read_picture(path), side)[None] for path in paths]
        return [(picture, self._meter.view(picture)) for picture in pictures]

    def _claim(self) -> None:
        """Notes in the folder what the study depends on: variants of different options would
        compare nothing."""
        state = {
            **asdict(self.options),
            "encoder": identify(self.encoder.state_dict(), "encoder").sha256,
            "bf16": self.bf16,
            **{kind: len(paths) for kind, paths in vars(self.pictures).items()},
            "pictures": _names_sha256(self.pictures),
        }
        path = self.folder / OPTIONS_NAME
        if path.exists():
            previous = read_options(self.folder)
            for name, value in state.items():
                if previous.get(name) != value:
                    raise InputError(
                        f"{self.folder} holds an ablation with {name} {previous.get(name)}, not "
                        f"{value}: give another folder for a new one"
                    )
        elif self.world.is_main:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(state, indent=2) + "\n")


def _names_sha256(pictures: Pictures) -> str:
    """Tells these pictures from others by their paths below the folder that contents, or styles,
    have in common, wherever that lies."""
    names = {}
    for kind, held_out in (("contents", "held_out_contents"), ("styles", "held_out_styles")):
        both = {name: [p.absolute() for p in getattr(pictures, name)] for name in (kind, held_out)}
        parts = [path.parts for paths in both.values() for path in paths]
        common = os.path.commonprefix(parts)  # noqa: RUF071  of parts, not of characters
        for name, paths in both.items():
            names[name] = ["/".join(path.parts[len(common) :]) for path in paths]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def read_options(folder: Path) -> dict[str, Any]:
    """What the study in a folder depends on.

    Raises:
        InputError: the file that says so is missing or damaged.
    """
    path = folder / OPTIONS_NAME
    try:
        options = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(options, dict):
            raise ValueError(f"it holds {type(options).__name__}")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {one_line(error)}; give another folder") from error
    return options


def hold_out(paths: Sequence[Path], named: set[Path] | None) -> tuple[list[Path], list[Path]]:
    """Splits pictures into those to train on and those to evaluate on, which are the named ones, or
    one in `HELD_OUT_INTERVAL` if `named` is None."""
    named = set(paths[::HELD_OUT_INTERVAL]) if named is None else named
    return [p for p in paths if p not in named], [p for p in paths if p in named]

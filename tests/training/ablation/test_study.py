"""The ablation as a whole, on networks and pictures that take no time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from adain_nodes.files.sheets import GAP
from adain_nodes.host.errors import InputError
from adain_nodes.host.processes import World
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.tensors import read_tensors
from adain_nodes.training import trainer as trainer_module
from adain_nodes.training.ablation.report import (
    LAST_STEPS,
    last_losses,
    plot_curves,
    read_curves,
    write_report,
)
from adain_nodes.training.ablation.study import (
    HELD_OUT_INTERVAL,
    UNCHANGED,
    Pictures,
    Study,
    hold_out,
)
from adain_nodes.training.ablation.variants import VARIANTS
from adain_nodes.training.checkpoint import NAME as CHECKPOINT
from adain_nodes.training.data import RandomCrops, find_pictures
from adain_nodes.training.options import ABLATION, TrainingOptions

OPTIONS = replace(ABLATION, steps=2, batch=2, crop=16)
NAMES = [variant.name for variant in VARIANTS]

MakeStudy = Callable[..., Study]
"""make_study(options, folder=..., pictures=..., encoder=..., bf16=...)"""


@pytest.fixture
def split(pictures: Path) -> Pictures:
    """Three of each kind to train on, and one content and two styles held out."""
    contents, styles = (find_pictures(pictures / kind) for kind in ("content", "style"))
    return Pictures(contents[1:], styles[:2], contents[:1], styles[2:])


@pytest.fixture
def make_study(encoder: Encoder, split: Pictures, tmp_path: Path) -> MakeStudy:
    """Studies of tiny networks, in the folder `study` if none is given."""

    def make(
        options: TrainingOptions = OPTIONS, folder: Path = tmp_path / "study", **others: object
    ) -> Study:
        settings: dict[str, object] = {"encoder": encoder, "pictures": split, **others}
        return Study(options=options, folder=folder, **settings)  # type: ignore[arg-type]

    return make


def steps_of(study: Study) -> Iterator[str]:
    """Trains to the end, giving the variant of every step that it takes."""
    for variant, trainer in study.runs():
        for _ in trainer.run():
            yield variant.name


def trained(study: Study) -> Study:
    for _ in steps_of(study):
        pass
    return study


def tensors_of(decoder: nn.Module) -> list[Tensor]:
    return [tensor.clone() for tensor in decoder.state_dict().values()]


def test_all_variants_train_on_the_same_crops_in_the_same_order(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops: list[Tensor] = []

    class Recorded(RandomCrops):
        def batch(self, step: int, indices: Iterable[int]) -> Tensor:
            crops.append(super().batch(step, indices))
            return crops[-1]

    monkeypatch.setattr("adain_nodes.training.ablation.study.RandomCrops", Recorded)
    steps = steps_of(make_study(replace(OPTIONS, steps=3)))
    assert list(steps) == [name for name in NAMES for _ in range(3)]
    runs = [crops[start : start + 6] for start in range(0, len(crops), 6)]
    assert len(runs) == len(VARIANTS)
    for run in runs[1:]:
        for batch, other in zip(run, runs[0], strict=True):
            assert torch.equal(batch, other)
    assert not torch.equal(runs[0][0], runs[0][2])


def test_what_a_decoder_is_fed_is_all_that_differs_from_the_first(
    make_study: MakeStudy,
) -> None:
    trainers = [make_study().trainer(variant) for variant in VARIANTS]
    for trainer, variant in zip(trainers, VARIANTS, strict=True):
        assert trainer.options == trainers[0].options == OPTIONS
        assert trainer.encoder is trainers[0].encoder
        assert trainer.objective.condition == variant.condition


@pytest.mark.parametrize("stop", [1, 5, 6, 11])
def test_a_study_goes_on_where_it_was_stopped(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stop: int
) -> None:
    """At any step, each of which leaves a checkpoint here."""
    monkeypatch.setattr(trainer_module, "CHECKPOINT_INTERVAL", 1)
    monkeypatch.setattr(trainer_module, "LOG_INTERVAL", 1)
    options = replace(OPTIONS, steps=3)
    straight = make_study(options, tmp_path / "straight")
    every_step = list(steps_of(straight))

    stopped = make_study(options)
    done = list(islice(steps_of(stopped), stop))
    resumed = make_study(options)
    assert done + list(steps_of(resumed)) == every_step
    for name in NAMES:
        for tensor, expected in zip(
            tensors_of(resumed.decoders[name]), tensors_of(straight.decoders[name]), strict=True
        ):
            assert torch.equal(tensor, expected)

    again = make_study(options)
    assert list(steps_of(again)) == []
    assert dict(again.held_out_losses()) == dict(straight.held_out_losses())
    assert read_curves(again.folder) == read_curves(straight.folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": replace(OPTIONS, seed=1)}, "seed 0, not 1"),
        ({"options": replace(OPTIONS, steps=4)}, "steps 2, not 4"),
        ({"bf16": True}, "bf16 False, not True"),
    ],
)
def test_a_folder_keeps_to_its_options(
    make_study: MakeStudy, change: dict[str, object], message: str
) -> None:
    make_study()
    make_study()
    with pytest.raises(InputError, match=message):
        make_study(**change)


def test_a_folder_keeps_to_its_encoder_and_pictures(
    make_study: MakeStudy, encoder: Encoder, split: Pictures
) -> None:
    make_study()
    other = deepcopy(encoder)
    nn.init.zeros_(other.conv1_1.bias)  # type: ignore[arg-type, union-attr]
    with pytest.raises(InputError, match="encoder"):
        make_study(encoder=other)
    with pytest.raises(InputError, match="with contents 3, not 2"):
        make_study(pictures=replace(split, contents=split.contents[:2]))
    renamed = [path.with_stem(f"{path.stem}-b") for path in split.contents]
    with pytest.raises(InputError, match="with pictures "):
        make_study(pictures=replace(split, contents=renamed))


@pytest.mark.parametrize("kind", ["contents", "held_out_styles"])
def test_every_kind_of_picture_is_needed(
    make_study: MakeStudy, split: Pictures, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(InputError, match=kind.replace("_", " ")):
        make_study(pictures=replace(split, **{kind: []}))
    assert not (tmp_path / "study").exists()


def test_only_the_first_process_claims_the_folder(make_study: MakeStudy, tmp_path: Path) -> None:
    make_study(world=World(1, 2))
    assert not (tmp_path / "study").exists()


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    mean = features.mean((2, 3), keepdim=True)
    return mean, ((features - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


def _middle_square(path: Path, side: int) -> Tensor:
    with Image.open(path) as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB"))) / 255
    margin = (pixels.shape[1] - pixels.shape[0]) // 2
    square = pixels[:, margin : margin + pixels.shape[0]].movedim(-1, 0)[None]
    return F.interpolate(square, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


@torch.no_grad()
def expected_losses(study: Study, name: str) -> tuple[float, float]:
    """The mean over all pairs, by arithmetic of its own."""
    losses = []
    encoder, decoder = study.encoder, study.decoders.get(name)
    for content_path in study.pictures.held_out_contents:
        for style_path in study.pictures.held_out_styles:
            content, style = (_middle_square(path, 16) for path in (content_path, style_path))
            features, taps = encoder(content), encoder.taps(style)
            mean, std = _moments(features)
            target = (features - mean) / std * _moments(taps[-1])[1] + _moments(taps[-1])[0]
            picture = content
            if decoder is not None:
                fed = torch.cat([features, taps[-1]], 1) if name == "Enc-Concat-Dec" else target
                picture = decoder(fed).clamp(0, 1)
            result = encoder.taps(picture)
            losses.append(
                (
                    (result[-1] - target).square().mean().item(),
                    sum(
                        (a - b).square().mean().item()
                        for tap, other in zip(result, taps, strict=True)
                        for a, b in zip(_moments(tap), _moments(other), strict=True)
                    ),
                )
            )
    return tuple(sum(values) / len(values) for values in zip(*losses, strict=True))


@pytest.mark.usefixtures("without_warmup")
def test_the_tables_losses_are_those_of_all_held_out_pairs(make_study: MakeStudy) -> None:
    study = trained(make_study(replace(OPTIONS, steps=4)))
    results = dict(study.held_out_losses())
    assert list(results) == [UNCHANGED, *NAMES]
    for name, losses in results.items():
        expected = expected_losses(study, name)
        assert tuple(losses.values()) == pytest.approx(expected, rel=1e-3)
    assert len({losses["style"] for losses in results.values()}) == len(results)

    table = write_report(study.folder, results)
    report = json.loads((study.folder / "results.json").read_text())
    assert {row["name"]: row["held_out"] for row in report["results"]} == {**results}
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]
    logs = {
        name: json.loads((study.folder / name / "log.jsonl").read_text().splitlines()[-1])
        for name in NAMES
    }
    assert [row[0] for row in rows] == list(results)
    for name, *cells in rows:
        held_out = [f"{value:.3f}" for value in expected_losses(study, name)]
        log = logs.get(name)
        training = [f"{log[key]:.3f}" for key in ("content", "style")] if log else ["-", "-"]
        assert [float(cell) for cell in cells[:2]] == pytest.approx(
            [float(cell) for cell in held_out], abs=2e-3
        )
        assert cells[2:] == training
    note = (study.folder / "results.md").read_text()
    for part in (table, "4 steps of 2 pairs", "1 photographs and 2 works"):
        assert part in note


def test_batch_normalisation_is_evaluated_with_running_statistics(make_study: MakeStudy) -> None:
    """So that the results of one picture do not depend on the others."""
    study = trained(make_study())
    features = torch.rand(2, 10, 2, 2)
    for name in NAMES:
        if name != "Enc-Concat-Dec":
            decoder = study.decoders[name]
            alone, together = decoder(features[:1]), decoder(features)[:1]
            torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_the_sheet_has_a_row_for_each_pair(make_study: MakeStudy) -> None:
    study = trained(make_study())
    contents, styles = study.pictures.contents[:1], study.pictures.styles
    sheet = study.sheet(contents, styles, 16)
    pitch = 16 + GAP
    assert sheet.shape == (2 * pitch - GAP, 6 * pitch - GAP, 3)

    def cell(row: int, column: int) -> Tensor:
        top, left = row * pitch, column * pitch
        return sheet[top : top + 16, left : left + 16].movedim(-1, 0)[None]

    for row, path in enumerate(styles):
        torch.testing.assert_close(cell(row, 0), _middle_square(contents[0], 16))
        torch.testing.assert_close(cell(row, 1), _middle_square(path, 16))
        features = study.encoder(cell(row, 0))
        fed = torch.cat([features, study.encoder(cell(row, 1))], dim=1)
        expected = study.decoders["Enc-Concat-Dec"](fed).clamp(0, 1)
        torch.testing.assert_close(cell(row, 3), expected, rtol=0, atol=1e-4)
    results = [cell(0, column) for column in range(2, 6)]
    assert all(
        not torch.allclose(a, b, atol=1e-3) for i, a in enumerate(results) for b in results[:i]
    )


def test_the_losses_of_training_are_those_of_the_last_steps() -> None:
    steps = [70, LAST_STEPS, LAST_STEPS + 60, LAST_STEPS + 70]
    curve = {
        "step": [float(step) for step in steps],
        "content": [100.0, 1.0, 2.0, 10.0],
        "style": [100.0, 3.0, 3.0, 3.0],
    }
    expected = ((LAST_STEPS - 70) * 1 + 60 * 2 + 10 * 10) / LAST_STEPS
    assert last_losses(curve) == pytest.approx({"content": expected, "style": 3.0})


def test_pictures_are_held_out_by_path_or_at_intervals() -> None:
    paths = [Path(f"c{folder:02}/{index}.png") for folder in range(20) for index in range(7)]
    train, held_out = hold_out(paths, {Path("c03/3.png"), Path("elsewhere/4.png")})
    assert held_out == [Path("c03/3.png")]
    assert train == [path for path in paths if path != Path("c03/3.png")]
    train, held_out = hold_out(paths, None)
    assert held_out == paths[::HELD_OUT_INTERVAL] and len(held_out) == 7
    assert len(train) == 133


def test_pictures_are_told_apart_by_their_paths_wherever_they_lie(
    make_study: MakeStudy, split: Pictures, tmp_path: Path
) -> None:
    def moved(old: str, new: str) -> Pictures:
        return Pictures(
            *(
                [Path(str(path).replace(old, new)) for path in paths]
                for paths in vars(split).values()
            )
        )

    make_study(pictures=moved("content/", "content/a/"))
    make_study(pictures=moved(str(tmp_path), "/elsewhere"))
    with pytest.raises(InputError, match="with pictures "):
        make_study(pictures=moved("content/1.png", "content/a/1.png"))


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '{"seed": 0', "\0"])
def test_a_damaged_options_file_is_refused_in_one_line(
    make_study: MakeStudy, tmp_path: Path, text: str
) -> None:
    make_study()
    (tmp_path / "study/options.json").write_text(text)
    with pytest.raises(InputError, match=r"options\.json is damaged") as caught:
        make_study()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", '{"step": 2}\n', "{}\n", "3\n", "\xff\n"])
def test_a_damaged_log_of_a_variant_is_refused(make_study: MakeStudy, text: str) -> None:
    study = trained(make_study())
    (study.folder / NAMES[1] / "log.jsonl").write_text(text)
    with pytest.raises(InputError, match=rf"{NAMES[1]}.log\.jsonl"):
        read_curves(study.folder)


def test_no_variant_gets_help_that_others_cannot_have(make_study: MakeStudy) -> None:
    study = trained(make_study(replace(ABLATION, steps=2, batch=2, crop=16)))
    for variant in VARIANTS:
        tensors, metadata = read_tensors(study.folder / variant.name / CHECKPOINT)
        assert not any(name.startswith("optimizer.mean.") for name in tensors)
        options = json.loads(metadata["options"])
        assert not options["keep_channels_alive"] and options["initialization"] == "random"
        hooks = [
            len(module._forward_hooks) + len(module._forward_pre_hooks)
            for module in study.decoders[variant.name].modules()
        ]
        assert not any(hooks)


def test_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    flat, falling = (
        {"step": [20.0, 40.0], "content": [2.0, end], "style": [2.0, end]} for end in (2.0, 1.0)
    )
    for name, curve in (("flat", flat), ("falling", falling)):
        plot_curves({"A": curve}, tmp_path / f"{name}.png")
    pixels = [np.asarray(Image.open(tmp_path / f"{n}.png")) for n in ("flat", "falling")]
    assert pixels[0].shape == pixels[1].shape
    assert (pixels[0] != pixels[1]).any()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("without_matplotlib")
def test_without_matplotlib_there_is_no_plot_which_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        plot_curves({}, tmp_path / "curves.png")
    assert "no plot" in caplog.text and "adain-nodes[plot]" in caplog.text
    assert not list(tmp_path.iterdir())

"""The evaluation against one pair at a time."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.files.sheets import square
from adain_nodes.host.plain import Resident
from adain_nodes.models.model import Model
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.tensors import identify
from adain_nodes.ops.similarity import ssim
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.stylize import stylize
from adain_nodes.pipeline.types import Features
from adain_nodes.training.data import find_pictures
from adain_nodes.training.evaluation.evaluate import (
    CONTENT,
    STYLE,
    Row,
    balanced_pairs,
    evaluate,
    reconstructions,
)
from adain_nodes.training.evaluation.losses import LossMeter

SIZE = 24


@pytest.fixture
def meter(model: Model) -> LossMeter:
    return LossMeter(model.encoder, model.dtype)


@pytest.fixture
def contents(pictures: Path) -> list[Path]:
    return find_pictures(pictures / "content")[:2]


@pytest.fixture
def styles(pictures: Path) -> list[Path]:
    return find_pictures(pictures / "style")[:3]


def other_model(model: Model) -> Model:
    """One with another encoder."""
    encoder = Encoder(model.encoder.load().architecture).requires_grad_(False)
    return replace(
        model,
        name="other",
        identity=identify(encoder.state_dict(), "other"),
        encoder=Resident(encoder, torch.device("cpu")),
    )


def count_encoded(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """All pictures that `pipeline.encode` is asked to encode from now on."""
    encoded: list[Tensor] = []
    encode = transfer.encode

    def counting(model: Model, picture: Tensor) -> Features:
        encoded.append(picture)
        return encode(model, picture)

    monkeypatch.setattr(transfer, "encode", counting)
    return encoded


def means(meter: LossMeter, results: dict[tuple[Path, Path], Tensor]) -> tuple[float, ...]:
    """Content loss, style losses of the layers and SSIM of results, averaged pair by pair."""
    found = []
    for (content_path, style_path), result in results.items():
        content, style = (square(read_picture(p), SIZE)[None] for p in (content_path, style_path))
        c, s = meter.view(content), meter.view(style)
        losses = meter.losses(meter.view(result), meter.target(c, s), s)
        similarity = ssim(result, content).item()
        found.append((losses.content.item(), *losses.layers.tolist(), similarity))
    return tuple(sum(column) / len(found) for column in zip(*found, strict=True))


def figures(row: Row) -> tuple[float, ...]:
    return (row.content_loss, *row.layer_losses, row.ssim)


def test_rows_are_means_over_the_pairs(
    model: Model, meter: LossMeter, contents: list[Path], styles: list[Path]
) -> None:
    other = other_model(model)
    pairs = balanced_pairs(contents, styles)
    rows = {row.name: row for row in evaluate(pairs, [model, other], meter, size=SIZE)}

    assert list(rows) == [CONTENT, STYLE, "tiny", "other"]
    squares = {path: square(read_picture(path), SIZE)[None] for path in (*contents, *styles)}
    made: dict[str, dict[tuple[Path, Path], Tensor]] = {
        CONTENT: {pair: squares[pair[0]] for pair in pairs},
        STYLE: {pair: squares[pair[1]] for pair in pairs},
    }
    for one in (model, other):
        made[one.name] = {
            (content, style): transfer.decode(
                one,
                transfer.transfer(
                    transfer.encode(one, squares[content]),
                    transfer.style_statistics(transfer.encode(one, squares[style])),
                ),
            )
            for content, style in pairs
        }
    for name, row in rows.items():
        assert figures(row) == pytest.approx(means(meter, made[name]), rel=1e-4, abs=1e-6), name
        assert row.style_loss == pytest.approx(sum(row.layer_losses))
    assert rows[STYLE].style_loss == 0
    assert rows[CONTENT].ssim == 1


def test_refined_pictures_are_rows_of_their_own(
    model: Model, meter: LossMeter, contents: list[Path], styles: list[Path]
) -> None:
    pairs = balanced_pairs(contents, styles, 3)
    rows = {row.name: row for row in evaluate(pairs, [model], meter, size=SIZE, refine=(1, 4))}
    refinements = ["tiny, refined by 1 step", "tiny, refined by 4 steps"]
    assert list(rows) == [CONTENT, STYLE, "tiny", *refinements]
    made = {}
    for content, style in pairs:
        shown, art = (square(read_picture(path), SIZE)[None] for path in (content, style))
        made[content, style] = stylize(shown, art, model=model, style_size=0, refine=4)
    refined = rows["tiny, refined by 4 steps"]
    assert figures(refined) == pytest.approx(means(meter, made), rel=1e-3)
    seconds = [rows[name].seconds or 0.0 for name in ("tiny", *refinements)]
    assert 0 < seconds[0] < seconds[1] < seconds[2]


def test_only_what_is_made_takes_time(
    model: Model, meter: LossMeter, contents: list[Path], styles: list[Path]
) -> None:
    content, style, made = evaluate([(contents[0], styles[0])], [model], meter, size=SIZE)
    assert content.seconds is style.seconds is content.seconds_with_style is None
    assert made.seconds is not None and made.seconds_with_style is not None
    assert 0 < made.seconds < made.seconds_with_style


def test_a_model_encodes_no_picture_twice(
    model: Model,
    meter: LossMeter,
    contents: list[Path],
    styles: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = count_encoded(monkeypatch)
    evaluate(balanced_pairs(contents, styles), [model], meter, size=SIZE)
    assert len(encoded) == len(contents) + len(styles)


def test_models_of_one_encoder_share_what_they_give_back(
    model: Model, contents: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one precision."""
    encoded = count_encoded(monkeypatch)
    told: list[tuple[int, int]] = []
    second = replace(model, name="second")
    reconstructions([model, second], contents, lambda *now: told.append(now))
    assert len(encoded) == len(contents)
    assert told == [(done, 4) for done in (1, 2, 3, 4)]
    encoded.clear()
    device, bf16 = torch.device("cpu"), torch.bfloat16
    half = replace(
        model,
        name="half",
        encoder=Resident(deepcopy(model.encoder.load()).to(bf16), device),
        decoder=Resident(deepcopy(model.decoder.load()).to(bf16), device),
        dtype=bf16,
    )
    reconstructions([model, half], contents)
    assert len(encoded) == 2 * len(contents)


def test_progress_counts_pairs(
    model: Model, meter: LossMeter, contents: list[Path], styles: list[Path]
) -> None:
    told: list[tuple[int, int]] = []
    pairs = balanced_pairs(contents, styles, 3)
    evaluate(pairs, [model], meter, size=SIZE, progress=lambda *now: told.append(now))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("rows", "columns", "number"), [(5, 3, 6), (3, 5, 7), (4, 4, 8), (6, 4, 24)]
)
def test_fewer_pairs_are_spread_evenly(rows: int, columns: int, number: int) -> None:
    contents = [Path(f"c{index}") for index in range(rows)]
    styles = [Path(f"s{index}") for index in range(columns)]
    pairs = balanced_pairs(contents, styles, number)
    assert len(set(pairs)) == number
    assert pairs == sorted(pairs) == balanced_pairs(contents, styles, number)
    for paths, side in zip((contents, styles), zip(*pairs, strict=True), strict=True):
        uses = [side.count(path) for path in paths]
        assert max(uses) - min(uses) <= 1


def test_all_pairs_are_contents_times_styles() -> None:
    contents, styles = [Path("a"), Path("b"), Path("c")], [Path("x"), Path("y")]
    assert balanced_pairs(contents, styles) == [(c, s) for c in contents for s in styles]
    assert balanced_pairs(contents, styles, 99) == balanced_pairs(contents, styles)


def test_reconstruction_is_measured_at_the_pictures_own_size(model: Model, tmp_path: Path) -> None:
    other = other_model(model)
    paths = []
    for index, shape in enumerate([(13, 21, 3), (30, 9, 1), (16, 16, 4)]):
        paths.append(tmp_path / f"{index}.png")
        write_picture(paths[-1], torch.rand(*shape))
    found = reconstructions([model, other], paths)
    assert [one.model for one in found] == ["tiny", "other"]
    for one, measured in zip((model, other), found, strict=True):
        ratios = []
        for path in paths:
            picture = read_picture(path)
            rebuilt = transfer.decode(one, transfer.encode(one, picture))[..., :3]
            error = (rebuilt - picture[..., :3]).double().square().mean()
            ratios.append(10 * torch.log10(1 / error).item())
        assert measured.psnr == pytest.approx(sum(ratios) / 3, rel=1e-4)
        assert measured.lowest_psnr == pytest.approx(min(ratios), rel=1e-4)

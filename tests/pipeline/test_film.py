"""Pictures and films in one call."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.models.model import Model
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.pipeline.film import FilmOptions, Region, stylize, stylize_frames
from adain_nodes.pipeline.transfer import decode, encode, style_statistics, transfer
from adain_nodes.pipeline.types import DeferredFeatures, Style

PAIRS = [(1, 1), (1, 3), (3, 1), (3, 3)]


def pictures_of(batch: int, height: int = 16, width: int = 24, channels: int = 3) -> Tensor:
    return torch.rand(batch, height, width, channels)


def style_of(model: Model, batch: int = 1) -> Style:
    return style_statistics(encode(model, pictures_of(batch, 20, 18)))


@pytest.mark.parametrize(("contents", "styles"), PAIRS)
@pytest.mark.parametrize("masks", [None, 0, 1, 3])
def test_it_equals_the_steps(model: Model, contents: int, styles: int, masks: int | None) -> None:
    """A mask of 0 pictures stands for one without a batch axis."""
    picture, style = pictures_of(contents, 20, 31, 4), style_of(model, styles)
    mask = None
    if masks is not None:
        mask = torch.rand(masks, 40, 30) if masks else torch.rand(40, 30)
    result = stylize(
        model, picture, style, alpha=0.7, content_size=17, mask=mask, mask_statistics="image"
    )
    content = encode(model, picture, shorter_side=17)
    target = transfer(content, style, alpha=0.7, mask=mask, mask_statistics="image")
    torch.testing.assert_close(result, decode(model, target))
    assert tuple(result.shape) == (max(contents, styles, masks or 1), 17, 26, 4)


def test_adains_result_is_never_all_in_memory(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = []
    rows_of = DeferredFeatures.rows

    def rows(features: DeferredFeatures, rows: slice) -> Tensor:
        result = rows_of(features, rows)
        heights.append(result.shape[2])
        return result

    def computed(_: DeferredFeatures) -> None:
        raise AssertionError("all of it is computed at once")

    picture, style, mask = pictures_of(1, 40, 24), style_of(model), torch.rand(40, 24)
    monkeypatch.setattr(DeferredFeatures, "rows", rows)
    monkeypatch.setattr(DeferredFeatures, "computed", computed)
    in_tiles = replace(model, tile_size=8)
    stylize(in_tiles, picture, style, alpha=0.7, mask=mask)
    regions = [Region(style, mask), Region(style, 1 - mask)]
    list(stylize_frames(in_tiles, picture, regions, FilmOptions()))
    assert set(heights) == {1}


def test_it_takes_statistics_of_the_region_by_default(model: Model) -> None:
    picture, style, mask = pictures_of(1), style_of(model), torch.rand(16, 24)
    content = encode(model, picture)
    result = stylize(model, picture, style, mask=mask)
    region = decode(model, transfer(content, style, mask=mask, mask_statistics="region"))
    image = decode(model, transfer(content, style, mask=mask, mask_statistics="image"))
    torch.testing.assert_close(result, region)
    assert not torch.allclose(result, image)


def test_a_film_that_is_not_finite_is_refused(model: Model) -> None:
    film = pictures_of(3)
    film[2, 2, 3, 1] = float("nan")
    with pytest.raises(InputError, match="picture 2 at row 2, column 3, channel 1"):
        stylize(model, film, style_of(model))


@pytest.mark.parametrize(("contents", "styles"), [(2, 3), (3, 2)])
def test_other_batches_are_refused_by_both_sizes(model: Model, contents: int, styles: int) -> None:
    with pytest.raises(InputError) as error:
        stylize(model, pictures_of(contents), style_of(model, styles))
    assert f"content has {contents}" in str(error.value)
    assert f"style has {styles}" in str(error.value)


def test_a_style_of_another_encoder_is_refused(model: Model) -> None:
    foreign = replace(style_of(model), encoder=EncoderIdentity("5" * 64, "stranger"))
    with pytest.raises(InputError, match="stranger"):
        stylize(model, pictures_of(1), foreign)


@pytest.mark.parametrize(("contents", "styles"), PAIRS)
def test_progress_ends_at_its_total(model: Model, contents: int, styles: int) -> None:
    seen: list[tuple[int, int]] = []
    stylize(
        model,
        pictures_of(contents),
        style_of(model, styles),
        progress=lambda done, total: seen.append((done, total)),
    )
    done, totals = zip(*seen, strict=True)
    assert len(seen) >= contents + max(contents, styles)
    assert list(done) == sorted(set(done))
    assert set(totals) == {done[-1]}


def test_raising_in_progress_aborts(model: Model) -> None:
    calls = 0

    def cancel(_done: int, _total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stylize(model, pictures_of(3), style_of(model), progress=cancel)
    assert calls == 4

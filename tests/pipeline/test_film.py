"""Pictures and films in one call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import FRAME_STATISTICS, FrameStatistics
from adain_nodes.models.model import Model
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops import adain as adain_module
from adain_nodes.ops.masks import grid_mask
from adain_nodes.pipeline import film as film_module
from adain_nodes.pipeline import rows as rows_module
from adain_nodes.pipeline import types
from adain_nodes.pipeline.engine import encode_one
from adain_nodes.pipeline.film import stylized_looks
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.look import Look
from adain_nodes.pipeline.scaling import scaled
from adain_nodes.pipeline.stylize import stylize
from adain_nodes.pipeline.transfer import decode, encode, style_statistics, transfer
from adain_nodes.pipeline.types import Features, Style

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
        picture, style, model=model, alpha=0.7, content_size=17, mask=mask, mask_statistics="image",
        outside="decoded",
    )  # fmt: skip
    content = encode(model, picture, shorter_side=17)
    target = transfer(content, style, alpha=0.7, mask=mask, mask_statistics="image")
    torch.testing.assert_close(result, decode(model, target))
    assert tuple(result.shape) == (max(contents, styles, masks or 1), 17, 26, 4)


def test_adains_result_is_never_all_in_memory(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = []
    blend = adain_module.blend

    def noted(content: Tensor, stylized: Tensor, alpha: float) -> Tensor:
        heights.append(content.shape[2])
        return blend(content, stylized, alpha)

    picture, style, mask = pictures_of(1, 40, 24), style_of(model), torch.rand(40, 24)
    monkeypatch.setattr(rows_module, "blend", noted)
    in_bands = replace(model, tile_size=8)
    stylize(picture, style, model=in_bands, alpha=0.7, mask=mask)
    stylize(picture, [style, style], model=in_bands, mask=[mask, 1 - mask])
    assert set(heights) == {1}


def test_a_mask_that_stays_is_brought_onto_the_grid_once(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*arguments: Any) -> Tensor:
        calls.append(arguments)
        return grid_mask(*arguments)

    monkeypatch.setattr(types, "grid_mask", counted)
    film, styles, mask = pictures_of(4), [style_of(model), style_of(model)], torch.rand(16, 24)
    for mode in FRAME_STATISTICS:
        calls.clear()
        stylize(film, styles[0], model=model, mask=mask, frame_statistics=mode)
        assert len(calls) == 1
        calls.clear()
        stylize(film, styles, model=model, mask=mask, frame_statistics=mode)
        assert len(calls) == 2  # the second style has the rest
    calls.clear()
    stylize(film, styles[0], model=model, mask=torch.rand(4, 16, 24))
    assert len(calls) == 4


def test_a_film_is_tested_for_nan_once(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = []
    isfinite = torch.isfinite

    def counted(values: Tensor) -> Tensor:
        if values.ndim == 3:
            tested.append(values)
        return isfinite(values)

    monkeypatch.setattr(torch, "isfinite", counted)
    stylize(pictures_of(4), style_of(model), model=model, frame_statistics="shared")
    # Four frames, and the picture of the style.
    assert len(tested) == 5


def test_each_frame_is_encoded_once_for_all_looks(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []

    def counted(*arguments: Any) -> Features:
        encoded.append(arguments)
        return encode_one(*arguments)

    monkeypatch.setattr(film_module, "encode_one", counted)
    film, styles = pictures_of(3), [style_of(model), style_of(model)]
    looks = [Look.of([style]) for style in styles]
    results = list(stylized_looks(model, film, looks, FilmOptions(), lambda _: None))
    assert len(encoded) == 3
    for index, style in enumerate(styles):
        alone = stylize(film, style, model=model)
        assert torch.equal(torch.stack([frame[index] for frame in results]), alone)


def test_it_takes_statistics_of_the_region_by_default(model: Model) -> None:
    picture, style, mask = pictures_of(1), style_of(model), torch.rand(16, 24)
    content = encode(model, picture)
    result = stylize(picture, style, model=model, mask=mask, outside="decoded")
    region = decode(model, transfer(content, style, mask=mask, mask_statistics="region"))
    image = decode(model, transfer(content, style, mask=mask, mask_statistics="image"))
    torch.testing.assert_close(result, region)
    assert not torch.allclose(result, image)


def test_a_film_that_is_not_finite_is_refused(model: Model) -> None:
    film = pictures_of(3)
    film[2, 2, 3, 1] = float("nan")
    with pytest.raises(InputError, match="picture 2 at row 2, column 3, channel 1"):
        stylize(film, style_of(model), model=model)


@pytest.mark.parametrize(("contents", "styles"), [(2, 3), (3, 2)])
def test_other_batches_are_refused_by_both_sizes(model: Model, contents: int, styles: int) -> None:
    with pytest.raises(InputError) as error:
        stylize(pictures_of(contents), style_of(model, styles), model=model)
    assert f"content has {contents}" in str(error.value)
    assert f"style has {styles}" in str(error.value)


def test_a_style_of_another_encoder_is_refused(model: Model) -> None:
    foreign = replace(style_of(model), encoder=EncoderIdentity("5" * 64, "stranger"))
    with pytest.raises(InputError, match="stranger"):
        stylize(pictures_of(1), foreign, model=model)


@pytest.mark.parametrize(("contents", "styles"), PAIRS)
def test_progress_ends_at_its_total(model: Model, contents: int, styles: int) -> None:
    seen: list[tuple[int, int]] = []
    stylize(
        pictures_of(contents),
        style_of(model, styles),
        model=model,
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
        stylize(pictures_of(3), style_of(model), model=model, progress=cancel)
    assert calls == 4


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [0, 20])
def test_outside_a_mask_the_original_stays(model: Model, channels: int, size: int) -> None:
    """Its seam is soft: below half strength the mask blends pixels, too."""
    film, style = pictures_of(2, 40, 56, channels), style_of(model)
    ramp = ((torch.arange(56) - 10) / 30).clamp(0, 1).expand(40, 56)
    masks = torch.stack([ramp, ramp.flip(1)])
    how: dict[str, Any] = {"model": model, "mask": masks, "content_size": size}
    result = stylize(film, style, **how)
    decoded = stylize(film, style, outside="decoded", **how)
    height, width = decoded.shape[1:3]
    original, alpha = scaled(film, (height, width))
    shares = F.interpolate(masks[:, None], (height, width), mode="area")[:, 0, ..., None]
    expected = original + (2 * shares).clamp(max=1) * (decoded[..., :3] - original)
    torch.testing.assert_close(result[..., :3], expected, rtol=0, atol=1e-5)
    outside, inside = (shares == 0).expand_as(original), (shares >= 0.5).expand_as(original)
    assert outside.any() and inside.any()
    assert torch.equal(result[..., :3][outside], original[outside])
    assert torch.equal(result[..., :3][inside], decoded[..., :3][inside])
    if alpha is not None:
        assert torch.equal(result[..., 3:], alpha)


def test_a_style_that_fills_the_rest_leaves_nothing_outside(model: Model) -> None:
    picture, styles, mask = pictures_of(1), [style_of(model), style_of(model)], torch.rand(16, 24)
    result = stylize(picture, styles, model=model, mask=mask)
    assert torch.equal(result, stylize(picture, styles, model=model, mask=mask, outside="decoded"))
    both = stylize(picture, styles, model=model, mask=[mask, 1 - mask])
    torch.testing.assert_close(both, result, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_a_film_tells_once_of_a_mask_that_is_stretched(
    model: Model, caplog: pytest.LogCaptureFixture, mode: FrameStatistics
) -> None:
    with caplog.at_level("WARNING"):
        for mask in (torch.ones(24, 16), torch.ones(3, 24, 16)):
            stylize(pictures_of(3), style_of(model), model=model, mask=mask, frame_statistics=mode)
    assert caplog.text.count("stretched") == 2

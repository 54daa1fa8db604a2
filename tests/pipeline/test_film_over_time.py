"""Statistics over the time of a film, through the networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import FRAME_STATISTICS, FrameStatistics
from adain_nodes.models.model import Model
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.adain import adain
from adain_nodes.ops.flicker import flicker
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline import engine, film, transfer
from adain_nodes.pipeline.colors import match_color
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.stylize import stylize, stylize_frames
from adain_nodes.pipeline.types import Features, Style

FRAMES = 5
BEYOND_A_FRAME: tuple[FrameStatistics, ...] = ("shared", "smoothed")


@pytest.fixture
def frames() -> Tensor:
    """Frames whose statistics differ."""
    light = torch.tensor([0.2, 1.0, 0.6, 0.3, 0.8])
    return torch.rand(FRAMES, 20, 31, 3) * light[:, None, None, None]


@pytest.fixture
def style(model: Model) -> Style:
    return transfer.style_of(model, torch.rand(1, 18, 24, 3))


def measured(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of [C,h,w] under [h,w], by a plain computation."""
    values, weights = values.double(), weights.double()
    mean = (values * weights).sum((1, 2)) / weights.sum()
    variance = ((values - mean[:, None, None]).square() * weights).sum((1, 2)) / weights.sum()
    return mean, (variance + 1e-5).sqrt()


def expected_statistics(
    features: Features, grids: Tensor, mode: FrameStatistics, smoothing: float
) -> list[Statistics | None]:
    """Of each frame; None where its mask, [T,h,w], is empty."""
    values = features.values
    if mode == "shared":
        joint = [torch.cat(list(each), dim=-1) for each in (values, grids)]
        own = [measured(joint[0], joint[1])] * len(values)
    else:
        own = []
        latest: tuple[Tensor, Tensor] | None = None
        for frame, grid in zip(values, grids, strict=True):
            if grid.any():
                now = measured(frame, grid)
                if mode == "smoothed" and latest is not None:
                    now = tuple(  # type: ignore[assignment]
                        smoothing * a + (1 - smoothing) * b
                        for a, b in zip(latest, now, strict=True)
                    )
                latest = now
            own.append(latest if latest is not None else measured(frame, torch.ones_like(grid)))
    return [
        Statistics(mean[None].float(), std[None].float()) if grid.any() else None
        for (mean, std), grid in zip(own, grids, strict=True)
    ]


def expected_film(
    model: Model,
    frames: Tensor,
    style: Style,
    grids: Tensor,
    *,
    mode: FrameStatistics,
    alpha: float = 1.0,
) -> Tensor:
    """The arithmetic of a film written down anew."""
    features = transfer.encode(model, frames)
    statistics = expected_statistics(features, grids, mode, 0.6)
    targets = []
    for index, own in enumerate(statistics):
        x = features.values[index][None]
        if own is not None:
            look = style[index % len(style)].statistics
            scale = (look.std / own.std)[..., None, None]
            styled = scale * (x - own.mean[..., None, None]) + look.mean[..., None, None]
            weight = alpha * grids[index]
            x = weight * styled + (1 - weight) * x
        targets.append(x)
    return transfer.decode(model, replace(features, values=torch.cat(targets)))


def applied(content: Features, style: Style, own: Statistics | None) -> Features:
    """AdaIN with mu(x) and sigma(x) given."""
    return replace(content, values=adain(content.values, style.statistics, own))


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
@pytest.mark.parametrize("styles", [1, FRAMES])
def test_a_film_is_what_its_statistics_make_of_it(
    model: Model, frames: Tensor, mode: FrameStatistics, styles: int
) -> None:
    style = transfer.style_of(model, torch.rand(styles, 18, 24, 3))
    result = stylize(frames, style, model=model, alpha=0.7, frame_statistics=mode, smoothing=0.6)
    expected = expected_film(model, frames, style, torch.ones(FRAMES, 3, 4), mode=mode, alpha=0.7)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_masks_that_are_empty_in_some_frames(
    model: Model, frames: Tensor, style: Style, mode: FrameStatistics
) -> None:
    """The mask wanders, and is gone in the first and in the fourth frame."""
    grids = torch.zeros(FRAMES, 3, 4)
    for index in (1, 2, 4):
        grids[index, :, index - 1 :] = 1
        grids[index, 0] *= 0.5
    masks = grids.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :20, :31]
    result = stylize(
        frames, style, model=model, mask=masks, outside="decoded",
        frame_statistics=mode, smoothing=0.6,
    )  # fmt: skip
    expected = expected_film(model, frames, style, grids, mode=mode)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-4)
    untouched = transfer.decode(model, transfer.encode(model, frames))
    torch.testing.assert_close(result[[0, 3]], untouched[[0, 3]])


@pytest.mark.parametrize("mode", BEYOND_A_FRAME)
def test_a_mask_that_is_empty_in_all_frames(
    model: Model, frames: Tensor, style: Style, mode: FrameStatistics
) -> None:
    mask = torch.zeros(20, 31)
    result = stylize(
        frames, style, model=model, mask=mask, outside="decoded", frame_statistics=mode
    )
    untouched = transfer.decode(model, transfer.encode(model, frames))
    torch.testing.assert_close(result, untouched)


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_statistics_of_the_image_under_a_mask(
    model: Model, frames: Tensor, style: Style, mode: FrameStatistics
) -> None:
    mask = torch.zeros(20, 31)
    mask[:, 16:] = 1
    options = FilmOptions(
        frame_statistics=mode, mask_statistics="image", smoothing=0.6, outside="decoded"
    )
    result = torch.stack(list(stylize_frames(frames, style, options, model=model, mask=mask)))
    whole = stylize(frames, style, model=model, frame_statistics=mode, smoothing=0.6)
    features = transfer.encode(model, frames)
    own = expected_statistics(features, torch.ones(FRAMES, 3, 4), mode, 0.6)
    grid = features.on_grid(mask, "area")
    parts = []
    for index, each in enumerate(own):
        styled = applied(features[index], style, each)
        values = grid * styled.values + (1 - grid) * features[index].values
        parts.append(replace(styled, values=values))
    expected = torch.cat([transfer.decode(model, part) for part in parts])
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-4)
    assert not torch.allclose(result, whole)


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_each_region_has_statistics_of_its_own(
    model: Model, frames: Tensor, mode: FrameStatistics
) -> None:
    styles = [transfer.style_of(model, torch.rand(1, 18, 24, 3)) for _ in range(2)]
    left = torch.zeros(20, 31)
    left[:, :16] = 1
    masks = [left, 1 - left]
    result = stylize(frames, styles, model=model, mask=masks, frame_statistics=mode, smoothing=0.6)

    features = transfer.encode(model, frames)
    grids = [features.on_grid(mask, "area")[:, 0] for mask in masks]
    values = torch.zeros_like(features.values)
    for style, grid in zip(styles, grids, strict=True):
        own = expected_statistics(features, grid.expand(FRAMES, -1, -1), mode, 0.6)
        for index, each in enumerate(own):
            styled = applied(features[index], style, each)
            values[index] += grid[0] * styled.values[0]
    expected = transfer.decode(model, replace(features, values=values))
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", BEYOND_A_FRAME)
def test_colours_are_kept_in_the_same_way(
    model: Model, frames: Tensor, style: Style, mode: FrameStatistics
) -> None:
    plain = stylize(frames, style, model=model, frame_statistics=mode)
    kept = stylize(frames, style, model=model, frame_statistics=mode, preserve_color="luminance")
    torch.testing.assert_close(kept, match_color(plain, frames, "luminance"))


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_a_film_of_one_frame_has_the_statistics_of_a_picture(
    model: Model, frames: Tensor, style: Style, mode: FrameStatistics
) -> None:
    result = stylize(frames[:1], style, model=model, frame_statistics=mode)
    torch.testing.assert_close(result, stylize(frames[:1], style, model=model))


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_one_picture_in_several_styles_is_a_film_that_stands_still(
    model: Model, frames: Tensor, mode: FrameStatistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles = transfer.style_of(model, torch.rand(3, 18, 24, 3))
    expected = stylize(frames[:1].expand(3, -1, -1, -1), styles, model=model)
    encoded = []

    def counted(*inputs: Any) -> Features:
        encoded.append(1)
        return engine.encode_one(*inputs)

    monkeypatch.setattr(film, "encode_one", counted)
    result = stylize(frames[:1], styles, model=model, frame_statistics=mode)
    torch.testing.assert_close(result, expected)
    assert len(encoded) == (2 if mode == "shared" else 1)


@pytest.mark.parametrize("mode", BEYOND_A_FRAME)
def test_an_object_that_enters_changes_the_rest_less(
    model: Model, style: Style, mode: FrameStatistics
) -> None:
    """The rest stands still, and is farther from the object than the networks see."""
    size, step, reach = 40, 8, 72
    picture = torch.rand(size, 160, 3)
    frames = picture.expand(6, -1, -1, -1).clone()
    for index in range(6):
        frames[index, :, : step * index] = 1
    far = torch.zeros(5, size, 160)
    far[:, :, step * 5 + reach :] = 1
    flickers = {
        each: flicker(stylize(frames, style, model=model, frame_statistics=each), visible=far)
        for each in ("per_frame", mode)
    }
    share = 0.02 if mode == "shared" else 0.8
    assert flickers["per_frame"].min() > 1e-4
    assert flickers[mode].mean() < share * flickers["per_frame"].mean()
    assert flickers[mode].max() < share * flickers["per_frame"].max()


@pytest.mark.parametrize("mode", BEYOND_A_FRAME)
def test_light_on_a_part_changes_the_rest_less(
    model: Model, style: Style, mode: FrameStatistics
) -> None:
    picture = torch.rand(40, 160, 3)
    light = torch.ones(6, 1, 160, 1)
    light[:, :, :40, 0] = torch.linspace(0.3, 1, 6)[:, None, None]
    far = torch.zeros(5, 40, 160)
    far[:, :, 112:] = 1
    flickers = {
        each: flicker(
            stylize(picture * light, style, model=model, frame_statistics=each), visible=far
        )
        for each in ("per_frame", mode)
    }
    share = 0.02 if mode == "shared" else 0.8
    assert flickers["per_frame"].min() > 1e-4
    assert flickers[mode].mean() < share * flickers["per_frame"].mean()


class Source:
    """Random frames; it counts how many were taken."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.given = 0
        self.rounds = 0

    def __iter__(self) -> Iterator[Tensor]:
        self.rounds += 1
        for _ in range(self.number):
            self.given += 1
            yield torch.rand(16, 16, 3)


@pytest.mark.parametrize("mode", ["per_frame", "smoothed"])
def test_frames_are_taken_one_by_one(model: Model, style: Style, mode: FrameStatistics) -> None:
    source = Source(10**9)
    results = stylize_frames(source, style, FilmOptions(frame_statistics=mode), model=model)
    for expected in (1, 2, 3):
        assert next(results).shape == (16, 16, 3)
        assert source.given == expected
    assert source.rounds == 1


def test_shared_statistics_go_through_the_frames_twice(model: Model, style: Style) -> None:
    source = Source(4)
    options = FilmOptions(frame_statistics="shared")
    results = stylize_frames(source, style, options, model=model)
    next(results)
    assert (source.rounds, source.given) == (2, 5)
    assert len(list(results)) == 3


def test_an_iterator_cannot_be_gone_through_twice(model: Model, style: Style) -> None:
    options = FilmOptions(frame_statistics="shared")
    with pytest.raises(InputError, match="an iterator gives them once"):
        stylize_frames(iter(Source(2)), style, options, model=model)
    results = stylize_frames(iter(Source(2)), style, FilmOptions(), model=model)
    assert len(list(results)) == 2


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_progress_goes_through_all_passes(
    model: Model, frames: Tensor, style: Style, mode: FrameStatistics
) -> None:
    seen: list[tuple[int, int]] = []
    stylize(
        frames, style, model=model, frame_statistics=mode,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    done, totals = zip(*seen, strict=True)
    assert list(done) == sorted(set(done))
    assert set(totals) == {done[-1]}
    assert totals[0] == (3 if mode == "shared" else 2) * FRAMES * 3 * 4


@pytest.mark.parametrize("call", [2, 7])
def test_raising_in_progress_aborts_either_pass(
    model: Model, frames: Tensor, style: Style, call: int
) -> None:
    calls = 0

    def cancel(_done: int, _total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stylize(frames, style, model=model, frame_statistics="shared", progress=cancel)
    assert calls == call


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "the film has no frames"),
        ([torch.rand(9, 9, 3), torch.rand(9, 8, 3)], "frame 2 is of 8x9 px, the first of 9x9"),
        ([torch.rand(9, 9, 3), torch.rand(9, 9, 2)], "frame 2 must be"),
    ],
)
def test_bad_frames_are_named(
    model: Model, style: Style, mode: FrameStatistics, frames: list[Tensor], message: str
) -> None:
    options = FilmOptions(frame_statistics=mode)
    with pytest.raises(InputError, match=message):
        list(stylize_frames(frames, style, options, model=model))


def test_styles_weights_and_masks_must_fit(model: Model, frames: Tensor, style: Style) -> None:
    mask = torch.ones(2, 20, 31)
    foreign = replace(style, encoder=EncoderIdentity("5" * 64, "stranger"))
    one = mask[0]
    for styles, how, message in (
        ([], {}, "a style is needed, got none"),
        ([style, style], {}, "2 styles need weights that mix them, or a mask for each"),
        ([style, style], {"weights": [1]}, "one weight for each style: got 1 for 2"),
        ([style, style], {"weights": [0, 0]}, "not all 0"),
        ([style, style], {"weights": [1, 1], "mask": one}, "give one of the two"),
        (
            [style, style],
            {"mask": [one, one, one]},
            "give 2 masks for 2 styles, or 1 and the last style fills the rest; got 3",
        ),
        (style, {"mask": [one, one]}, "give 1 mask for 1 style; got 2"),
        (foreign, {}, "stranger"),
        (style, {"mask": mask}, "mask_1 has 2 in its batch for 5 frames"),
    ):
        with pytest.raises(InputError, match=message):
            stylize_frames(frames, styles, model=model, **how)
    with pytest.raises(InputError, match="for an unknown number of frames"):
        stylize_frames(iter(frames), style, model=model, mask=mask)


def test_options_are_checked(model: Model, frames: Tensor, style: Style) -> None:
    with pytest.raises(InputError, match="smoothing must be"):
        stylize(frames, style, model=model, smoothing=2)
    with pytest.raises(InputError, match="mask_statistics must be region or image, got 'regions'"):
        stylize(frames, style, model=model, mask_statistics="regions")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="mask_resize must be area or nearest, got 'cubic'"):
        FilmOptions(mask_resize="cubic")  # type: ignore[arg-type]

"""Results that hold still: made-up results of made-up films, without networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import FRAME_STATISTICS, FrameStatistics
from adain_nodes.models.model import Model
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.colors import match_color
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.steadiness import Steadied
from adain_nodes.pipeline.stylize import stylize, stylize_frames
from adain_nodes.pipeline.types import Style

from .moving import panned, texture

pytest.importorskip("cv2")

SIZE = (64, 96)
SECOND = 25  # frames


def steadied(frames: Tensor, results: Tensor, steadiness: float = 1.0) -> Tensor:
    film = Steadied(steadiness)
    pairs = zip(frames, results, strict=True)
    return torch.stack([film.follow(frame, [result])[0] for frame, result in pairs])


def detail(picture: Tensor) -> Tensor:
    """Mean absolute second difference along both sides, over the inner part."""
    inner = picture[16:-16, 16:-16]
    return inner.diff(n=2, dim=0).abs().mean() + inner.diff(n=2, dim=1).abs().mean()


def test_at_0_results_are_left_as_they_are() -> None:
    frames, results = texture(*SIZE).expand(3, -1, -1, -1), torch.rand(3, *SIZE, 3)
    assert torch.equal(steadied(frames, results, 0), results)


def test_the_steadier_the_less_a_still_film_flickers() -> None:
    frames, results = texture(*SIZE).expand(12, -1, -1, -1), torch.rand(12, *SIZE, 3)
    flickers = [
        steadied(frames, results, share).diff(dim=0)[4:].abs().mean().item()
        for share in (0, 0.5, 0.8, 1)
    ]
    assert flickers == sorted(flickers, reverse=True)
    assert flickers[-1] < flickers[0] / 5


def test_a_hue_that_was_cast_by_something_gone_does_not_stay() -> None:
    """Half a second later strokes are still those of before; without the hue's own share, 0.4 of it
    would be there, too."""
    frame, result = texture(128, 160), texture(128, 160)
    tint = torch.zeros(128, 160, 3)
    tint[24:104, 40:120] = torch.tensor([0.2, -0.05, -0.1])
    tinted = (result * 0.6 + 0.2 + tint).expand(8, -1, -1, -1)
    plain = (result * 0.6 + 0.2).expand(SECOND // 2, -1, -1, -1)
    results = torch.cat([tinted, plain])
    shown = steadied(frame.expand(len(results), -1, -1, -1), results)
    left = (shown[-1] - results[-1])[44:84, 60:100].mean((0, 1))
    assert (left - left.mean()).norm() < 0.1 * (tint[64, 80] - tint[64, 80].mean()).norm()


def test_what_is_equal_in_every_frame_stays_as_it_is() -> None:
    frames, result = texture(*SIZE).expand(6, -1, -1, -1), texture(*SIZE)
    shown = steadied(frames, result.expand(6, -1, -1, -1))
    torch.testing.assert_close(shown[-1], result, rtol=0, atol=0.01)


def test_results_move_with_the_film() -> None:
    """Each result is the first, moved along, under noise of its own."""
    frames = panned(texture(64, 160), 12, 1.5, 96)
    clean = panned(texture(64, 160), 12, 1.5, 96)
    noisy = (clean + 0.2 * torch.randn_like(clean)).clamp(0, 1)
    shown = steadied(frames, noisy)
    followed, stuck = (
        (shown[-1] - other).abs()[8:-8, 32:-8].mean() for other in (clean[-1], clean[-4])
    )
    assert followed < stuck / 1.5


def test_there_is_no_lasting_blur() -> None:
    frames = panned(texture(64, 256), 100, 0.37, 96)
    strokes = panned(texture(64, 256, coarse=3), 100, 0.37, 96)
    shown = steadied(frames, strokes)
    shares = [(detail(shown[i]) / detail(strokes[i])).item() for i in (10, 40, 70, 99)]
    assert min(shares) > 0.85
    assert shares[-1] > shares[0] - 0.05


def test_strokes_that_differ_do_not_pale() -> None:
    frames, results = texture(*SIZE).expand(40, -1, -1, -1), torch.rand(40, *SIZE, 3)
    shown = steadied(frames, results)
    contrasts = shown.std((1, 2, 3)) / results.std((1, 2, 3))
    assert contrasts[-10:].min() > 0.85


def test_a_fresh_look_is_through_after_a_second() -> None:
    frames = texture(*SIZE).expand(5 + SECOND, -1, -1, -1)
    old, new = texture(*SIZE), texture(*SIZE)
    results = torch.stack([old] * 5 + [new] * SECOND)
    shown = steadied(frames, results)
    assert (shown[-1] - new).abs().mean() < 0.25 * (old - new).abs().mean()


def test_after_a_cut_the_results_are_fresh() -> None:
    frames = torch.stack([texture(*SIZE)] * 3 + [texture(*SIZE)] * 2)
    results = torch.rand(5, *SIZE, 3)
    shown = steadied(frames, results)
    assert torch.equal(shown[3], results[3])
    assert not torch.equal(shown[2], results[2])
    assert not torch.equal(shown[4], results[4])


def test_what_appears_leaves_no_ghost() -> None:
    """What it hides moves nowhere, and what it shows has nothing to follow."""
    frames = (0.4 * texture(*SIZE)).repeat(4, 1, 1, 1)
    frames[3, 20:44, 30:66] = 0.9
    results = torch.rand(4, *SIZE, 3)
    shown = steadied(frames, results)
    inside = (slice(25, 39), slice(35, 61))
    assert torch.equal(shown[3][inside], results[3][inside])
    assert not torch.equal(shown[3][:10], results[3][:10])


def test_light_that_changes_is_no_cut() -> None:
    light = torch.linspace(0.5, 1, 10)[:, None, None, None]
    frames, results = texture(*SIZE) * light, torch.rand(10, *SIZE, 3)
    shown = steadied(frames, results)
    assert shown.diff(dim=0)[4:].abs().mean() < results.diff(dim=0)[4:].abs().mean() / 4


def test_looks_do_not_mix_and_transparency_is_that_of_the_frame() -> None:
    frames, results = texture(*SIZE).expand(4, -1, -1, -1), torch.rand(2, 4, *SIZE, 4)
    film = Steadied(0.8)
    for index, frame in enumerate(frames):
        both = film.follow(frame, list(results[:, index]))
    for look, result in enumerate(both):
        assert torch.equal(result, steadied(frames, results[look], 0.8)[-1])
        assert torch.equal(result[..., 3], results[look, -1, ..., 3])


def test_results_may_be_of_another_size_than_the_frames() -> None:
    frames, results = texture(*SIZE).expand(5, -1, -1, -1), torch.rand(5, 32, 48, 3)
    shown = steadied(frames, results)
    assert shown.shape == results.shape
    assert shown.diff(dim=0)[1:].abs().mean() < results.diff(dim=0)[1:].abs().mean() / 3


@pytest.fixture
def frames() -> Tensor:
    return panned(texture(40, 80), 5, 2.0, 56)


@pytest.fixture
def style(model: Model) -> Style:
    return transfer.style_of(model, torch.rand(1, 18, 24, 3))


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_a_steady_film_is_what_the_plain_one_becomes(
    model: Model, frames: Tensor, style: Style, mode: FrameStatistics
) -> None:
    """Before colours are kept and original pixels put back, which are steady by themselves."""
    mask = torch.zeros(40, 56)
    mask[:, :30] = 1
    how: dict[str, Any] = {"model": model, "frame_statistics": mode, "alpha": 0.8, "mask": mask}
    plain = stylize(frames, style, **how, outside="decoded")
    expected = steadied(frames, plain, 0.7)
    assert (expected - plain).abs().max() > 0.01
    result = stylize(frames, style, **how, outside="decoded", steadiness=0.7)
    torch.testing.assert_close(result, expected)
    kept = stylize(
        frames,
        style,
        **how,
        outside="decoded",
        steadiness=0.7,
        preserve_color="luminance",
    )
    torch.testing.assert_close(kept, match_color(expected, frames, "luminance"))
    beside = stylize(frames, style, **how, steadiness=0.7)
    assert torch.equal(beside[:, :, 40:], frames[:, :, 40:])
    torch.testing.assert_close(beside[:, :, :24], expected[:, :, :24])


def test_frames_are_taken_one_ahead(model: Model, style: Style) -> None:
    taken = 0

    def source() -> Iterator[Tensor]:
        nonlocal taken
        while True:
            taken += 1
            yield torch.rand(24, 32, 3)

    results = stylize_frames(source(), style, FilmOptions(steadiness=1), model=model)
    for count in (1, 2, 3):
        next(results)
        assert taken == count + 1


def test_it_is_a_share(model: Model, frames: Tensor, style: Style) -> None:
    for value in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="steadiness must be a number from 0"):
            stylize(frames, style, model=model, steadiness=value)


def test_refined_frames_are_steadied_too(model: Model, frames: Tensor, style: Style) -> None:
    """The first frame comes as it is; the steadier, the less the others change."""
    alone = stylize(frames[:1], style, model=model, refine=2)
    plain, steady = (
        stylize(frames, style, model=model, refine=2, steadiness=share) for share in (0.0, 1.0)
    )
    assert torch.equal(steady[0], alone[0])
    torch.testing.assert_close(plain[0], alone[0])
    assert not torch.equal(steady[1:], plain[1:])

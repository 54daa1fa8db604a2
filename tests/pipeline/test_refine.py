"""Refinement on tiny networks."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from adain_nodes.files.styles import load_style, save_style
from adain_nodes.host.errors import InputError
from adain_nodes.host.options import FRAME_STATISTICS, FrameStatistics
from adain_nodes.models.model import Model
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.color import match_chroma
from adain_nodes.ops.statistics import Statistics, channel_statistics
from adain_nodes.pipeline import film as film_module
from adain_nodes.pipeline import refine as refine_module
from adain_nodes.pipeline import target as target_module
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.objective import Evaluation, Objective, Region
from adain_nodes.pipeline.refine import COARSE_WEIGHT, RISE, SCALES, coarse_too, descent, refine
from adain_nodes.pipeline.stylize import stylize, stylize_frames
from adain_nodes.pipeline.transfer import (
    compose,
    decode,
    encode,
    interpolate_styles,
    stack_styles,
    style_of,
    style_statistics,
    transfer,
)
from adain_nodes.pipeline.types import Features, Style

SIZE = (40, 56)


def picture(batch: int = 1, channels: int = 3, size: tuple[int, int] = SIZE) -> Tensor:
    return torch.rand(batch, *size, channels)


def a_style(model: Model, *, seed: int = 7, batch: int = 1) -> Style:
    generator = torch.Generator().manual_seed(seed)
    art = torch.rand(batch, 24, 30, 3, generator=generator) ** 4
    return style_of(model, art)


def layers_of(model: Model, result: Tensor, inside: Tensor | None = None) -> list[Statistics]:
    taps = model.encoder.load().taps(result[..., :3].movedim(-1, 1))
    weights = [
        None if inside is None else inside[None, None, :: 2**layer, :: 2**layer].float()
        for layer in range(4)
    ]
    return [channel_statistics(tap, mask) for tap, mask in zip(taps, weights, strict=True)]


def distance(model: Model, result: Tensor, style: Style, inside: Tensor | None = None) -> float:
    """How far the statistics of a picture are from a style's, over all four layers."""
    found = layers_of(model, result, inside)
    return sum(
        ((own.mean - wanted.mean) ** 2).mean().item() + ((own.std - wanted.std) ** 2).mean().item()
        for own, wanted in zip(found, style.layers(), strict=True)
    )


class TestRefine:
    def test_it_comes_closer_to_style_and_features(self, model: Model) -> None:
        content, style = encode(model, picture()), a_style(model)
        features = transfer(content, style)
        start = decode(model, features)
        result = refine(model, start, features, style, steps=20)
        assert result.shape == start.shape and result.min() >= 0 and result.max() <= 1
        assert distance(model, result, style) < 0.5 * distance(model, start, style)

        def error(shown: Tensor) -> float:
            found = model.encoder.load()(shown.movedim(-1, 1))
            return float((found - features.values).square().mean())

        assert error(result) < error(start)

    def test_no_steps_give_the_picture(self, model: Model) -> None:
        features, style = encode(model, picture()), a_style(model)
        start = picture()
        assert torch.equal(refine(model, start, features, style, steps=0), start)

    def test_it_is_the_same_each_time_and_in_inference_mode(self, model: Model) -> None:
        style = a_style(model)
        shown = picture()
        features = transfer(encode(model, shown), style)
        first = refine(model, shown, features, style, steps=5)
        with torch.inference_mode():
            inside = a_style(model)
            features = transfer(encode(model, shown.clone()), inside)
            again = refine(model, shown.clone(), features, inside, steps=5)
        assert torch.equal(first, again)

    def test_at_half_strength_it_stays_half_way(self, model: Model) -> None:
        content, style = encode(model, picture()), a_style(model)
        own, wanted = style_statistics(content), style
        between = interpolate_styles([own, wanted], [1, 1])
        features = transfer(content, style, alpha=0.5)
        start = decode(model, features)
        result = refine(model, start, features, style, steps=30)
        assert distance(model, result, between) < 0.2 * distance(model, start, between)
        assert distance(model, result, between) < distance(model, result, wanted)
        assert distance(model, result, between) < distance(model, result, own)

    def test_a_mixture_stays_a_mixture(self, model: Model) -> None:
        content = encode(model, picture())
        one, other = a_style(model, seed=1), style_of(model, 1 - picture(size=(20, 20)) ** 4)
        mixture = interpolate_styles([one, other], [1, 1])
        features = transfer(content, mixture)
        result = refine(model, decode(model, features), features, mixture, steps=30)
        away = distance(model, result, mixture)
        assert away < 0.3 * distance(model, result, one)
        assert away < 0.3 * distance(model, result, other)

    def test_a_bank_and_a_batch_give_what_each_gives_alone(self, model: Model) -> None:
        content = encode(model, picture())
        bank = stack_styles([a_style(model, seed=1), a_style(model, seed=2)])
        features = transfer(content, bank)
        start = decode(model, features)
        result = refine(model, start, features, bank, steps=3)
        for index in range(2):
            alone = refine(model, start[index][None], features[index], bank[index], steps=3)
            torch.testing.assert_close(result[index][None], alone)

    def test_outside_the_mask_the_picture_stays(self, model: Model) -> None:
        content, style = encode(model, picture()), a_style(model)
        mask = torch.zeros(SIZE)
        mask[:, 24:] = 1
        features = transfer(content, style, mask=mask)
        start = decode(model, features)
        result = refine(model, start, features, style, steps=10, mask=mask)
        assert torch.equal(result[:, :, :24], start[:, :, :24])
        inside = mask.bool()
        before, after = (distance(model, shown, style, inside) for shown in (start, result))
        assert after < 0.5 * before

    def test_regions_are_refined_one_after_the_other(self, model: Model) -> None:
        content = encode(model, picture())
        styles = [a_style(model, seed=1), style_of(model, picture(size=(24, 24)))]
        masks = [torch.zeros(SIZE), torch.zeros(SIZE)]
        masks[0][:, :32] = 1
        masks[1][:, 32:] = 1
        parts = [
            (transfer(content, style, mask=mask, apply_mask=False), mask)
            for style, mask in zip(styles, masks, strict=True)
        ]
        features = compose(parts, content)
        assert features.strength is not None
        assert torch.equal(features.strength, torch.ones(1, 1, 5, 7))
        start = result = decode(model, features)
        for style, mask in zip(styles, masks, strict=True):
            result = refine(model, result, features, style, steps=15, mask=mask)
        for style, mask in zip(styles, masks, strict=True):
            inside = mask.bool()
            before, after = (distance(model, shown, style, inside) for shown in (start, result))
            assert after < before

    @pytest.mark.parametrize("channels", [1, 4])
    def test_grey_and_transparent_pictures(self, model: Model, channels: int) -> None:
        shown, style = picture(channels=channels), a_style(model)
        features = transfer(encode(model, shown), style)
        start = picture(channels=channels)
        result = refine(model, start, features, style, steps=2)
        assert result.shape[3] == max(3, channels)
        if channels == 4:
            assert torch.equal(result[..., 3], start[..., 3])

    @pytest.mark.parametrize("size", [(1, 1), (3, 40), (9, 8)])
    def test_pictures_smaller_than_a_cell(self, model: Model, size: tuple[int, int]) -> None:
        shown, style = picture(size=size), a_style(model)
        features = transfer(encode(model, shown), style)
        result = refine(model, decode(model, features), features, style, steps=3)
        assert result.shape == shown.shape and result.isfinite().all()

    def test_progress_reaches_its_end_and_cancels_within_a_tile(self, model: Model) -> None:
        content, style = encode(model, picture()), a_style(model)
        told: list[tuple[int, int]] = []
        start, small = decode(model, content), replace(model, tile_size=16)
        refine(small, start, content, style, steps=2, progress=lambda *now: told.append(now))
        done = [now for now, _ in told]
        assert done == sorted(done) and told[-1] == (done[-1], done[-1])
        steps = [later - now for now, later in pairwise(done)]
        assert max(steps) <= 2 * 2 * 2  # the gradient of a tile of 2x2 cells

        def cancel(done: int, total: int) -> None:
            if done > total / 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            refine(small, start, content, style, steps=2, progress=cancel)


class TestErrors:
    @pytest.fixture
    def features(self, model: Model) -> Features:
        return encode(model, picture())

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"steps": -1}, "steps must be 0 or a whole number above, got -1"),
            ({"steps": 2.5}, "steps must be 0 or a whole number above, got 2.5"),
            ({"style_weight": -1.0}, "the style weight must be a finite number, 0 or above"),
            ({"style_weight": float("nan")}, "the style weight must be a finite number"),
        ],
    )
    def test_options_out_of_range(
        self, model: Model, features: Features, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            refine(model, picture(), features, a_style(model), **options)

    def test_another_size(self, model: Model, features: Features) -> None:
        with pytest.raises(InputError, match="features belongs to a picture of 56x40 px, image"):
            refine(model, picture(size=(40, 48)), features, a_style(model))

    def test_another_encoder(self, model: Model, features: Features) -> None:
        stranger = replace(a_style(model), encoder=EncoderIdentity("5" * 64, "stranger"))
        with pytest.raises(InputError, match="stranger"):
            refine(model, picture(), features, stranger)

    def test_batches_that_do_not_fit(self, model: Model, features: Features) -> None:
        with pytest.raises(InputError, match="image has 2 in its batch and style has 3"):
            refine(model, picture(2), features, a_style(model, batch=3))

    def test_a_style_that_is_known_at_relu4_1_alone(
        self, model: Model, features: Features, tmp_path: Path
    ) -> None:
        """As files of before are: they serve for everything else."""
        save_style(tmp_path / "old.safetensors", replace(a_style(model), lower=None))
        style = load_style(tmp_path / "old.safetensors")
        decode(model, transfer(features, style))
        with pytest.raises(InputError, match=r"four layers.*save the style file anew"):
            refine(model, picture(), features, style)


class TestStylize:
    def test_it_equals_the_steps(self, model: Model) -> None:
        shown, art = picture(channels=4), picture(size=(24, 30))
        style = style_of(model, art)
        features = transfer(encode(model, shown, shorter_side=32), style, alpha=0.8)
        expected = refine(model, decode(model, features), features, style, steps=4)
        result = stylize(
            shown, art, model=model, alpha=0.8, content_size=32, style_size=0, refine=4
        )
        assert torch.equal(result, expected)

    @pytest.mark.parametrize("mask_statistics", ["region", "image"])
    def test_in_a_mask_it_goes_where_the_steps_go(
        self, model: Model, monkeypatch: pytest.MonkeyPatch, mask_statistics: Any
    ) -> None:
        goals: list[list[Region]] = []
        for module in (refine_module, target_module):

            def noted(*parts: Any, regions_of: Any = module.regions_of) -> list[Region]:
                goals.append(regions_of(*parts))
                return goals[-1]

            monkeypatch.setattr(module, "regions_of", noted)
        shown, style, mask = picture(), a_style(model), torch.zeros(SIZE)
        mask[:24, 8:] = 1
        content = encode(model, shown)
        features = transfer(content, style, alpha=0.7, mask=mask, mask_statistics=mask_statistics)
        refine(model, shown, features, style, steps=1, mask=mask)
        stylize(
            shown, style, model=model, alpha=0.7, mask=mask, mask_statistics=mask_statistics,
            refine=1,
        )  # fmt: skip
        [by_steps], [at_once] = goals
        for one, other in zip(by_steps.style, at_once.style, strict=True):
            torch.testing.assert_close(one.mean, other.mean)
            torch.testing.assert_close(one.std, other.std)

    def test_a_saved_style_gives_the_same(self, model: Model, tmp_path: Path) -> None:
        shown = picture()
        style = interpolate_styles([a_style(model), a_style(model, seed=3)], [0.3, 0.7])
        save_style(tmp_path / "mixture.safetensors", style)
        loaded = load_style(tmp_path / "mixture.safetensors")
        results = [stylize(shown, each, model=model, refine=3) for each in (style, loaded)]
        assert torch.equal(*results)

    @pytest.mark.parametrize("mask_statistics", ["region", "image"])
    def test_original_pixels_outside_a_mask_stay(self, model: Model, mask_statistics: Any) -> None:
        shown, mask = picture(), torch.zeros(SIZE)
        mask[:24] = 1
        result = stylize(
            shown, a_style(model), model=model, mask=mask, refine=5,
            mask_statistics=mask_statistics,
        )  # fmt: skip
        assert torch.equal(result[:, 24:], shown[:, 24:])
        plain = stylize(
            shown, a_style(model), model=model, mask=mask, mask_statistics=mask_statistics
        )
        assert not torch.equal(result[:, :24], plain[:, :24])

    def test_styles_side_by_side_come_closer_each_in_its_region(self, model: Model) -> None:
        shown, mask = picture(size=(48, 64)), torch.zeros(48, 64)
        mask[:, :32] = 1
        styles = [a_style(model, seed=1), style_of(model, picture(size=(24, 24)))]
        before, after = (
            stylize(shown, styles, model=model, mask=mask, refine=steps) for steps in (0, 30)
        )
        for style, inside in zip(styles, (mask.bool(), ~mask.bool()), strict=True):
            assert distance(model, after, style, inside) < distance(model, before, style, inside)

    def test_kept_colours_stay(self, model: Model) -> None:
        shown = picture()
        result = stylize(shown, a_style(model), model=model, preserve_color="luminance", refine=4)
        kept = match_chroma(result, shown)
        torch.testing.assert_close(result, kept.clamp(0, 1), rtol=0, atol=1e-4)

    @pytest.mark.parametrize("frame_statistics", FRAME_STATISTICS)
    def test_films(self, model: Model, frame_statistics: FrameStatistics) -> None:
        """Alike frames have the same statistics alone and together."""
        film = picture().expand(3, -1, -1, -1)
        options = FilmOptions(refine=3, frame_statistics=frame_statistics)
        frames = stylize_frames(film, a_style(model), options, model=model)
        alone = stylize(film[:1], a_style(model), model=model, refine=3)[0]
        for frame in frames:
            torch.testing.assert_close(frame, alone, rtol=0, atol=0.02)

    def test_progress_reaches_its_end(self, model: Model) -> None:
        told: list[tuple[int, int]] = []
        stylize(
            picture(2), a_style(model), model=model, refine=2, frame_statistics="shared",
            progress=lambda *now: told.append(now),
        )  # fmt: skip
        assert told[-1][0] == told[-1][1]

    @pytest.mark.parametrize("steps", [-1, 1.5, "ten"])
    def test_steps_out_of_range(self, model: Model, steps: Any) -> None:
        with pytest.raises(InputError, match="refine must be 0 or a whole number above"):
            stylize(picture(), a_style(model), model=model, refine=steps)


@pytest.mark.parametrize("place", [refine_module, film_module])
def test_pictures_on_the_way_are_let_go(
    model: Model, monkeypatch: pytest.MonkeyPatch, place: ModuleType
) -> None:
    alive: list[weakref.ref[Tensor]] = []
    way = refine_module.refined

    def watched(*arguments: Any, **options: Any) -> Iterator[Tensor]:
        for shown in way(*arguments, **options):
            new = shown.clone()
            alive.append(weakref.ref(new))
            yield new
            del new
            assert sum(each() is not None for each in alive) <= 1

    monkeypatch.setattr(place, "refined", watched)
    shown, style = picture(), a_style(model)
    if place is film_module:
        stylize(shown, style, model=model, refine=4)
    else:
        features = transfer(encode(model, shown), style)
        refine(model, shown, features, style, steps=4)
    assert len(alive) == 5


def evaluated(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Evaluation]:
    def evaluate(shown: Tensor) -> Evaluation:
        pixels = shown.detach().requires_grad_()
        with torch.enable_grad():
            loss = function(pixels)
            [gradient] = torch.autograd.grad(loss, pixels)
        return Evaluation(loss.item(), 0.0, 0.0, gradient)

    return evaluate


@pytest.mark.parametrize("size", [(40, 56), (9, 9), (23, 61)])
def test_gradients_are_preconditioned_by_a_positive_map(size: tuple[int, int]) -> None:
    even = torch.ones(1, *size, 3)
    total = 1 + sum(COARSE_WEIGHT**number for number in range(1, len(SCALES) + 1))
    torch.testing.assert_close(coarse_too(even), total * even)
    for _ in range(5):
        gradient = torch.randn(1, *size, 3)
        assert (gradient * coarse_too(gradient)).sum() > gradient.square().sum()


class TestDescent:
    def test_it_finds_the_lowest_point_within_range(self) -> None:
        goal = 0.5 + 0.5 * torch.randn(1, 32, 32, 3)
        way = list(
            descent(evaluated(lambda p: (p - goal).square().mean()), torch.full_like(goal, 0.5), 30)
        )
        assert len(way) == 31
        assert all(shown.min() >= 0 and shown.max() <= 1 for shown, _ in way)
        first, last = (way[step][1].loss for step in (0, -1))
        lowest = (goal - goal.clamp(0, 1)).square().mean().item()
        assert last - lowest < 0.01 * (first - lowest)

    @pytest.mark.parametrize("beyond", [float("nan"), float("inf"), 1e9])
    def test_a_step_too_far_is_taken_back(self, beyond: float) -> None:
        """The first step of all leads over a cliff."""
        start = torch.full((1, 4, 4, 3), 0.5)

        def cliff(shown: Tensor) -> Tensor:
            value = shown.mean()
            return value if value > 0.499 else value * 0 + beyond

        way = list(descent(evaluated(cliff), start, 12))
        losses = [found.loss for _, found in way]
        assert all(loss <= RISE * min(losses[: step + 1]) for step, loss in enumerate(losses))
        assert losses[-1] < losses[0]

    def test_the_best_picture_is_the_result(
        self, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content, style = encode(model, picture()), a_style(model)
        start = picture()
        losses = iter([1.0, 0.5, 0.9, 0.8])
        seen = []
        judge = Objective.__call__

        def judged(self: Objective, shown: Tensor) -> Evaluation:
            seen.append(shown)
            return replace(judge(self, shown), loss=next(losses))

        monkeypatch.setattr(Objective, "__call__", judged)
        result = refine(model, start, content, style, steps=3)
        torch.testing.assert_close(result, seen[1])

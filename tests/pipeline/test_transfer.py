"""Masks and regions are tested beside this, in test_pipeline_masks.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.host.plain import Progress, Resident
from adain_nodes.models.model import Model
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.statistics import Statistics
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

SIZES = [(1, 1), (1, 50), (7, 9), (8, 8), (9, 9), (16, 24), (17, 31), (33, 8)]
PAIRS = [(1, 1), (1, 3), (3, 1), (3, 3)]
STRANGER = EncoderIdentity("5" * 64, "stranger")


def pictures_of(batch: int, height: int = 16, width: int = 24, channels: int = 3) -> Tensor:
    return torch.rand(batch, height, width, channels)


def random_style(model: Model, batch: int = 1) -> Style:
    return style_statistics(encode(model, pictures_of(batch, 20, 18)))


def reports() -> tuple[list[tuple[int, int]], Progress]:
    seen: list[tuple[int, int]] = []
    return seen, lambda done, total: seen.append((done, total))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_keeps_its_size_and_its_alpha(
    model: Model, size: tuple[int, int], channels: int
) -> None:
    picture = pictures_of(2, *size, channels)
    result = decode(model, transfer(encode(model, picture), random_style(model)))
    assert tuple(result.shape) == (2, *size, 4 if channels == 4 else 3)
    assert result.dtype == torch.float32
    assert 0 < result[..., :3].min() <= result[..., :3].max() < 1
    if channels == 4:
        assert torch.equal(result[..., 3], picture[..., 3])


def test_color_is_what_the_networks_give(model: Model) -> None:
    picture = pictures_of(1, 17, 31, 4)
    values = model.encoder.load()(picture[..., :3].movedim(-1, 1))
    features = encode(model, picture)
    torch.testing.assert_close(features.values, values)
    result = model.decoder.load()(values)[0, :, :17, :31].movedim(0, -1)
    torch.testing.assert_close(decode(model, features)[0, :, :, :3], result)


def test_the_shorter_side_sets_the_size_of_the_result(model: Model) -> None:
    features = encode(model, pictures_of(1, 20, 30, 4), shorter_side=10)
    assert features.size == (10, 15)
    assert tuple(decode(model, features).shape) == (1, 10, 15, 4)


def test_a_picture_that_is_not_finite_is_refused(model: Model) -> None:
    picture = pictures_of(1)
    picture[0, 2, 3, 1] = float("nan")
    for call in (encode, style_of):
        with pytest.raises(InputError, match="row 2, column 3, channel 1"):
            call(model, picture)


def test_alpha_0_decodes_the_contents_own_features(model: Model) -> None:
    content = encode(model, pictures_of(2))
    kept = transfer(content, random_style(model), alpha=0)
    assert torch.equal(kept.values, content.values)
    assert torch.equal(decode(model, kept), decode(model, content))


def test_alpha_moves_the_features_towards_the_style(model: Model) -> None:
    content, style = encode(model, pictures_of(1)), random_style(model)
    full = transfer(content, style).values
    half = transfer(content, style, alpha=0.25).values
    assert not torch.equal(full, content.values)
    torch.testing.assert_close(half, 0.75 * content.values + 0.25 * full)


def test_transfer_gives_the_statistics_of_the_style(model: Model) -> None:
    style = random_style(model)
    result = transfer(encode(model, pictures_of(1, 64, 64)), style)
    spread = result.values.double().flatten(2)
    torch.testing.assert_close(spread.mean(2).float(), style.statistics.mean)
    deviation = spread.var(2, correction=0).sqrt().float()
    torch.testing.assert_close(deviation, style.statistics.std, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(("contents", "styles"), PAIRS)
def test_batches_pair(model: Model, contents: int, styles: int) -> None:
    content, style = encode(model, pictures_of(contents, channels=4)), random_style(model, styles)
    result = transfer(content, style)
    assert len(result) == max(contents, styles)
    for index in range(len(result)):
        single = transfer(content[index % contents], style[index % styles])
        torch.testing.assert_close(result[index].values, single.values)
        assert result.alpha is not None
        assert single.alpha is not None
        assert torch.equal(result.alpha[index], single.alpha[0])
    assert tuple(decode(model, result).shape) == (len(result), 16, 24, 4)


@pytest.mark.parametrize(("contents", "styles"), [(2, 3), (3, 2)])
def test_other_batches_are_refused_by_both_sizes(model: Model, contents: int, styles: int) -> None:
    content, style = encode(model, pictures_of(contents)), random_style(model, styles)
    with pytest.raises(InputError) as error:
        transfer(content, style)
    assert f"content has {contents}" in str(error.value)
    assert f"style has {styles}" in str(error.value)


def test_different_encoders_are_refused_by_both_names(model: Model) -> None:
    content, style = encode(model, pictures_of(1)), random_style(model)
    foreign, foreign_style = replace(content, encoder=STRANGER), replace(style, encoder=STRANGER)
    for call in (
        lambda: transfer(content, foreign_style),
        lambda: transfer(content, style, outside=foreign),
        lambda: decode(model, foreign),
        lambda: interpolate_styles([style, foreign_style], [1, 1]),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert str(model.identity) in str(error.value)
        assert str(STRANGER) in str(error.value)


def test_another_decoder_of_the_same_encoder_decodes_the_same_features(model: Model) -> None:
    torch.manual_seed(5)
    network = Decoder(model.encoder.load().architecture).requires_grad_(False)
    other = replace(model, name="other", decoder=Resident(network, torch.device("cpu")))
    features = encode(model, pictures_of(1))
    assert not torch.equal(decode(other, features), decode(model, features))


@pytest.mark.parametrize("weights", [(1, 3), (0.25, 0.75)])
def test_a_mixture_is_the_weighted_mean(model: Model, weights: tuple[float, float]) -> None:
    one, other = random_style(model), random_style(model)
    mixture = interpolate_styles([one, other], weights).statistics
    torch.testing.assert_close(
        mixture.mean, 0.25 * one.statistics.mean + 0.75 * other.statistics.mean
    )
    torch.testing.assert_close(mixture.std, 0.25 * one.statistics.std + 0.75 * other.statistics.std)


def test_styles_of_different_batches_do_not_mix(model: Model) -> None:
    with pytest.raises(InputError, match=r"style_1 has 2 .* style_2 has 3"):
        interpolate_styles([random_style(model, 2), random_style(model, 3)], [1, 1])


def test_nothing_is_no_mixture_and_no_composition(model: Model) -> None:
    features = encode(model, pictures_of(1))
    for call in (lambda: interpolate_styles([], []), lambda: compose([], features)):
        with pytest.raises(InputError, match=r"needs at least one .*, got none"):
            call()


def assert_counts(seen: Sequence[tuple[int, int]]) -> None:
    """A count goes up at every report, to a total that stays."""
    done, totals = zip(*seen, strict=True)
    assert all(later > earlier for earlier, later in pairwise((0, *done)))
    assert set(totals) == {done[-1]}


def test_progress_goes_to_its_total(model: Model) -> None:
    seen, progress = reports()
    features = encode(model, pictures_of(3), progress=progress)
    assert len(seen) == 3
    assert_counts(seen)
    for work in (
        lambda: decode(model, features, progress=progress),
        lambda: style_of(model, pictures_of(3), progress=progress),
    ):
        # Each call starts a count of its own.
        seen.clear()
        work()
        assert_counts(seen)


def test_raising_in_progress_aborts(model: Model) -> None:
    features = encode(model, pictures_of(3))
    calls = 0

    def cancel(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if done == 2 * total / 3:
            raise InterruptedError

    for call in (
        lambda: encode(model, pictures_of(3), progress=cancel),
        lambda: style_of(model, pictures_of(3), progress=cancel),
        lambda: decode(model, features, progress=cancel),
    ):
        calls = 0
        with pytest.raises(InterruptedError):
            call()
        assert calls == 2


def test_the_style_of_a_picture_is_that_of_its_features(model: Model) -> None:
    picture = pictures_of(2, 30, 45, 4)
    style = style_of(model, picture, shorter_side=20)
    expected = style_statistics(encode(model, picture, shorter_side=20))
    assert style.encoder == model.identity
    torch.testing.assert_close(style.statistics.mean, expected.statistics.mean)
    torch.testing.assert_close(style.statistics.std, expected.statistics.std)


def test_a_bf16_model_has_fp32_statistics_and_pictures(model: Model) -> None:
    model.encoder.load().to(torch.bfloat16)
    model.decoder.load().to(torch.bfloat16)
    half = replace(model, dtype=torch.bfloat16)
    features = encode(half, pictures_of(2))
    assert features.values.dtype == torch.bfloat16
    style = style_statistics(features)
    assert style.statistics.mean.dtype == style.statistics.std.dtype == torch.float32
    # Above the precision of bf16: taken over exactly the features' values.
    exact = features.values.double().mean((2, 3)).float()
    torch.testing.assert_close(style.statistics.mean, exact)
    target = transfer(features, style, alpha=0.5)
    assert target.values.dtype == torch.bfloat16
    assert decode(half, target).dtype == torch.float32


def test_fp32_features_decode_with_a_half_precision_model(model: Model) -> None:
    features = encode(model, pictures_of(1))
    expected = decode(model, features)
    model.decoder.load().to(torch.bfloat16)
    result = decode(replace(model, dtype=torch.bfloat16), features)
    torch.testing.assert_close(result, expected, rtol=0, atol=0.02)


def test_a_saved_style_need_not_come_from_a_picture(model: Model) -> None:
    content = encode(model, pictures_of(1))
    style = Style(Statistics(torch.full((1, 10), 3.0), torch.full((1, 10), 1e-3)), model.identity)
    result: Features = transfer(content, style)
    torch.testing.assert_close(result.values, torch.full_like(result.values, 3), rtol=0, atol=0.02)


ONE = EncoderIdentity("1" * 64, "one")
OTHER = EncoderIdentity("2" * 64, "other")


def bank_of(count: int, encoder: EncoderIdentity = ONE) -> Style:
    return Style(Statistics(torch.randn(count, 4), torch.rand(count, 4)), encoder)


def test_styles_and_banks_stack_in_their_order() -> None:
    parts = [bank_of(1), bank_of(3), bank_of(2)]
    bank = stack_styles(parts)
    assert bank.encoder == ONE
    singles = [part[index] for part in parts for index in range(len(part))]
    assert len(bank) == len(singles) == 6
    for index, single in enumerate(singles):
        assert torch.equal(bank[index].statistics.mean, single.statistics.mean)
        assert torch.equal(bank[index].statistics.std, single.statistics.std)


def test_styles_of_different_encoders_do_not_stack() -> None:
    with pytest.raises(InputError, match=r"style_1 .* one .* style_3 from other"):
        stack_styles([bank_of(1), bank_of(1), bank_of(1, OTHER)])


def test_a_bank_needs_a_style() -> None:
    with pytest.raises(InputError, match="at least one"):
        stack_styles([])

"""Masks and regions in the pipeline (paper, section 7.3)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import MaskStatistics
from adain_nodes.models.model import Model
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.transfer import compose, encode, style_statistics, transfer
from adain_nodes.pipeline.types import Features, Style

from .region_arithmetic import EPSILON, assert_equals, encoded, normalised_by_region, style_of

STATISTICS = get_args(MaskStatistics)


def halves() -> tuple[Tensor, Tensor]:
    """A binary partition of a picture of 40x56 px along a slanted line, finer than its grid."""
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(56), indexing="ij")
    mask = (columns + rows > 44).float()
    return mask, 1 - mask


def test_one_style_in_soft_regions_that_cover_everything_is_the_unmasked_result(
    model: Model,
) -> None:
    content, style, mask = encoded(model), style_of(model), torch.rand(40, 56)
    whole = transfer(content, style)
    elsewhere = replace(content, values=torch.full_like(content.values, 1e2))
    assert_equals(compose([(whole, mask), (whole, 1 - mask)], elsewhere), whole.values)
    one_by_one = transfer(
        content,
        style,
        mask=mask,
        mask_statistics="image",
        outside=transfer(
            content, style, mask=torch.ones(40, 56), mask_statistics="image", outside=elsewhere
        ),
    )
    assert_equals(one_by_one, whole.values)


@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_a_binary_partition_normalises_each_region_on_its_own(model: Model, alpha: float) -> None:
    content, styles, masks = encoded(model), [style_of(model), style_of(model)], halves()
    # Where the paper's code samples a mask: at floor(i H / h).
    on_grid = [mask[::8, ::8] for mask in masks]
    expected = normalised_by_region(content.values, on_grid, styles, alpha)
    regions = [
        transfer(content, style, alpha=alpha, mask=mask, mask_resize="nearest")
        for style, mask in zip(styles, masks, strict=True)
    ]
    composed = compose(list(zip(regions, masks, strict=True)), content, mask_resize="nearest")
    assert_equals(composed, expected)
    chained = transfer(
        content,
        styles[1],
        alpha=alpha,
        mask=masks[1],
        mask_resize="nearest",
        outside=regions[0],
    )
    assert_equals(chained, expected)


def test_a_soft_mask_weighs_the_statistics_and_blends(model: Model) -> None:
    content, style = encoded(model), style_of(model)
    share = torch.rand(5, 7)
    mask = share.repeat_interleave(8, 0).repeat_interleave(8, 1)
    x, w = content.values[0].double(), share.double()
    mean = (w * x).sum((1, 2), keepdim=True) / w.sum()
    std = ((w * (x - mean) ** 2).sum((1, 2), keepdim=True) / w.sum() + EPSILON).sqrt()
    gamma, beta = (
        part[0].double()[:, None, None] for part in (style.statistics.std, style.statistics.mean)
    )
    styled = gamma * (x - mean) / std + beta
    expected = w * styled + (1 - w) * x
    assert_equals(transfer(content, style, mask=mask), expected[None])


@pytest.mark.parametrize("statistics", STATISTICS)
def test_an_empty_mask_gives_outside_exactly_and_warns(
    model: Model, caplog: pytest.LogCaptureFixture, statistics: MaskStatistics
) -> None:
    content, outside, style = encoded(model), encoded(model), style_of(model)
    # The mask that LoadImage gives for files without an alpha channel.
    empty = torch.zeros(1, 64, 64)
    with caplog.at_level(logging.WARNING):
        kept = transfer(content, style, mask=empty, mask_statistics=statistics)
        other = transfer(content, style, mask=empty, mask_statistics=statistics, outside=outside)
    assert torch.equal(kept.values, content.values)
    assert torch.equal(other.values, outside.values)
    assert len(caplog.records) == 2
    assert all("LoadImage" in record.getMessage() for record in caplog.records)


def test_a_mask_that_nearest_does_not_sample_gives_outside_exactly_and_warns(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    content, style = encoded(model), style_of(model)
    mask = torch.zeros(40, 56)
    mask[1:7, 1:7] = 1
    with caplog.at_level(logging.WARNING):
        result = transfer(content, style, mask=mask, mask_resize="nearest")
    assert torch.equal(result.values, content.values)
    assert "Take 'area'" in caplog.text


def test_unknown_options_of_masks_are_refused(model: Model) -> None:
    content, style, mask = encoded(model), style_of(model), torch.ones(40, 56)
    with pytest.raises(InputError, match="mask_statistics must be region or image, got 'regions'"):
        transfer(content, style, mask=mask, mask_statistics="regions")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="mask_resize must be area or nearest, got 'bilinear'"):
        transfer(content, style, mask=mask, mask_resize="bilinear")  # type: ignore[arg-type]


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize("size", [(40, 56), (1, 1), (64, 64)])
def test_a_full_mask_is_none(
    model: Model, statistics: MaskStatistics, size: tuple[int, int]
) -> None:
    content, style = encoded(model), style_of(model)
    masked = transfer(content, style, mask=torch.ones(size), mask_statistics=statistics)
    assert_equals(masked, transfer(content, style).values)


def test_emptiness_is_judged_for_each_picture(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    content, style = encoded(model, 3), style_of(model)
    mask = torch.rand(3, 40, 56)
    mask[1] = 0
    with caplog.at_level(logging.WARNING):
        result = transfer(content, style, mask=mask)
    assert "[1]" in caplog.text
    assert torch.equal(result.values[1], content.values[1])
    for index in (0, 2):
        single = transfer(content[index], style, mask=mask[index])
        assert_equals(result[index], single.values)
        assert not torch.equal(single.values, content[index].values)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_region_without_contrast_spoils_nothing_outside(model: Model, dtype: torch.dtype) -> None:
    """Its sigma is 0.003: (x - mu) / sigma may leave the range of fp16 elsewhere."""
    values = torch.zeros(1, 10, 5, 7, dtype=dtype)
    values[..., 4:] = 60
    content = Features(values, (40, 56), None, model.identity)
    style = Style(Statistics(torch.ones(1, 10), torch.full((1, 10), 4.0)), model.identity)
    mask = torch.zeros(40, 56)
    mask[:, :32] = 1
    result = transfer(content, style, mask=mask)
    assert torch.equal(result.values[..., 4:], values[..., 4:])
    torch.testing.assert_close(result.values[..., :4], torch.ones(1, 10, 5, 4, dtype=dtype))


@pytest.mark.parametrize(("contents", "masks"), [(1, 3), (3, 1), (3, 3)])
def test_masks_pair_with_pictures(model: Model, contents: int, masks: int) -> None:
    content, style, mask = encoded(model, contents), style_of(model), torch.rand(masks, 9, 9)
    result = transfer(content, style, mask=mask)
    assert len(result) == 3
    for index in range(3):
        single = transfer(content[index % contents], style, mask=mask[index % masks])
        assert_equals(result[index], single.values)


def test_other_batches_of_masks_are_refused_by_both_sizes(model: Model) -> None:
    content, style, mask = encoded(model, 2), style_of(model), torch.rand(3, 9, 9)
    for call in (
        lambda: transfer(content, style, mask=mask),
        lambda: compose([(content, mask)], content),
        lambda: style_statistics(content, mask=mask),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert "has 2" in str(error.value)
        assert "has 3" in str(error.value)


def test_outside_must_be_of_the_same_size(model: Model) -> None:
    content, outside, mask = encoded(model), encoded(model, height=39), torch.rand(5, 5)
    message = "56x40 .* 56x39"
    with pytest.raises(InputError, match=message):
        transfer(content, style_of(model), mask=mask, outside=outside)
    with pytest.raises(InputError, match=message):
        compose([(content, mask)], outside)


@pytest.mark.parametrize(("regions", "outsides"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_regions_pair_with_outside(model: Model, regions: int, outsides: int) -> None:
    part, outside, mask = encoded(model, regions), encoded(model, outsides), torch.rand(5, 7)
    shares = mask.repeat_interleave(8, 0).repeat_interleave(8, 1)
    result = compose([(part, shares)], outside)
    expected = mask * part.values + (1 - mask) * outside.values
    assert_equals(result, expected)


def test_the_alpha_channel_of_outside_stays(model: Model) -> None:
    outside = encode(model, torch.rand(1, 40, 56, 4))
    result = compose([(encoded(model), torch.rand(40, 56))], outside)
    assert result.alpha is not None
    assert outside.alpha is not None
    assert torch.equal(result.alpha, outside.alpha)


@pytest.mark.parametrize(("pictures", "masks"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_a_style_is_taken_from_the_masked_part(model: Model, pictures: int, masks: int) -> None:
    features = encoded(model, pictures)
    mask = torch.zeros(masks, 40, 56)
    mask[0, :16] = 1
    mask[-1, :, :24] = 1
    style = style_statistics(features, mask=mask, mask_resize="nearest")
    assert len(style) == max(pictures, masks)
    for index in range(len(style)):
        inside = mask[index % masks, ::8, ::8].bool()
        columns = features.values[index % pictures][:, inside].double()
        mean, variance = columns.mean(1), columns.var(1, correction=0)
        torch.testing.assert_close(style.statistics.mean[index], mean.float())
        torch.testing.assert_close(style.statistics.std[index], (variance + EPSILON).sqrt().float())


def test_an_empty_style_mask_is_refused(model: Model) -> None:
    mask = torch.rand(3, 40, 56)
    mask[2] = 0
    with pytest.raises(InputError, match=r"batch element 2: .* LoadImage"):
        style_statistics(encoded(model, 3), mask=mask)


def test_the_extended_border_of_a_tiny_picture_has_its_mask(model: Model) -> None:
    content, style = encoded(model, height=3, width=5), style_of(model)
    mask = torch.ones(3, 5)
    assert_equals(transfer(content, style, mask=mask), transfer(content, style).values)


def test_a_soft_partition_with_region_statistics_shows_no_content(model: Model) -> None:
    """Each region's own arithmetic, written down; the content would show if masks applied twice."""
    content, styles = encoded(model), [style_of(model), style_of(model)]
    ramp = torch.linspace(0, 1, 56).expand(40, 56)
    masks = [ramp, 1 - ramp]
    regions = [
        (transfer(content, style, mask=mask, apply_mask=False), mask)
        for style, mask in zip(styles, masks, strict=True)
    ]
    result = compose(regions, content)

    expected = torch.zeros_like(content.values, dtype=torch.float64)
    x = content.values.double()
    for style, mask in zip(styles, masks, strict=True):
        weight = torch.nn.functional.avg_pool2d(mask.double()[None, None], 8, ceil_mode=True)
        mean = (weight * x).sum((2, 3)) / weight.sum((2, 3))
        deviation = x - mean[..., None, None]
        std = ((weight * deviation**2).sum((2, 3)) / weight.sum((2, 3)) + EPSILON).sqrt()
        normalized = deviation / std[..., None, None]
        statistics = style.statistics
        styled = statistics.std[..., None, None] * normalized + statistics.mean[..., None, None]
        expected += weight * styled
    torch.testing.assert_close(result.values, expected.float(), rtol=1e-4, atol=1e-4)


def test_an_empty_mask_shows_outside_even_if_it_is_not_applied(model: Model) -> None:
    content, outside = encoded(model), encoded(model)
    empty = torch.zeros(40, 56)
    result = transfer(content, style_of(model), mask=empty, outside=outside, apply_mask=False)
    assert_equals(result, outside.values)

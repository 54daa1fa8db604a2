"""Wanted statistics against those of features that are put together by hand, in float64."""

from __future__ import annotations

import torch
from torch import Tensor

from adain_nodes.ops.statistics import Moments, Statistics
from adain_nodes.pipeline.goal import regions_of


def of(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    mean = (weights * values).sum((2, 3), keepdim=True) / weights.sum()
    variance = (weights * (values - mean) ** 2).sum((2, 3), keepdim=True) / weights.sum()
    return mean, (variance + 1e-5).sqrt()


def random_style() -> Statistics:
    return Statistics(torch.randn(1, 5), 0.5 + torch.rand(1, 5))


def stylized(values: Tensor, style: Statistics, own: tuple[Tensor, Tensor]) -> Tensor:
    scale = style.std[..., None, None] / own[1]
    return scale * (values - own[0]) + style.mean[..., None, None]


def check(
    values: Tensor,
    masks: list[Tensor],
    styles: list[Statistics],
    strengths: list[Tensor],
    own: list[tuple[Tensor, Tensor]],
) -> None:
    """Against the features x + sum strength_i (AdaIN_i(x) - x)."""
    x = values.double()
    result = x.clone()
    for style, strength, norm in zip(styles, strengths, own, strict=True):
        result += strength.double() * (stylized(x, style, norm) - x)
    regions = regions_of(
        [[Moments.of(values, mask)] for mask in masks],
        [(mask,) for mask in masks],
        [[style] for style in styles],
        [[Statistics(mean[..., 0, 0].float(), std[..., 0, 0].float())] for mean, std in own],
        strengths,
    )
    for region, mask in zip(regions, masks, strict=True):
        mean, std = of(result, mask.double())
        torch.testing.assert_close(
            region.style[0].mean, mean[..., 0, 0].float(), rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(
            region.style[0].std, std[..., 0, 0].float(), rtol=1e-3, atol=1e-4
        )
        assert abs(region.share - mask.mean().item()) < 1e-6


def halves() -> list[Tensor]:
    left = torch.zeros(1, 1, 8, 12)
    left[..., :5] = 1
    return [left, 1 - left]


def test_alpha_lies_between_content_and_style() -> None:
    values, everywhere = torch.randn(1, 5, 8, 12), torch.ones(1, 1, 8, 12)
    own = of(values.double(), everywhere.double())
    for alpha in (0.0, 0.4, 1.0):
        check(values, [everywhere], [random_style()], [alpha * everywhere], [own])


def test_regions_have_their_own_styles() -> None:
    values, masks = torch.randn(1, 5, 8, 12), halves()
    own = [of(values.double(), mask.double()) for mask in masks]
    check(values, masks, [random_style(), random_style()], [0.7 * m for m in masks], own)


def test_regions_normalised_by_the_whole_image_keep_their_differences() -> None:
    values, masks = torch.randn(1, 5, 8, 12) + torch.arange(12.0), halves()
    own = [of(values.double(), torch.ones(1, 1, 8, 12, dtype=torch.float64))] * 2
    check(values, masks, [random_style(), random_style()], masks, own)


def test_masks_that_overlap_share() -> None:
    values, both = torch.randn(1, 5, 8, 12), torch.ones(1, 1, 8, 12)
    own = of(values.double(), both.double())
    styles = [random_style(), random_style()]
    regions = regions_of(
        [[Moments.of(values)]] * 2,
        [(both,), (both,)],
        [[style] for style in styles],
        [[Statistics(own[0][..., 0, 0].float(), own[1][..., 0, 0].float())]] * 2,
        [both / 2, both / 2],
    )
    for region in regions:
        torch.testing.assert_close(region.style[0].mean, (styles[0].mean + styles[1].mean) / 2)


def test_a_region_without_area_is_left_out() -> None:
    values, style = torch.randn(1, 5, 8, 12), random_style()
    masks = [torch.zeros(1, 1, 8, 12), torch.ones(1, 1, 8, 12)]
    regions = regions_of(
        [[Moments.of(values, mask)] for mask in masks],
        [(mask,) for mask in masks],
        [[style], [style]],
        [[style], [style]],
        masks,
    )
    assert [region.share for region in regions] == [1.0]

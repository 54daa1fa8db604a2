"""Many regions at once, in a chain or composed, and maps of strength (paper, section 7.3)."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from adain_nodes.host.options import MaskResize, MaskStatistics
from adain_nodes.models.model import Model
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.transfer import compose, transfer
from adain_nodes.pipeline.types import Features, Style

from .region_arithmetic import EPSILON, assert_equals, encoded, normalised_by_region, style_of

STATISTICS = get_args(MaskStatistics)


def test_hard_masks_in_a_chain_lie_one_over_the_other(model: Model) -> None:
    """Three discs: where they overlap the last one shows, where there is none the content."""
    content, styles = encoded(model), [style_of(model) for _ in range(3)]
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(56), indexing="ij")
    discs = [((rows - 20) ** 2 + (columns - at) ** 2 < 14**2).float() for at in (14, 26, 42)]
    on_grid = [disc[::8, ::8] for disc in discs]
    cover = torch.stack(on_grid).sum(0)
    assert cover.max() > 1
    assert cover.min() == 0
    result, expected = content, content.values
    for style, disc, cells in zip(styles, discs, on_grid, strict=True):
        result = transfer(content, style, mask=disc, mask_resize="nearest", outside=result)
        alone = normalised_by_region(content.values, [cells], [style], alpha=1)
        expected = torch.where(cells.bool(), alone.float(), expected)
    assert_equals(result, expected)


def test_any_number_of_regions_share_overlaps_and_leave_gaps(model: Model) -> None:
    """The formula cell by cell in float64: w_i = m_i / max(M, 1), and 1 - M of what is outside."""
    content, outside = encoded(model, 2), encoded(model)
    styles = [style_of(model) for _ in range(6)]
    shares = torch.rand(6, 2, 5, 7).square()
    shares[:, :, 0] = 0  # a gap
    shares[:3, :, 1] = 1  # more than full
    alphas = [0.2, 0.4, 0.6, 0.8, 1.0, 0.0]
    masks = [share.repeat_interleave(8, 1).repeat_interleave(8, 2) for share in shares]
    regions = [
        (transfer(content, style, alpha=alpha, mask=mask, apply_mask=False), mask)
        for style, alpha, mask in zip(styles, alphas, masks, strict=True)
    ]
    result = compose(regions, outside)

    x, m = content.values.double(), shares.double()
    expected = torch.zeros_like(x)
    for b in range(2):
        for i, (style, alpha) in enumerate(zip(styles, alphas, strict=True)):
            weight = m[i, b]
            mean = (weight * x[b]).sum((1, 2), keepdim=True) / weight.sum()
            spread = (weight * (x[b] - mean) ** 2).sum((1, 2), keepdim=True) / weight.sum()
            gamma = style.statistics.std[0].double()[:, None, None]
            beta = style.statistics.mean[0].double()[:, None, None]
            styled = gamma * (x[b] - mean) / (spread + EPSILON).sqrt() + beta
            blended = (1 - alpha) * x[b] + alpha * styled
            expected[b] += weight / m[:, b].sum(0).clamp(min=1) * blended
        expected[b] += (1 - m[:, b].sum(0)).clamp(min=0) * outside.values[0].double()
    assert_equals(result, expected)
    assert torch.equal(result.values[:, :, 0], outside.values[:, :, 0].expand(2, -1, -1))


def test_a_mask_is_a_map_of_alpha(model: Model) -> None:
    """With the statistics of the whole picture, every cell has an alpha of its own."""
    content, style = encoded(model), style_of(model)
    ramp = torch.linspace(0, 1, 56).expand(40, 56)
    result = transfer(content, style, mask=ramp, mask_statistics="image")
    halved = transfer(content, style, mask=ramp, mask_statistics="image", alpha=0.5)
    for column, share in enumerate(ramp[0].view(7, 8).mean(1).tolist()):
        for mapped, alpha in ((result, share), (halved, 0.5 * share)):
            uniform = transfer(content, style, alpha=alpha)
            torch.testing.assert_close(
                mapped.values[..., column], uniform.values[..., column], rtol=1e-4, atol=1e-5
            )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize("resize", get_args(MaskResize))
def test_nothing_is_nan(
    model: Model, dtype: torch.dtype, statistics: MaskStatistics, resize: MaskResize
) -> None:
    """Empty regions, regions of one cell, faint ones, flat content and gaps, all at once."""
    values = torch.rand(2, 10, 5, 7)
    values[0, :5] = 3
    values[1, :, :, 4:] = 60
    content = Features(values.to(dtype), (40, 56), None, model.identity)
    style = Style(Statistics(torch.ones(1, 10), torch.full((1, 10), 4.0)), model.identity)
    masks = torch.zeros(5, 2, 40, 56)
    masks[1, 0, 8:16, 8:16] = 1
    masks[2] = 1e-7
    masks[3, 1, :, :20] = 1
    masks[4, :, 24:, :] = 0.5
    regions = [
        (
            transfer(
                content, style,
                mask=mask, mask_statistics=statistics, mask_resize=resize, apply_mask=False,
            ),
            mask,
        )
        for mask in masks
    ]  # fmt: skip
    assert compose(regions, content, mask_resize=resize).values.isfinite().all()
    chained = content
    for mask in masks:
        chained = transfer(
            content, style,
            mask=mask, mask_statistics=statistics, mask_resize=resize, outside=chained,
        )  # fmt: skip
        assert chained.values.isfinite().all()

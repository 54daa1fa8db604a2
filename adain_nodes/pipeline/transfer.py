"""Style transfer step by step: encode, take statistics, apply AdaIN, decode.

    model = load_model()
    style = style_of(model, art, shorter_side=512)
    picture = decode(model, transfer(encode(model, photograph), style, alpha=0.8))

Pictures are [B,H,W,C] tensors in 0..1, RGB, RGBA or grey, of any size; results have the size of
the picture that was encoded. Everything that takes long accepts `progress`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ..host.errors import InputError
from ..host.options import (
    MASK_STATISTICS,
    MaskResize,
    MaskStatistics,
    check_choice,
    check_share,
)
from ..host.plain import Progress
from ..models.model import Model
from ..ops.adain import interpolate_statistics
from ..ops.masks import compose_regions, is_empty
from ..ops.statistics import Statistics, channel_statistics
from .checks import (
    as_batch,
    check_picture,
    check_same_encoder,
    check_same_size,
    common_batch,
    refuse_empty_style_mask,
    warn_of_empty,
    warn_of_stretching,
)
from .engine import (
    Report,
    cells,
    collected,
    counter,
    decode_one,
    encode_one,
    stacked,
    summarise_one,
)
from .layers import lower_statistics
from .rows import blended, composed, computed, rows_of
from .types import Features, Source, Style, combined


def encode(
    model: Model, picture: Tensor, *, shorter_side: int = 0, progress: Progress | None = None
) -> Features:
    """Encodes pictures with VGG to relu4_1: f(c) of the paper's equation 9.

    Args:
        model: whose encoder to use.
        picture: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        shorter_side: px to scale the shorter side to; 0 keeps the size.
        progress: told of every band.

    Raises:
        InputError: the picture is not one, see `checks.check_picture`.
    """
    check_picture(picture, "picture")
    report = counter(progress, len(picture) * cells(picture.shape[1:3], shorter_side))
    parts = (encode_one(model, single[None], shorter_side, report) for single in picture)
    return replace(stacked(parts, len(picture)), source=Source(model, picture))


def style_of(
    model: Model, picture: Tensor, *, shorter_side: int = 0, progress: Progress | None = None
) -> Style:
    """The style of pictures: mu(y) and sigma(y) of the paper's equation 8.

    The same as `style_statistics` of what `encode` gives, without keeping features in memory.

    Args:
        model: whose encoder to use.
        picture: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        shorter_side: px to scale the shorter side to; 0 keeps the size.
        progress: told of every band.

    Raises:
        InputError: the picture is not one, see `checks.check_picture`.
    """
    check_picture(picture, "picture")
    report = counter(progress, len(picture) * cells(picture.shape[1:3], shorter_side))
    return measured_style(model, picture, shorter_side, report)


def measured_style(model: Model, picture: Tensor, shorter_side: int, report: Report) -> Style:
    """`style_of` pictures that have been checked, as a part of longer work."""
    parts = [
        summarise_one(model, single[None], shorter_side, report).statistics() for single in picture
    ]
    lower = lower_statistics(Source(model, picture), shorter_side)
    return Style(Statistics.stacked(parts), model.identity, lower)


def style_statistics(
    features: Features, *, mask: Tensor | None = None, mask_resize: MaskResize = "area"
) -> Style:
    """The style of encoded pictures: mu(y) and sigma(y) of the paper's equation 8.

    Args:
        features: of style pictures.
        mask: [B,H,W] or [H,W] in 0..1, of any size: the part of the picture to take the style
            from; all of it if absent.
        mask_resize: see `ops.masks.grid_mask`.

    Raises:
        InputError: the mask is empty or does not fit the batch.
    """
    grid = None
    if mask is not None:
        grid = features.on_grid(mask, mask_resize)
        common_batch(features=len(features), mask=len(grid))
        refuse_empty_style_mask(as_batch(mask), grid)
        warn_of_stretching(as_batch(mask), features.size)
        features = features.expanded(max(len(features), len(grid)))
        grid = grid.expand(len(features), -1, -1, -1)
    lower = None
    if features.source is not None and features.strength is None:
        masks = None if mask is None else partial(features.on_layers, mask, mask_resize)
        # The picture's shorter side as it was encoded brings it to that size again.
        lower = lower_statistics(features.source, min(features.size), masks)
    return Style(channel_statistics(features.values, grid), features.encoder, lower)


def interpolate_styles(styles: Sequence[Style], weights: Sequence[float]) -> Style:
    """A mixture of styles (paper, equation 15), see `ops.adain.interpolate_statistics`.

    Raises:
        InputError: there are no styles, they come from different encoders, their batches differ,
            or the weights are negative, sum to 0 or differ in number.
    """
    if not styles:
        raise InputError("interpolation needs at least one style, got none")
    named = {f"style_{index}": style for index, style in enumerate(styles, 1)}
    check_same_encoder(**{name: style.encoder for name, style in named.items()})
    common_batch(**{name: len(style) for name, style in named.items()})
    return combined(styles, lambda parts: interpolate_statistics(parts, weights))


def stack_styles(styles: Sequence[Style]) -> Style:
    """Styles, and banks of them, as one bank, in their order.

    Raises:
        InputError: there are none, or they come from different encoders.
    """
    if not styles:
        raise InputError("a bank needs at least one style, got none")
    check_same_encoder(**{f"style_{i}": style.encoder for i, style in enumerate(styles, 1)})
    return combined(styles, Statistics.stacked)


def transfer(
    content: Features,
    style: Style,
    *,
    alpha: float = 1.0,
    mask: Tensor | None = None,
    outside: Features | None = None,
    mask_statistics: MaskStatistics = "region",
    mask_resize: MaskResize = "area",
    apply_mask: bool = True,
) -> Features:
    """Applies AdaIN (paper, equations 8 and 14), within a mask if there is one.

    Args:
        content: features x.
        style: statistics of y.
        alpha: 0 keeps the content, 1 is the full style.
        mask: [B,H,W] or [H,W] in 0..1, of any size: where to apply it; a soft mask blends.
        outside: features of the same pictures to show where the mask is 0; `content` if absent.
        mask_statistics: mu(x) and sigma(x) over the masked `region`, or over the whole `image`.
        mask_resize: see `ops.masks.grid_mask`.
        apply_mask: False stylises the whole picture by the statistics of the region. That is what
            `compose` wants: it applies the masks itself, and twice they would let `outside` show
            through soft seams.

    Returns:
        Features of the content's size and alpha channel. Where a batch element's mask is empty
        they are those of `outside`.

    Raises:
        InputError: the encoders differ, or the batches do not fit, or `outside` has another size.
    """
    check_share("alpha", alpha)
    check_choice("mask_statistics", mask_statistics, MASK_STATISTICS)
    outside = content if outside is None else outside
    check_same_encoder(content=content.encoder, style=style.encoder, outside=outside.encoder)
    check_same_size(content=content.size, outside=outside.size)
    sizes = {"content": len(content), "style": len(style), "outside": len(outside)}
    if mask is None:
        content = content.expanded(common_batch(**sizes))
        if alpha == 0:
            return content
        own = channel_statistics(content.values)
        result = computed(content, blended(content, style, alpha, own))
        strength = content.values.new_full((1, 1, 1, 1), alpha).float()
        return replace(result, strength=strength, normalized_over="image")
    grid = content.on_grid(mask, mask_resize)
    warn_of_empty(as_batch(mask), grid)
    warn_of_stretching(as_batch(mask), content.size)
    content = content.expanded(common_batch(**sizes, mask=len(grid)))
    own = channel_statistics(content.values, grid if mask_statistics == "region" else None)
    if not apply_mask:
        # An empty region has no statistics to stylise by.
        grid = (~is_empty(grid)).to(grid)[:, None, None, None].expand_as(grid)
    region = blended(content, style, alpha, own)
    result = computed(content, composed([(region, grid)], outside))
    strength = _composed_strength([(alpha, grid)], outside)
    return replace(result, strength=strength, normalized_over=mask_statistics)


def compose(
    regions: Sequence[tuple[Features, Tensor]],
    outside: Features,
    *,
    mask_resize: MaskResize = "area",
) -> Features:
    """One picture out of several, each where its mask is (paper, section 7.3).

    Args:
        regions: features and their masks, [B,H,W] or [H,W] in 0..1, of any size. Overlaps share.
        outside: features to show where no mask is.
        mask_resize: see `ops.masks.grid_mask`.

    Raises:
        InputError: there are no regions, the features come from different encoders or pictures of
            different size, or the batches do not fit.
    """
    if not regions:
        raise InputError("a composition needs at least one region, got none")
    named = {f"features_{index}": features for index, (features, _) in enumerate(regions, 1)}
    named["outside"] = outside
    check_same_encoder(**{name: features.encoder for name, features in named.items()})
    check_same_size(**{name: features.size for name, features in named.items()})
    grids = [outside.on_grid(mask, mask_resize) for _, mask in regions]
    for _, mask in regions:
        warn_of_stretching(as_batch(mask), outside.size)
    batch = common_batch(
        **{name: len(features) for name, features in named.items()},
        **{f"mask_{index}": len(grid) for index, grid in enumerate(grids, 1)},
    )
    parts = [(rows_of(part), grid) for (part, _), grid in zip(regions, grids, strict=True)]
    outside = outside.expanded(batch)
    shares = [(part.strength, grid) for (part, _), grid in zip(regions, grids, strict=True)]
    result = computed(outside, composed(parts, outside))
    strength = _composed_strength(shares, outside)
    # As in the first part: that others differ from it in this is not provided for.
    return replace(result, strength=strength, normalized_over=regions[0][0].normalized_over)


def _composed_strength(
    regions: Sequence[tuple[float | Tensor | None, Tensor]], outside: Features
) -> Tensor:
    """How much of a style a composition has, from that of its regions, each with its mask on the
    grid; see `Features.strength`."""
    masks = [grid for _, grid in regions]
    parts = [torch.as_tensor(0.0 if part is None else part).to(masks[0]) for part, _ in regions]
    rest = masks[0].new_zeros(1, 1, 1, 1) if outside.strength is None else outside.strength
    return compose_regions(parts, masks, rest)


def decode(model: Model, features: Features, *, progress: Progress | None = None) -> Tensor:
    """Turns features into pictures: g(t) of the paper's equation 10.

    Args:
        model: whose decoder to use; its encoder must be the one that made the features.
        features: as they come from `encode` or `transfer`.
        progress: told of every band.

    Returns:
        [B,H,W,3], or 4 channels where the encoded pictures had an alpha channel; fp32 in 0..1.

    Raises:
        InputError: the features come from another encoder.
    """
    check_same_encoder(model=model.identity, features=features.encoder)
    report = counter(progress, len(features) * math.prod(features.values.shape[2:]))
    pictures = (
        decode_one(model, single, rows_of(single), report)[0]
        for single in map(features.__getitem__, range(len(features)))
    )
    return collected(pictures, len(features))

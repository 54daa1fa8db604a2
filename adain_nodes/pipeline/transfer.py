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

import torch
from torch import Tensor

from ..host.errors import InputError
from ..host.options import MASK_STATISTICS, MaskResize, MaskStatistics, check_choice, check_share
from ..host.plain import Progress
from ..models.model import Model
from ..ops.adain import adain, blend, interpolate_statistics
from ..ops.masks import compose_regions, is_empty
from ..ops.statistics import Statistics, channel_statistics
from .engine import cells, counter, decode_one, encode_one, summarise_one
from .mask_checks import refuse_empty_style_mask, warn_of_empty
from .pictures import check_picture, collected, common_batch
from .types import (
    DeferredFeatures,
    Features,
    Style,
    as_batch,
    check_same_encoder,
    check_same_size,
    stacked,
)


def encode(
    model: Model, picture: Tensor, *, shorter_side: int = 0, progress: Progress | None = None
) -> Features:
    """Encodes pictures with VGG to relu4_1: f(c) of the paper's equation 9.

    Args:
        model: whose encoder to use.
        picture: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        shorter_side: px to scale the shorter side to; 0 keeps the size.
        progress: told of every tile.

    Raises:
        InputError: the picture is not one, see `pictures.check_picture`.
    """
    check_picture(picture, "picture")
    report = counter(progress, len(picture) * cells(picture, shorter_side))
    parts = (encode_one(model, single[None], shorter_side, report) for single in picture)
    return stacked(parts, len(picture))


def style_of(
    model: Model, picture: Tensor, *, shorter_side: int = 0, progress: Progress | None = None
) -> Style:
    """The style of pictures: mu(y) and sigma(y) of the paper's equation 8.

    The same as `style_statistics` of what `encode` gives, without keeping features in memory.

    Args:
        model: whose encoder to use.
        picture: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        shorter_side: px to scale the shorter side to; 0 keeps the size.
        progress: told of every tile.

    Raises:
        InputError: the picture is not one, see `pictures.check_picture`.
    """
    check_picture(picture, "picture")
    report = counter(progress, len(picture) * cells(picture, shorter_side))
    parts = [
        summarise_one(model, single[None], shorter_side, report).statistics() for single in picture
    ]
    mean, std = (
        torch.cat(values) for values in zip(*((p.mean, p.std) for p in parts), strict=True)
    )
    return Style(Statistics(mean, std), model.identity)


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
    if mask is None:
        return Style(channel_statistics(features.values), features.encoder)
    weights = features.on_grid(mask, mask_resize)
    batch = common_batch(features=len(features), mask=len(weights))
    refuse_empty_style_mask(as_batch(mask), weights)
    statistics = channel_statistics(
        features.values.expand(batch, -1, -1, -1), weights.expand(batch, -1, -1, -1)
    )
    return Style(statistics, features.encoder)


def interpolate_styles(styles: Sequence[Style], weights: Sequence[float]) -> Style:
    """A mixture of styles (paper, equation 15), see `ops.normalization.interpolate_statistics`.

    Raises:
        InputError: there are no styles, they come from different encoders, their batches differ,
            or the weights are negative, sum to 0 or differ in number.
    """
    if not styles:
        raise InputError("interpolation needs at least one style, got none")
    named = {f"style_{index}": style for index, style in enumerate(styles, 1)}
    check_same_encoder(**{name: style.encoder for name, style in named.items()})
    common_batch(**{name: len(style) for name, style in named.items()})
    statistics = interpolate_statistics([style.statistics for style in styles], weights)
    return Style(statistics, styles[0].encoder)


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
    grid = None
    if mask is not None:
        grid = content.on_grid(mask, mask_resize)
        warn_of_empty(as_batch(mask), grid)
    return apply_style(
        content,
        style,
        alpha=alpha,
        grid=grid,
        outside=outside,
        mask_statistics=mask_statistics,
        apply_mask=apply_mask,
    ).computed()


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
    deferred = [(DeferredFeatures(features), mask) for features, mask in regions]
    return compose_deferred(deferred, outside, mask_resize=mask_resize).computed()


def decode(model: Model, features: Features, *, progress: Progress | None = None) -> Tensor:
    """Turns features into pictures: g(t) of the paper's equation 10.

    Args:
        model: whose decoder to use; its encoder must be the one that made the features.
        features: as they come from `encode` or `transfer`.
        progress: told of every tile.

    Returns:
        [B,H,W,3], or 4 channels where the encoded pictures had an alpha channel; fp32 in 0..1.

    Raises:
        InputError: the features come from another encoder.
    """
    check_same_encoder(model=model.identity, features=features.encoder)
    report = counter(progress, len(features) * math.prod(features.values.shape[2:]))
    pictures = (
        decode_one(model, DeferredFeatures(features[i]), report)[0] for i in range(len(features))
    )
    return collected(pictures, len(features))


def apply_style(
    content: Features,
    style: Style,
    *,
    alpha: float,
    grid: Tensor | None = None,
    outside: Features | None = None,
    mask_statistics: MaskStatistics = "region",
    apply_mask: bool = True,
    own: Statistics | None = None,
) -> DeferredFeatures:
    """`transfer` without its warning of empty masks, and without computing the result yet.

    Args:
        grid: the mask on the content's grid, [B,1,h,w], see `Features.on_grid`.
        own: mu(x) and sigma(x) to use instead of those that are measured on the content.
    """
    check_share("alpha", alpha)
    check_choice("mask_statistics", mask_statistics, MASK_STATISTICS)
    outside = content if outside is None else outside
    check_same_encoder(content=content.encoder, style=style.encoder, outside=outside.encoder)
    check_same_size(content=content.size, outside=outside.size)
    sizes = {"content": len(content), "style": len(style), "outside": len(outside)}
    if grid is not None:
        sizes["mask"] = len(grid)
    content = content.expanded(common_batch(**sizes))
    values = content.values
    if alpha != 0 and own is None:
        own = channel_statistics(values, grid if mask_statistics == "region" else None)
    if grid is not None and not apply_mask:
        # An empty region has no statistics to stylise by.
        grid = (~is_empty(grid)).to(grid)[:, None, None, None].expand_as(grid)

    def applied(rows: slice) -> Tensor:
        part = values[:, :, rows]
        if own is not None:
            part = blend(part, adain(part, style.statistics, own), alpha)
        if grid is None:
            return part
        return compose_regions([part], [grid[:, :, rows]], outside.values[:, :, rows])

    if alpha == 0 and grid is None:
        return DeferredFeatures(content)
    return DeferredFeatures(content, applied)


def compose_deferred(
    regions: Sequence[tuple[DeferredFeatures, Tensor]],
    outside: Features,
    *,
    mask_resize: MaskResize,
) -> DeferredFeatures:
    """`compose` without computing the result yet."""
    if not regions:
        raise InputError("a composition needs at least one region, got none")
    named = {f"features_{index}": part.like for index, (part, _) in enumerate(regions, 1)}
    named["outside"] = outside
    check_same_encoder(**{name: features.encoder for name, features in named.items()})
    check_same_size(**{name: features.size for name, features in named.items()})
    masks = [outside.on_grid(mask, mask_resize) for _, mask in regions]
    batch = common_batch(
        **{name: len(features) for name, features in named.items()},
        **{f"mask_{index}": len(mask) for index, mask in enumerate(masks, 1)},
    )
    outside = outside.expanded(batch)

    def composed(rows: slice) -> Tensor:
        parts = [features.rows(rows) for features, _ in regions]
        shares = [mask[:, :, rows] for mask in masks]
        return compose_regions(parts, shares, outside.values[:, :, rows])

    return DeferredFeatures(outside, composed)

"""Style transfer step by step: encode, take statistics, apply AdaIN, decode.

    model = load_model()
    style = style_statistics(encode(model, art, shorter_side=512))
    picture = decode(model, transfer(encode(model, photograph), style, alpha=0.8))

Pictures are [B,H,W,C] tensors in 0..1, RGB, RGBA or grey, of any size; results have the size of
the picture that was encoded. Everything that takes long accepts `progress`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from . import host
from .errors import InputError
from .features import Features, Style, as_batch, check_same_encoder, check_same_size, stacked
from .model import Model
from .networks.decoder import Decoder
from .networks.vgg import Encoder
from .ops.masks import MaskResize, compose_regions, is_empty
from .ops.normalization import adain, blend, interpolate_statistics
from .ops.statistics import channel_statistics
from .pictures import check_picture, common_batch, from_network, scaled_size, to_network

logger = logging.getLogger(__name__)

MaskStatistics = Literal["region", "image"]


def encode(
    model: Model, picture: Tensor, *, shorter_side: int = 0, progress: host.Progress | None = None
) -> Features:
    """Encodes pictures with VGG to relu4_1: f(c) of the paper's equation 9.

    Args:
        model: whose encoder to use.
        picture: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        shorter_side: px to scale the shorter side to; 0 keeps the size.
        progress: told of every layer.

    Raises:
        InputError: the picture is not one, see `pictures.check_picture`.
    """
    check_picture(picture, "picture")
    step = _counter(progress, len(picture) * model.layers)
    encoder = model.encoder.load()
    return stacked(
        [_encode_one(model, encoder, single[None], shorter_side, step) for single in picture]
    )


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
    empty = is_empty(weights).nonzero().flatten().tolist()
    if empty:
        raise InputError(
            f"the style mask is empty (0 everywhere) in batch element {empty[0]}: it leaves no "
            f"part of the picture to take a style from. {_LOAD_IMAGE_HINT}"
        )
    statistics = channel_statistics(
        features.values.expand(batch, -1, -1, -1), weights.expand(batch, -1, -1, -1)
    )
    return Style(statistics, features.encoder)


def interpolate_styles(styles: Sequence[Style], weights: Sequence[float]) -> Style:
    """A mixture of styles (paper, equation 15), see `ops.normalization.interpolate_statistics`.

    Raises:
        InputError: the styles come from different encoders, their batches differ, or the weights
            are negative or sum to 0.
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
    if mask is not None:
        mask = as_batch(mask)
        _warn_of_empty(mask)
    return _transfer(
        content,
        style,
        alpha=alpha,
        mask=mask,
        outside=outside,
        mask_statistics=mask_statistics,
        mask_resize=mask_resize,
        apply_mask=apply_mask,
    )


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
        InputError: the features come from different encoders or pictures of different size, or
            the batches do not fit.
    """
    named = {f"features_{index}": features for index, (features, _) in enumerate(regions, 1)}
    named["outside"] = outside
    check_same_encoder(**{name: features.encoder for name, features in named.items()})
    check_same_size(**{name: features.size for name, features in named.items()})
    masks = [outside.on_grid(mask, mask_resize) for _, mask in regions]
    batch = common_batch(
        **{name: len(features) for name, features in named.items()},
        **{f"mask_{index}": len(mask) for index, mask in enumerate(masks, 1)},
    )
    outside = outside.expanded(batch)
    values = compose_regions([features.values for features, _ in regions], masks, outside.values)
    return replace(outside, values=values)


def decode(model: Model, features: Features, *, progress: host.Progress | None = None) -> Tensor:
    """Turns features into pictures: g(t) of the paper's equation 10.

    Args:
        model: whose decoder to use; its encoder must be the one that made the features.
        features: as they come from `encode` or `transfer`.
        progress: told of every layer.

    Returns:
        [B,H,W,3], or 4 channels where the encoded pictures had an alpha channel; fp32 in 0..1.

    Raises:
        InputError: the features come from another encoder.
    """
    check_same_encoder(model=model.identity, features=features.encoder)
    step = _counter(progress, len(features) * model.layers)
    decoder = model.decoder.load()
    return torch.cat([_decode_one(model, decoder, features[i], step) for i in range(len(features))])


def stylize(
    model: Model,
    content: Tensor,
    style: Style,
    *,
    alpha: float = 1.0,
    content_size: int = 0,
    mask: Tensor | None = None,
    mask_statistics: MaskStatistics = "region",
    progress: host.Progress | None = None,
) -> Tensor:
    """Encodes, transfers and decodes, one frame at a time: the features of a film are never all
    in memory.

    Args:
        model: what to use.
        content: [B,H,W,C] in 0..1, RGB, RGBA or grey.
        style: one for all frames, or one for each.
        alpha: 0 keeps the content, 1 is the full style.
        content_size: px to scale the content's shorter side to; 0 keeps the size.
        mask: where to apply it, see `transfer`; one for all frames, or one for each.
        mask_statistics: see `transfer`.
        progress: told of every layer.

    Returns:
        [B,H,W,3 or 4], fp32 in 0..1.

    Raises:
        InputError: as `encode` and `transfer`.
    """
    check_picture(content, "content")
    sizes = {"content": len(content), "style": len(style)}
    if mask is not None:
        mask = as_batch(mask)
        _warn_of_empty(mask)
        sizes["mask"] = len(mask)
    batch = common_batch(**sizes)
    step = _counter(progress, (len(content) + batch) * model.layers)
    encoder, decoder = model.encoder.load(), model.decoder.load()
    result: Tensor | None = None
    encoded: Features | None = None
    for index in range(batch):
        if encoded is None or len(content) > 1:
            encoded = _encode_one(model, encoder, content[index : index + 1], content_size, step)
        target = _transfer(
            encoded,
            style[index % len(style)],
            alpha=alpha,
            mask=None if mask is None else mask[index % len(mask)],
            outside=None,
            mask_statistics=mask_statistics,
            mask_resize="area",
            apply_mask=True,
        )
        frame = _decode_one(model, decoder, target, step)
        if result is None:
            result = frame.new_empty((batch, *frame.shape[1:]))
        result[index] = frame[0]
    assert result is not None  # a checked picture has at least one in its batch
    return result


_LOAD_IMAGE_HINT = (
    "LoadImage gives such a mask for files without an alpha channel: draw one in its mask editor, "
    "or link another mask"
)


def _encode_one(
    model: Model, encoder: Encoder, picture: Tensor, shorter_side: int, step: Callable[[], None]
) -> Features:
    height, width = picture.shape[1:3]
    size = scaled_size((height, width), shorter_side)
    color, alpha = to_network(picture.to(model.encoder.device), size)
    color = color.to(model.dtype, memory_format=torch.channels_last)
    with torch.no_grad():
        values = encoder(color, step)
    output = host.current().output_device()
    return Features(
        values.to(output), size, None if alpha is None else alpha.to(output), model.identity
    )


def _decode_one(
    model: Model, decoder: Decoder, features: Features, step: Callable[[], None]
) -> Tensor:
    values = features.values.to(
        model.decoder.device, model.dtype, memory_format=torch.channels_last
    )
    with torch.no_grad():
        picture = decoder(values, step)
    picture = picture.to(host.current().output_device())
    return from_network(picture, features.size, features.alpha)


def _transfer(
    content: Features,
    style: Style,
    *,
    alpha: float,
    mask: Tensor | None,
    outside: Features | None,
    mask_statistics: MaskStatistics,
    mask_resize: MaskResize,
    apply_mask: bool,
) -> Features:
    outside = content if outside is None else outside
    check_same_encoder(content=content.encoder, style=style.encoder, outside=outside.encoder)
    check_same_size(content=content.size, outside=outside.size)
    sizes = {"content": len(content), "style": len(style), "outside": len(outside)}
    if mask is None:
        content = content.expanded(common_batch(**sizes))
        return replace(content, values=_styled(content.values, style, alpha, None))
    grid = content.on_grid(mask, mask_resize)
    batch = common_batch(**sizes, mask=len(grid))
    content = content.expanded(batch)
    grid = grid.expand(batch, -1, -1, -1)
    weights = grid if mask_statistics == "region" else None
    styled = _styled(content.values, style, alpha, weights)
    if not apply_mask:
        # An empty region has no statistics to stylise by.
        grid = (~is_empty(grid)).to(grid)[:, None, None, None].expand_as(grid)
    return replace(content, values=compose_regions([styled], [grid], outside.values))


def _warn_of_empty(mask: Tensor) -> None:
    empty = is_empty(mask).nonzero().flatten().tolist()
    if empty:
        logger.warning(
            "The mask is empty (0 everywhere) in batch elements %s: nothing is stylised there. %s",
            empty,
            _LOAD_IMAGE_HINT,
        )


def _styled(values: Tensor, style: Style, alpha: float, weights: Tensor | None) -> Tensor:
    if alpha == 0:
        return values
    own = channel_statistics(values, weights)
    return blend(values, adain(values, style.statistics, own), alpha)


def _counter(progress: host.Progress | None, total: int) -> Callable[[], None]:
    """What networks call after each layer, to say that one more of `total` is done."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return step

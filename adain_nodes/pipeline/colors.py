"""Pictures in the colours of others: on their own, and so that a stylised picture keeps those of
its content (Gatys et al. 2016, "Preserving color in neural artistic style transfer")."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..host.options import COLOR_METHODS, ColorMethod, check_choice, check_share
from ..host.plain import Progress
from ..models.networks.bands import bands
from ..ops.color import (
    LINEAR_MAPS,
    ColorStatistics,
    match_chroma,
    match_histograms,
    match_statistics,
)
from .checks import check_picture, common_batch
from .scaling import scaled

_BLOCK_PIXELS = 1 << 18
"""Pixels that are mapped at a time: what is made of them on the way stays small."""


def match_color(
    picture: Tensor,
    reference: Tensor,
    method: ColorMethod = "linear",
    *,
    strength: float = 1.0,
    progress: Progress | None = None,
) -> Tensor:
    """Gives pictures the colours of others.

    Args:
        picture: [B,H,W,C] in 0..1, RGB, RGBA or grey. A fourth channel passes through untouched;
            where it is 0 a pixel's colour does not count, but is changed with the others.
        reference: pictures of the same kinds, of any size; one for all, or one for each.
        method: `linear`, `mean_std` and `coral` match mean and covariance of the colours, see
            `ops.color`; `histogram` the distribution of each channel; `luminance` keeps the
            picture's luminance and takes the chroma of the reference pixel by pixel, for which
            the reference is scaled to the picture's size.
        strength: 0 keeps the picture, 1 matches fully; between, the colours are mixed.
        progress: told of every picture.

    Returns:
        [B,H,W,3 or 4], fp32 in 0..1, on the picture's device.

    Raises:
        InputError: one of them is not a picture, the batches do not fit, the method is unknown or
            the strength is out of range.
    """
    check_picture(picture, "picture")
    check_picture(reference, "reference")
    check_choice("the colour method", method, COLOR_METHODS)
    check_share("strength", strength)
    batch = common_batch(picture=len(picture), reference=len(reference))
    channels = 4 if picture.shape[3] == 4 else 3
    result = picture.new_empty((batch, *picture.shape[1:3], channels), dtype=torch.float32)
    for index in range(batch):
        single = picture[index % len(picture)][None].cpu()
        other = reference[index % len(reference)][None].cpu()
        color, alpha = scaled(single, _size(single))
        matched = _matching(color, alpha, other, method) if strength > 0 else None
        height, width = _size(color)
        for rows in bands(height, max(1, _BLOCK_PIXELS // width)):
            part = color[:, rows]
            if matched is not None:
                part = torch.lerp(part, matched(rows), strength).clamp_(0, 1)
            result[index, rows, :, :3] = part[0]
        if channels == 4:
            result[index, ..., 3] = picture[index % len(picture), ..., 3]
        if progress is not None:
            progress(index + 1, batch)
    return result


def recolors_style(method: ColorMethod | None) -> bool:
    """Whether a method keeps the content's colours by way of the style picture, so that it needs
    one, and its statistics are of use for one content only."""
    return method is not None and method != "luminance"


def style_for(content: Tensor, style: Tensor, method: ColorMethod | None) -> Tensor:
    """A style picture as it is to be encoded if the result shall keep the content's colours.

    Args:
        content: [B,H,W,C] in 0..1; of a batch, the first picture counts: the frames of a film must
            not differ in style.
        style: [B,H,W,C] in 0..1.
        method: see `match_color`; `luminance` and None leave the style alone.

    Raises:
        InputError: as `match_color`.
    """
    if method is None or not recolors_style(method):
        return style
    return match_color(style, content[:1], method)


def result_for(content: Tensor, result: Tensor, method: ColorMethod | None) -> Tensor:
    """A stylised picture as it is to be shown if it shall keep the content's colours: both are
    [B,H,W,C] in 0..1, of any size. Only the method `luminance` has anything left to do.

    Raises:
        InputError: as `match_color`.
    """
    return match_color(result, content, method) if method == "luminance" else result


def _matching(
    color: Tensor, alpha: Tensor | None, reference: Tensor, method: ColorMethod
) -> Callable[[slice], Tensor]:
    """Rows of one picture, [1,H,W,3], in the colours of another, [1,H',W',C]: from a slice to
    [1,n,W,3], not clamped."""
    if method == "luminance":
        stretched, _ = scaled(reference, _size(color))
        return lambda rows: match_chroma(color[:, rows], stretched[:, rows])
    source = _visible(color, alpha)
    target = _visible(*scaled(reference, _size(reference)))
    if method == "histogram":
        matched = match_histograms(color.flatten(0, 2), source, target).view(color.shape)
        return lambda rows: matched[:, rows]
    own, wanted = ColorStatistics.of(source), ColorStatistics.of(target)
    transform = LINEAR_MAPS[method](own, wanted)

    def mapped(rows: slice) -> Tensor:
        part = color[:, rows]
        return match_statistics(part.flatten(0, 2), own, wanted, transform).view(part.shape)

    return mapped


def _visible(color: Tensor, alpha: Tensor | None) -> Tensor:
    """The pixels whose colour counts, [N,3]: those with an alpha above 0, all if there is none."""
    pixels = color.flatten(0, 2)
    if alpha is None:
        return pixels
    shown = pixels[alpha.flatten() > 0]
    return shown if len(shown) else pixels


def _size(picture: Tensor) -> tuple[int, int]:
    height, width = picture.shape[1:3]
    return height, width

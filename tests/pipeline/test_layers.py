"""What refine knows of styles at all four layers, against the taps of the encoder."""

from __future__ import annotations

import torch
from torch import Tensor

from adain_nodes.models.model import Model
from adain_nodes.ops.statistics import Statistics, channel_statistics
from adain_nodes.pipeline.transfer import (
    encode,
    interpolate_styles,
    stack_styles,
    style_of,
    style_statistics,
    transfer,
)
from adain_nodes.pipeline.types import LAYER_STRIDES, Style


def art(batch: int = 1) -> Tensor:
    return torch.rand(batch, 32, 48, 3)


def expected(model: Model, picture: Tensor, mask: Tensor | None = None) -> list[Statistics]:
    """The mask is made of whole cells."""
    taps = model.encoder.load().taps(picture.movedim(-1, 1))
    weights = [
        None if mask is None else mask[None, None, ::stride, ::stride] for stride in LAYER_STRIDES
    ]
    return [channel_statistics(tap, weight) for tap, weight in zip(taps, weights, strict=True)]


def assert_layers(style: Style, wanted: list[Statistics]) -> None:
    for found, layer in zip(style.layers(), wanted, strict=True):
        torch.testing.assert_close(found.mean, layer.mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.std, layer.std, rtol=1e-4, atol=1e-5)


def test_of_pictures(model: Model) -> None:
    pictures = art(3)
    for style in (style_of(model, pictures), style_statistics(encode(model, pictures))):
        assert_layers(style, expected(model, pictures))
        assert_layers(style[1], expected(model, pictures[1:2]))


def test_of_scaled_pictures(model: Model) -> None:
    picture = torch.rand(1, 45, 70, 3)
    layers = style_of(model, picture, shorter_side=20).layers()
    again = style_statistics(encode(model, picture, shorter_side=20)).layers()
    for one, other in zip(layers, again, strict=True):
        torch.testing.assert_close(one.mean, other.mean)
        torch.testing.assert_close(one.std, other.std)


def test_of_a_part_of_a_picture(model: Model) -> None:
    picture, mask = art(), torch.zeros(32, 48)
    mask[8:24, :16] = 1
    style = style_statistics(encode(model, picture), mask=mask)
    assert_layers(style, expected(model, picture, mask))


def test_of_mixtures_and_banks(model: Model) -> None:
    one, other = art(), art()
    first, second = (expected(model, picture) for picture in (one, other))
    styles = [style_of(model, picture) for picture in (one, other)]
    mixture = [
        Statistics(0.25 * a.mean + 0.75 * b.mean, 0.25 * a.std + 0.75 * b.std)
        for a, b in zip(first, second, strict=True)
    ]
    assert_layers(interpolate_styles(styles, [1, 3]), mixture)
    bank = stack_styles([*styles, interpolate_styles(styles, [1, 3])])
    for index, wanted in enumerate((first, second, mixture)):
        assert_layers(bank[index], wanted)


def test_they_are_measured_once_and_only_if_asked(model: Model) -> None:
    done: list[tuple[int, int]] = []
    loads = 0
    load = model.encoder.load

    def counted() -> object:
        nonlocal loads
        loads += 1
        return load()

    model.encoder.load = counted  # type: ignore[assignment, method-assign]
    style = style_of(model, art(), progress=lambda *now: done.append(now))
    mixture = interpolate_styles([style, style], [1, 2])
    assert loads == 1
    for _ in range(3):
        mixture.layers()
    assert loads == 2


def test_stylised_features_are_no_style_of_their_picture(model: Model) -> None:
    features = transfer(encode(model, art()), style_of(model, art()))
    assert style_statistics(features).lower is None

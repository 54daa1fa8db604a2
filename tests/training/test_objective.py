"""Conditions and extra terms; the losses of the paper are tested with the trainer."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.ops.adain import adain
from adain_nodes.ops.statistics import channel_statistics
from adain_nodes.training.objective import (
    Condition,
    Objective,
    edge_aware_smoothness,
    target_alone,
    total_variation,
)
from adain_nodes.training.options import TrainingOptions


def objective_of(
    encoder: Encoder, condition: Condition = target_alone, **options: Any
) -> Objective:
    return Objective(encoder, TrainingOptions(steps=1, **options), condition, bf16=False)


@pytest.fixture
def contents() -> Tensor:
    return F.interpolate(torch.rand(2, 3, 4, 4), size=(16, 16), mode="bicubic").clamp(0, 1)


@pytest.fixture
def styles() -> Tensor:
    return F.interpolate(torch.rand(2, 3, 4, 4), size=(16, 16), mode="bicubic").clamp(0, 1)


def test_total_variation_is_the_mean_difference_of_neighbours() -> None:
    pictures = torch.rand(2, 3, 5, 4)
    values: list[list[float]] = [[], []]
    for b in range(2):
        for c in range(3):
            for y in range(5):
                for x in range(4):
                    here = pictures[b, c, y, x].item()
                    if y < 4:
                        values[0].append(abs(pictures[b, c, y + 1, x].item() - here))
                    if x < 3:
                        values[1].append(abs(pictures[b, c, y, x + 1].item() - here))
    expected = sum(sum(group) / len(group) for group in values)
    assert total_variation(pictures).item() == pytest.approx(expected, rel=1e-5)


def test_smoothness_is_the_share_of_coarse_contrast_weighted_by_the_contents() -> None:
    pictures, contents = torch.rand(2, 2, 3, 24, 16, dtype=torch.float64)
    contents = 0.5 + 0.2 * (contents - 0.5)
    shares = []
    for picture, content in zip(pictures, contents, strict=True):
        blocks = {
            (y, x): [
                image[:, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8].mean((1, 2))
                for image in (picture, content)
            ]
            for y in range(3)
            for x in range(2)
        }
        misplaced = total = 0.0
        for down, across, count in ((1, 0, 4), (0, 1, 3)):
            for (y, x), (own, guide) in blocks.items():
                if (y + down, x + across) in blocks:
                    other, other_guide = blocks[y + down, x + across]
                    change = (own - other).abs().mean().item() / count
                    edge = (guide - other_guide).abs().mean().item()
                    misplaced += math.exp(-edge / 0.02) * change
                    total += change
        shares.append(misplaced / total)
    expected = sum(shares) / 2
    assert edge_aware_smoothness(pictures, contents).item() == pytest.approx(expected, rel=1e-9)


def test_smoothness_is_for_contrast_where_the_content_has_it_and_against_halos() -> None:
    content = torch.full((1, 3, 16, 64), 0.3)
    content[..., 32:] = 0.8
    # Another contrast, in other colours, with strokes finer than a block.
    faithful = 1 - content.flip(1) ** 2 + 0.1 * (torch.arange(64) % 2 - 0.5)
    halo = faithful.clone()
    halo[..., 16:32] += 0.2
    assert edge_aware_smoothness(faithful, content).item() < 1e-4
    assert edge_aware_smoothness(halo, content).item() > 0.1
    flat = torch.full_like(content, 0.5, requires_grad=True)
    smoothness = edge_aware_smoothness(flat, content)
    assert smoothness.item() == 0
    assert torch.autograd.grad(smoothness, flat)[0].isfinite().all()


@pytest.mark.parametrize(
    "weights", [{"tv_weight": 3.0}, {"smoothness_weight": 3.0}, {"identity_weight": 3.0}]
)
def test_extra_terms_add_to_the_loss_by_their_weight(
    encoder: Encoder,
    decoder: Decoder,
    contents: Tensor,
    styles: Tensor,
    weights: dict[str, Any],
) -> None:
    plain = objective_of(encoder).stylization(decoder, contents, styles)
    assert plain.keys() == {"loss", "content", "style", "range"}
    more = objective_of(encoder, **weights).stylization(decoder, contents, styles)
    (term,) = more.keys() - plain.keys()
    result = decoder(adain(encoder(contents), channel_statistics(encoder(styles))))
    expected = {
        "total_variation": total_variation(result),
        "smoothness": edge_aware_smoothness(result, contents),
        "identity": (decoder(encoder(contents)) - contents).abs().mean(),
    }[term]
    torch.testing.assert_close(more[term], expected)
    torch.testing.assert_close(more["loss"], plain["loss"] + 3 * expected)
    for key in plain.keys() - {"loss"}:
        torch.testing.assert_close(more[key], plain[key])


def test_the_decoder_is_fed_what_the_condition_makes_of_features_and_target(
    encoder: Encoder, contents: Tensor, styles: Tensor
) -> None:
    fed: list[Tensor] = []

    class Probe(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            fed.append(x)
            return F.interpolate(x[:, :3], scale_factor=8)

    def beside(content: Tensor, style: Tensor, target: Tensor) -> Tensor:
        return torch.cat([content, style, target], dim=1)

    objective = objective_of(encoder, beside, identity_weight=1.0)
    objective.stylization(Probe(), contents, styles)
    objective.reconstruction(Probe(), styles)
    content, style = encoder(contents), encoder(styles)
    target = adain(content, channel_statistics(style))
    stylized, own = fed[0].chunk(2)
    torch.testing.assert_close(stylized, torch.cat([content, style, target], dim=1))
    torch.testing.assert_close(own, torch.cat([content] * 3, dim=1))
    torch.testing.assert_close(fed[1], torch.cat([style] * 3, dim=1))


def test_reconstruction_compares_pixels_and_features(
    encoder: Encoder, decoder: Decoder, contents: Tensor
) -> None:
    losses = objective_of(encoder).reconstruction(decoder, contents)
    result = decoder(encoder(contents))
    pixels = (result - contents).abs().mean()
    features = (encoder(result) - encoder(contents)).square().mean()
    torch.testing.assert_close(losses["reconstruction"], pixels)
    torch.testing.assert_close(losses["content"], features)
    torch.testing.assert_close(losses["loss"], pixels + 0.05 * features)


def test_balanced_pairs_count_by_the_logarithm_of_their_losses(
    encoder: Encoder, decoder: Decoder, contents: Tensor, styles: Tensor
) -> None:
    whole = objective_of(encoder, balanced=True).stylization(decoder, contents, styles)
    one_by_one = [
        objective_of(encoder).stylization(decoder, content[None], style[None])
        for content, style in zip(contents, styles, strict=True)
    ]
    logs = [(pair["content"] + 10 * pair["style"]).log() for pair in one_by_one]
    expected = torch.stack(logs).mean() + 10 * whole["range"]
    torch.testing.assert_close(whole["loss"], expected)
    for key in ("content", "style"):
        mean = torch.stack([pair[key] for pair in one_by_one]).mean()
        torch.testing.assert_close(whole[key], mean)

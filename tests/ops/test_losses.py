from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import pytest
import torch
from torch import Tensor

from adain_nodes.ops.losses import STYLE_WEIGHTS, Reference, content_loss, style_loss
from adain_nodes.ops.statistics import Statistics

REFERENCES = get_args(Reference)


def random_statistics(*widths: int, batch: int = 3) -> list[Statistics]:
    return [Statistics(torch.randn(batch, c), torch.rand(batch, c) + 0.5) for c in widths]


def content_by_loop(features: Tensor, target: Tensor, reference: Reference) -> float:
    """Sample by sample, element by element, in Python's floats."""
    per_sample = []
    for sample, wanted in zip(features, target, strict=True):
        squares = math.fsum(
            (a - b) ** 2
            for a, b in zip(sample.flatten().tolist(), wanted.flatten().tolist(), strict=True)
        )
        per_sample.append(math.sqrt(squares) if reference == "paper" else squares / sample.numel())
    return math.fsum(per_sample) / len(per_sample)


def style_by_loop(
    results: Sequence[Statistics], styles: Sequence[Statistics], reference: Reference
) -> float:
    total = 0.0
    for result, style in zip(results, styles, strict=True):
        for a, b in ((result.mean, style.mean), (result.std, style.std)):
            batch, channels = a.shape
            for row, wanted in zip(a.tolist(), b.tolist(), strict=True):
                squares = math.fsum((p - q) ** 2 for p, q in zip(row, wanted, strict=True))
                distance = {
                    "paper": math.sqrt(squares),
                    "torch": squares,
                    "pytorch": squares / channels,
                }[reference]
                total += distance / batch
    return total


@pytest.mark.parametrize("reference", REFERENCES)
def test_content_loss_follows_its_reading(reference: Reference) -> None:
    features, target = torch.randn(2, 3, 4, 5, 6).unbind()
    expected = content_by_loop(features, target, reference)
    assert content_loss(features, target, reference).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reference", REFERENCES)
def test_style_loss_follows_its_reading(reference: Reference) -> None:
    results, styles = random_statistics(4, 7, 2, 5), random_statistics(4, 7, 2, 5)
    expected = style_by_loop(results, styles, reference)
    assert style_loss(results, styles, reference).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reference", REFERENCES)
def test_losses_are_zero_at_equality(reference: Reference) -> None:
    features, statistics = torch.randn(2, 3, 4, 4), random_statistics(4, 7)
    assert content_loss(features, features, reference).item() == 0
    assert style_loss(statistics, statistics, reference).item() == 0


@pytest.mark.parametrize("reference", REFERENCES)
def test_gradients_are_zero_at_equality(reference: Reference) -> None:
    features = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = content_loss(features, features.detach(), reference)
    (gradient,) = torch.autograd.grad(loss, features)
    assert torch.equal(gradient, torch.zeros_like(features))

    mean = torch.randn(2, 3, requires_grad=True)
    own = [Statistics(mean, torch.ones(2, 3))]
    loss = style_loss(own, [Statistics(mean.detach(), torch.ones(2, 3))], reference)
    (gradient,) = torch.autograd.grad(loss, mean)
    assert torch.equal(gradient, torch.zeros_like(mean))


def test_only_the_papers_reading_has_no_style_weight() -> None:
    assert [name for name in REFERENCES if STYLE_WEIGHTS[name] is None] == ["paper"]

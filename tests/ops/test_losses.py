from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from adain_nodes.host.options import REFERENCES, Reference
from adain_nodes.ops.losses import content_loss, style_loss
from adain_nodes.ops.statistics import Statistics


def random_statistics(*widths: int, batch: int = 3) -> list[Statistics]:
    return [Statistics(torch.randn(batch, c), torch.rand(batch, c) + 0.5) for c in widths]


def content_by_loop(features: Tensor, target: Tensor, reference: Reference) -> list[float]:
    """Sample by sample, element by element, in Python's floats."""
    per_sample = []
    for sample, wanted in zip(features, target, strict=True):
        squares = math.fsum(
            (a - b) ** 2
            for a, b in zip(sample.flatten().tolist(), wanted.flatten().tolist(), strict=True)
        )
        per_sample.append(math.sqrt(squares) if reference == "paper" else squares / sample.numel())
    return per_sample


def style_by_loop(
    results: Sequence[Statistics], styles: Sequence[Statistics], reference: Reference
) -> list[float]:
    totals = [0.0] * len(results[0].mean)
    for result, style in zip(results, styles, strict=True):
        for a, b in ((result.mean, style.mean), (result.std, style.std)):
            for sample, (row, wanted) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
                squares = math.fsum((p - q) ** 2 for p, q in zip(row, wanted, strict=True))
                distance = {
                    "paper": math.sqrt(squares),
                    "torch": squares,
                    "pytorch": squares / len(row),
                }[reference]
                totals[sample] += distance
    return totals


@pytest.mark.parametrize("reference", REFERENCES)
def test_content_loss_follows_its_reading(reference: Reference) -> None:
    features, target = torch.randn(2, 3, 4, 5, 6).unbind()
    expected = content_by_loop(features, target, reference)
    assert content_loss(features, target, reference).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reference", REFERENCES)
def test_style_loss_follows_its_reading(reference: Reference) -> None:
    results, styles = random_statistics(4, 7, 2, 5), random_statistics(4, 7, 2, 5)
    expected = style_by_loop(results, styles, reference)
    assert style_loss(results, styles, reference).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reference", REFERENCES)
def test_losses_are_zero_at_equality(reference: Reference) -> None:
    features, statistics = torch.randn(2, 3, 4, 4), random_statistics(4, 7)
    assert content_loss(features, features, reference).tolist() == [0, 0]
    assert style_loss(statistics, statistics, reference).tolist() == [0, 0, 0]


@pytest.mark.parametrize("reference", REFERENCES)
def test_gradients_are_zero_at_equality(reference: Reference) -> None:
    features = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = content_loss(features, features.detach(), reference)
    (gradient,) = torch.autograd.grad(loss.sum(), features)
    assert torch.equal(gradient, torch.zeros_like(features))

    mean = torch.randn(2, 3, requires_grad=True)
    own = [Statistics(mean, torch.ones(2, 3))]
    loss = style_loss(own, [Statistics(mean.detach(), torch.ones(2, 3))], reference)
    (gradient,) = torch.autograd.grad(loss.sum(), mean)
    assert torch.equal(gradient, torch.zeros_like(mean))

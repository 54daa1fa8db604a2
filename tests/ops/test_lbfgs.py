"""L-BFGS against BFGS with full matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adain_nodes.ops.lbfgs import Lbfgs


def inverse_hessian(pairs: list[tuple[Tensor, Tensor]], start: Tensor) -> Tensor:
    """H after BFGS updates with these steps and changes, in float64 (Nocedal and Wright, equation
    6.17), from the multiple of `start` that the latest pair suggests (7.20)."""
    pairs = [(s.double(), y.double()) for s, y in pairs]
    s, y = pairs[-1]
    size = len(s)
    result = start.double() * (s @ y) / (y @ start.double() @ y)
    for s, y in pairs:
        rho = 1 / (s @ y)
        left = torch.eye(size, dtype=torch.float64) - rho * torch.outer(s, y)
        result = left @ result @ left.T + rho * torch.outer(s, s)
    return result


@pytest.mark.parametrize("history", [1, 3, 9])
@pytest.mark.parametrize("preconditioned", [False, True])
def test_directions_are_those_of_bfgs_over_the_last_steps(
    history: int, preconditioned: bool
) -> None:
    half = torch.randn(12, 12)
    start = half @ half.T + torch.eye(12) if preconditioned else torch.eye(12)
    lbfgs = Lbfgs(history, first=1.0, precondition=lambda gradient: start @ gradient)
    root = torch.randn(12, 12)
    curvature = root @ root.T + torch.eye(12)
    pairs = []
    for _ in range(6):
        step = torch.randn(12)
        pairs.append((step, curvature @ step))
        lbfgs.learn(*pairs[-1])
    gradient = torch.randn(12)
    expected = -inverse_hessian(pairs[-history:], start) @ gradient.double()
    torch.testing.assert_close(lbfgs.direction(gradient).double(), expected, rtol=1e-3, atol=1e-4)


def test_the_first_direction_is_down_and_of_the_given_length() -> None:
    gradient = torch.randn(2, 5, 3)
    direction = Lbfgs(3, first=0.25).direction(gradient)
    assert direction.square().mean().sqrt().item() == pytest.approx(0.25)
    torch.testing.assert_close(
        direction / direction.norm(), -gradient / gradient.norm(), rtol=1e-5, atol=1e-6
    )


def test_directions_do_not_depend_on_where_tensors_begin() -> None:
    def at(offset: int, values: Tensor) -> Tensor:
        return torch.empty(len(values) + offset)[offset:].copy_(values)

    gradient, step, change = torch.randn(3, 6720)
    change += step
    directions = []
    for offset in range(4):
        lbfgs = Lbfgs(3, first=1.0)
        lbfgs.learn(at(offset, step), at(2 * offset, change))
        directions.append(lbfgs.direction(at(3 * offset, gradient)))
    assert all(torch.equal(direction, directions[0]) for direction in directions)


def test_without_a_gradient_there_is_nowhere_to_go() -> None:
    assert torch.equal(Lbfgs(3, first=1.0).direction(torch.zeros(4)), torch.zeros(4))


def test_a_step_over_no_positive_curvature_is_ignored() -> None:
    step, gradient = torch.randn(6), torch.randn(6)
    ignorant, told = Lbfgs(3, first=1.0), Lbfgs(3, first=1.0)
    told.learn(step, -step)
    told.learn(step, torch.zeros(6))
    torch.testing.assert_close(told.direction(gradient), ignorant.direction(gradient))

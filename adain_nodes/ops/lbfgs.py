"""L-BFGS without a line search (Liu and Nocedal 1989), for functions of very many values."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor


class Lbfgs:
    """Directions to go, from the last few steps and what they did to the gradient.

    Args:
        history: steps to remember, at least 1; each takes two tensors of the size of the variable.
        first: root mean square of the first direction, of which nothing is known but where down is.
        precondition: a linear map of gradients, symmetric and positive definite, that is taken for
            the inverse of the second derivative, up to a factor, where nothing else is known.
    """

    def __init__(
        self, history: int, first: float, precondition: Callable[[Tensor], Tensor] = torch.clone
    ) -> None:
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=history)
        self._first = first
        self._precondition = precondition

    def direction(self, gradient: Tensor) -> Tensor:
        """Where to go from a point with this gradient; the two-loop recursion."""
        result = gradient.clone()
        if not self._pairs:
            result = self._precondition(result)
            length = result.square().mean().sqrt().item()
            return result.mul_(-self._first / length if length else 0.0)
        passed = []
        for step, change, curvature in reversed(self._pairs):
            share = _dot(step, result) / curvature
            result.sub_(change, alpha=share)
            passed.append(share)
        _, change, curvature = self._pairs[-1]
        result = self._precondition(result)
        result.mul_(curvature / _dot(change, self._precondition(change)))
        for (step, change, curvature), share in zip(self._pairs, reversed(passed), strict=True):
            result.add_(step, alpha=share - _dot(change, result) / curvature)
        return result.neg_()

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Takes note of a step and of the change of the gradient over it. One that tells of no
        positive curvature is ignored."""
        curvature = _dot(step, change)
        if curvature > torch.finfo(torch.float32).eps * _dot(change, change):
            self._pairs.append((step, change, curvature))


def _dot(a: Tensor, b: Tensor) -> float:
    # torch.dot depends on where in memory the tensors begin, and descents multiply the difference.
    return (a * b).sum().item()

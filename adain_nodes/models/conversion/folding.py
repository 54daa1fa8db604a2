"""Moves the input convention of a foreign network into its first convolution.

Exact, also at the border: reflection repeats pixels, it adds no zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def fold_input(
    tensors: Mapping[str, Tensor],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    bgr: bool = False,
) -> dict[str, Tensor]:
    """Folds (picture - mean) / std, and the order of the channels, into conv1_1.

    Args:
        tensors: an encoder that expects normalised pictures.
        mean: for each of its input channels, in units of pictures in 0..1.
        std: likewise.
        bgr: whether it expects blue first (mean and std then do, too).

    Returns:
        The encoder for RGB in 0..1.
    """
    scale = 1 / torch.tensor(std, dtype=torch.float64)
    matrix = scale.diag()
    offset = -torch.tensor(mean, dtype=torch.float64) * scale
    return fold_affine(tensors, matrix=matrix.flip(1) if bgr else matrix, offset=offset)


def fold_affine(
    tensors: Mapping[str, Tensor], *, matrix: Tensor, offset: Tensor
) -> dict[str, Tensor]:
    """Folds matrix @ pixel + offset into conv1_1.

    Args:
        tensors: an encoder that expects pictures so transformed.
        matrix: [3,3], what it expects out of RGB in 0..1.
        offset: [3], likewise.

    Returns:
        The encoder for RGB in 0..1.
    """
    kernel = tensors["conv1_1.weight"].double()
    bias = tensors["conv1_1.bias"].double() + torch.einsum("oihw,i->o", kernel, offset.double())
    kernel = torch.einsum("oihw,ij->ojhw", kernel, matrix.double())
    return {**tensors, "conv1_1.weight": kernel.float(), "conv1_1.bias": bias.float()}

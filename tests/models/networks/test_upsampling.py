"""Folded kernels against upsampling and convolving."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from adain_nodes.models.networks.upsampling import folded, interleaved


@pytest.mark.parametrize("size", [(1, 1), (4, 3)])
def test_values_and_gradients_are_those_of_upsampling_first(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    kernel = torch.randn(5, 3, 3, 3)
    doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    padded = F.pad(doubled, (1,) * 4, mode="reflect")
    plain, fast = (kernel.clone().requires_grad_() for _ in range(2))
    expected = F.conv2d(padded, plain.double())
    maps = F.conv2d(F.pad(x, (1,) * 4, mode="replicate"), folded(fast).double())
    result = interleaved(maps)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(expected)
    for values in (expected, result):
        (values * weights).sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(fast.grad, plain.grad, rtol=1e-4, atol=1e-4)


def test_kernels_are_folded_in_fp32_under_autocast() -> None:
    kernel = torch.randn(2, 3, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        inside = folded(kernel)
    assert torch.equal(inside, folded(kernel))


def test_folded_taps_are_summed_in_fp32() -> None:
    """1 and 2^-8 + 2^-9 make 1 + 2^-7 in bf16; one after the other, both would be lost."""
    kernel = torch.tensor([2.0**-9, 2.0**-8, 1.0]).expand(1, 1, 3, 3).to(torch.bfloat16)
    rows = folded(kernel * torch.tensor([1.0, 0.0, 0.0], dtype=kernel.dtype)[:, None])
    assert rows.dtype == torch.bfloat16
    pixel_2i = rows[1, 0, 0]  # of the row above, in the second column: w0, w1 + w2
    assert pixel_2i.tolist() == [2.0**-9, 1.0]
    ones = torch.ones(1, 1, 3, 3, dtype=torch.bfloat16)
    ones[0, 0, 1:, 1:] = torch.tensor([[2.0**-9, 2.0**-9], [2.0**-9, 1.0]])
    corner = folded(ones)[3, 0, 1, 1]
    assert corner.item() == 1 + 2.0**-7

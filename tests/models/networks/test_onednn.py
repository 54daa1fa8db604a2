from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F

from adain_nodes.models.networks import onednn


@pytest.fixture
def _tried_anew() -> Iterator[None]:
    onednn._works.cache_clear()
    yield
    onednn._works.cache_clear()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_precisions_without_fused_operators_have_none(dtype: torch.dtype) -> None:
    assert not onednn.is_available(torch.zeros(1, dtype=dtype))


def test_other_devices_have_none() -> None:
    assert not onednn.is_available(torch.zeros(1, device="meta"))


@pytest.mark.usefixtures("_tried_anew")
@pytest.mark.parametrize("error", [RuntimeError, TypeError, AttributeError])
def test_changed_operators_are_done_without(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def changed(*_: object, **__: object) -> None:
        raise error("takes other arguments now")

    monkeypatch.setattr(onednn, "convolution", changed)
    assert not onednn.is_available(torch.zeros(1))


@pytest.mark.usefixtures("_tried_anew")
def test_operators_that_give_other_numbers_are_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onednn, "convolution", lambda x, *_args, **_options: x)
    assert not onednn.is_available(torch.zeros(1))


@pytest.mark.skipif(not onednn.is_available(torch.zeros(1)), reason="no oneDNN in this build")
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("pack", [True, False])
def test_convolutions_are_pytorchs_own(pack: bool, relu: bool) -> None:
    x, weight, bias = torch.randn(2, 3, 6, 5), torch.randn(4, 3, 3, 3), torch.randn(4)
    expected = F.conv2d(x, weight, bias)
    if relu:
        expected = F.relu(expected)
    kernel = onednn.packed(weight) if pack else weight
    torch.testing.assert_close(onednn.convolution(x, kernel, bias, relu=relu), expected)

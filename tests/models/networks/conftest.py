from __future__ import annotations

import pytest
import torch

from adain_nodes.models.networks import onednn


@pytest.fixture(params=[True, False])
def with_and_without_onednn(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the fused operators of PyTorch's CPU builds, and as on other devices."""
    if not request.param:
        monkeypatch.setattr(onednn, "is_available", lambda _: False)
    elif not onednn.is_available(torch.zeros(1)):
        pytest.skip("this build of PyTorch has no oneDNN")

"""Warnings that the page shows on the node."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
import torch

from adain_nodes.host.threads import behind
from adain_nodes.models.model import Model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.nodes.notices import shows_warnings
from adain_nodes.pipeline import transfer

logger = logging.getLogger("adain_nodes.tests")


def outcome(model: Model, mask: torch.Tensor) -> Any:
    """What ComfyUI gets from AdaIN."""
    content = transfer.encode(model, torch.rand(1, 20, 28, 3))
    node = NODE_CLASS_MAPPINGS["AdaINTransfer"]()
    return getattr(node, node.FUNCTION)(
        content=content, style=transfer.style_statistics(content), alpha=1.0, mask=mask,
        mask_statistics="region", mask_resize="area", apply_mask=True,
    )  # fmt: skip


def test_an_empty_mask_is_told_on_the_node(model: Model) -> None:
    told = outcome(model, torch.zeros(1, 64, 64))
    (line,) = told["ui"]["text"]
    assert line.startswith("The mask is empty (0 everywhere)")
    assert "LoadImage" in line
    assert len(told["result"]) == 1


def test_nothing_is_told_where_there_is_nothing_to_tell(model: Model) -> None:
    (features,) = outcome(model, torch.ones(1, 20, 28))
    assert len(features) == 1


def test_warnings_of_threads_beside_the_networks_are_told() -> None:
    @shows_warnings
    def node() -> tuple[list[None]]:
        return (list(behind(logger.warning, ["of a film", "of its end"])),)

    assert node()["ui"]["text"] == ("of a film", "of its end")


def test_warnings_of_other_threads_and_packages_are_not_ours() -> None:
    @shows_warnings
    def node() -> tuple[str]:
        thread = threading.Thread(target=logger.warning, args=("elsewhere",))
        thread.start()
        thread.join()
        logging.getLogger("another").warning("not of this package")
        logger.info("no warning")
        return ("result",)

    assert node() == ("result",)


def test_a_node_that_fails_leaves_no_handler_behind() -> None:
    before = list(logging.getLogger("adain_nodes").handlers)

    @shows_warnings
    def node() -> tuple[str]:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        node()
    assert logging.getLogger("adain_nodes").handlers == before

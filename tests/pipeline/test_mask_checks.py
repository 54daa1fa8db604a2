"""Masks that select nothing: where, why, and what to do about it."""

from __future__ import annotations

import logging

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.ops.masks import grid_mask
from adain_nodes.pipeline.mask_checks import refuse_empty_style_mask, warn_of_empty

SIZE, GRID = (64, 64), (8, 8)

BETWEEN = torch.zeros(2, 64, 64)
"""Full, and within a single cell, off the point that `nearest` samples."""
BETWEEN[0] = 1
BETWEEN[1, 1:7, 1:7] = 1

NOTHING = torch.zeros(1, 64, 64)


def test_what_is_0_everywhere_is_told_of_load_image(caplog: pytest.LogCaptureFixture) -> None:
    grid = grid_mask(NOTHING, SIZE, GRID)
    with caplog.at_level(logging.WARNING):
        warn_of_empty(NOTHING, grid)
    assert "(0 everywhere) in batch elements [0]" in caplog.text
    assert "LoadImage" in caplog.text
    with pytest.raises(InputError, match=r"\(0 everywhere\) in batch element 0: .* LoadImage"):
        refuse_empty_style_mask(NOTHING, grid)


def test_what_nearest_misses_is_told_of_area(caplog: pytest.LogCaptureFixture) -> None:
    grid = grid_mask(BETWEEN, SIZE, GRID, "nearest")
    with caplog.at_level(logging.WARNING):
        warn_of_empty(BETWEEN, grid)
    assert "samples no point of it) in batch elements [1]" in caplog.text
    assert "Take 'area'" in caplog.text and "LoadImage" not in caplog.text
    with pytest.raises(InputError, match=r"no point of it\) in batch element 1: .*'area'"):
        refuse_empty_style_mask(BETWEEN, grid)


def test_masks_that_select_something_pass(caplog: pytest.LogCaptureFixture) -> None:
    grid = grid_mask(BETWEEN, SIZE, GRID)
    with caplog.at_level(logging.WARNING):
        warn_of_empty(BETWEEN, grid)
    refuse_empty_style_mask(BETWEEN, grid)
    assert not caplog.records

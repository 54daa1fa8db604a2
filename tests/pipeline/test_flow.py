from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.flow import Flow, flow_between, grey

from .moving import texture

pytest.importorskip("cv2")


def test_what_moves_as_a_whole_is_followed() -> None:
    picture = texture(80, 120)
    before, after = picture[10:74, 10:106], picture[7:71, 5:101]
    flow = flow_between(grey(before), grey(after))
    inner = flow.motion[16:-16, 16:-16].reshape(-1, 2)
    assert np.abs(inner - [5, 3]).max() < 0.5
    assert flow.visible[16:-16, 16:-16].all()


def test_what_comes_from_outside_the_frame_was_not_visible() -> None:
    picture = texture(64, 160, coarse=8)
    flow = flow_between(grey(picture[:, 8:104]), grey(picture[:, :96]))
    assert flow.visible[:, :6].mean() < 0.1
    assert flow.visible[:, 24:].mean() > 0.95


def test_what_a_thing_uncovers_was_not_visible() -> None:
    """A square moves 8 px to the right in front of a ground that stands still."""
    ground, square = texture(96, 160, coarse=8), texture(48, 48, coarse=8)
    before, after = ground.clone(), ground.clone()
    before[24:72, 40:88] = square
    after[24:72, 48:96] = square
    flow = flow_between(grey(before), grey(after))
    assert flow.visible[30:66, 40:47].mean() < 0.3
    assert flow.visible[30:66, 54:90].mean() > 0.9
    assert flow.visible[:, 120:].mean() > 0.95


@pytest.mark.parametrize("sharp", [False, True])
def test_motion_of_whole_pixels_brings_the_very_pixels_along(sharp: bool) -> None:
    picture = np.random.default_rng(0).random((12, 14, 3), np.float32)
    motion = np.zeros((12, 14, 2), np.float32)
    motion[..., 0], motion[..., 1] = 2, -1
    flow = Flow(motion, np.ones((12, 14), np.bool_))
    warped = flow.warp(picture, sharp=sharp)
    np.testing.assert_allclose(warped[:-1, 2:], picture[1:, :-2], atol=1e-6)
    np.testing.assert_allclose(warped[:-1, :2], picture[1:, [0, 0]], atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (15, 9)])
def test_frames_may_be_tiny(size: tuple[int, int]) -> None:
    frame = grey(torch.rand(*size, 3))
    flow = flow_between(frame, frame)
    assert flow.motion.shape == (*size, 2)
    assert np.abs(flow.motion).max() < 0.1
    assert flow.visible.shape == size


def test_luminance_is_that_of_the_colours_at_the_size_asked_for() -> None:
    frame = torch.tensor([0.2, 0.5, 0.9, 0.1]).expand(10, 20, 4)
    assert np.abs(grey(frame) - 255 * (0.299 * 0.2 + 0.587 * 0.5 + 0.114 * 0.9)).max() < 1
    assert grey(frame, (5, 7)).shape == (5, 7)
    assert np.array_equal(grey(frame[..., 1:2]), np.full((10, 20), 128))


def test_without_opencv_steadiness_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    FilmOptions(steadiness=0)
    with pytest.raises(InputError, match="OpenCV is needed: pip install 'adain-nodes"):
        FilmOptions(steadiness=0.1)

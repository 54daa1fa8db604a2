"""The films that flicker is measured on move as they say."""

from __future__ import annotations

import pytest
import torch
from measure_flicker import entering_object, exposure_ramp

from adain_nodes.ops.flicker import flicker


def test_an_object_enters_and_brings_its_pixels_along() -> None:
    background, obj = torch.rand(40, 64, 3), torch.rand(24, 24, 3) + 1
    film = entering_object(background, obj, 7)
    assert torch.equal(film.frames[0], background)
    shown = (film.frames >= 1).all(-1).sum((1, 2))
    assert (shown.diff() >= 0).all() and shown[3] == shown[-1] > 0.7 * 24**2
    assert flicker(film.frames, film.motion, film.visible).max() < 1e-5
    assert flicker(film.frames).min() > 0.01


@pytest.mark.parametrize("lit", [8, 160])
def test_light_comes_up_on_the_left(lit: int) -> None:
    picture = torch.rand(20, 160, 3)
    film = exposure_ramp(picture, 4, lit=lit)
    light = (film.frames / picture).mean((1, 3))
    torch.testing.assert_close(light[:, :lit], torch.linspace(0.4, 1, 4)[:, None].expand(-1, lit))
    assert torch.equal(film.frames[:, :, lit:], picture[:, lit:].expand(4, -1, -1, -1))
    own = flicker(film.frames, film.motion, film.visible)
    assert own.max() == 0 if lit == 8 else own.min() > 0.05

from __future__ import annotations

from typing import Any

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.models.model import Model
from adain_nodes.pipeline.curves import Curve, is_curve, read_curve
from adain_nodes.pipeline.film_options import FilmOptions
from adain_nodes.pipeline.stylize import stylize
from adain_nodes.pipeline.transfer import style_of


def test_values_are_linear_between_moments_and_constant_beyond() -> None:
    curve = Curve((2, 6, 7), ((0.0, 1.0), (1.0, 0.0), (0.5, 0.5)))
    expected = {0: (0, 1), 2: (0, 1), 3: (0.25, 0.75), 6: (1, 0), 7: (0.5, 0.5), 99: (0.5, 0.5)}
    for index, values in expected.items():
        assert curve.at(index) == pytest.approx(values)


def test_a_single_moment_is_a_constant() -> None:
    assert {Curve((3,), ((0.4,),)).at(index) for index in (0, 3, 9)} == {(0.4,)}


def test_moments_are_frames_seconds_or_the_end() -> None:
    curve = read_curve("--alpha", "0:0, 2.5s:1,end:.5", rate=24, frames=100)
    assert curve == Curve((0, 60, 99), ((0,), (1,), (0.5,)))
    mixed = read_curve("--weights", "0:1,0/end:0,1", rate=24, frames=11, values=2)
    assert mixed == Curve((0, 10), ((1, 0), (0, 1)))
    assert is_curve("0:1") and not is_curve("0.7,0.3")


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("0:0,x:1", 1, "--alpha over time is written such as 0:0,2.5s:1, got '0:0,x:1'"),
        ("0:0,1", 1, "--alpha over time is written such as"),
        ("-1:0", 1, "--alpha over time is written such as"),
        ("0:0,0:1", 1, "moments that rise, got '0:0,0:1' for 10 frames at 25 a second"),
        ("1s:0,end:1", 1, "moments that rise"),
        ("0:1,0/end:1", 2, "needs 2 values at each moment, got 1 in 'end:1'"),
    ],
)
def test_what_is_no_curve_is_refused(text: str, values: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_curve("--alpha", text, rate=25, frames=10, values=values)
    assert message in str(caught.value)


def test_alpha_over_a_film_is_that_of_each_frame(model: Model) -> None:
    frames, style = torch.rand(4, 16, 24, 3), style_of(model, torch.rand(1, 18, 20, 3))
    curve = Curve((1, 3), ((0.2,), (1.0,)))
    result = stylize(frames, style, model=model, alpha=curve)
    for index, alpha in enumerate((0.2, 0.2, 0.6, 1.0)):
        expected = stylize(frames[index][None], style, model=model, alpha=alpha)[0]
        torch.testing.assert_close(result[index], expected)
    with pytest.raises(InputError, match=r"alpha must be a number from 0 .* got 1\.5"):
        FilmOptions(alpha=Curve((0,), ((1.5,),)))


@pytest.mark.parametrize("kind", ["pictures", "a bank", "several"])
def test_weights_over_a_film_are_those_of_each_frame(model: Model, kind: str) -> None:
    frames, pictures = torch.rand(3, 16, 24, 3), torch.rand(2, 18, 20, 3)
    each = [style_of(model, picture[None]) for picture in pictures]
    styles: Any = {"pictures": pictures, "a bank": style_of(model, pictures), "several": each}[kind]
    curve = Curve((0, 2), ((1.0, 0.0), (1.0, 3.0)))
    result = stylize(frames, styles, model=model, style_size=0, weights=curve)
    assert len(result) == 3
    for index, weights in enumerate(((1, 0), (1, 1.5), (1, 3))):
        expected = stylize(frames[index][None], each, model=model, weights=weights)[0]
        torch.testing.assert_close(result[index], expected, atol=1e-4, rtol=1e-4)


def test_weights_over_a_film_must_fit_the_styles(model: Model) -> None:
    frames, bank = torch.rand(2, 16, 24, 3), style_of(model, torch.rand(3, 18, 20, 3))
    for values, message in (((1.0, 0.0), "got 2 for 3"), ((0.0, 0.0, 0.0), "not all 0")):
        with pytest.raises(InputError, match=message):
            stylize(frames, bank, model=model, weights=Curve((0,), (values,)))

"""One frame of a film, before the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import adain_nodes
from adain_nodes.files.animations import Animation
from adain_nodes.files.films import write_film
from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture
from adain_nodes.models.model import Model, load_model
from adain_nodes.pipeline.transfer import style_of

from .test_stylize_films import OIL, TWO, Command

SIZE = (24, 32)


@pytest.fixture
def frames(folder: Path) -> Tensor:
    """A film of five frames, as an animated PNG."""
    frames = (torch.rand(5, *SIZE, 3) * 255).round() / 255
    path = folder / "film.png"
    write_film(path, Animation(path, SIZE, False, (40.0,) * 5, 3), iter(frames), SIZE)
    return frames


@pytest.fixture
def model(tiny_model_folder: Path) -> Model:
    return load_model(str(tiny_model_folder), precision="fp32", device=torch.device("cpu"))


def shown(path: str) -> Tensor:
    return read_picture(Path(path))


def test_it_is_what_the_frame_is_by_itself(
    stylize: Command, model: Model, frames: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ("--alpha", "0:0,end:0.8", "--weights", "0:1,0/end:0,1", "--frame", "4")
    still = ("--frame-statistics", "shared", "--steadiness", "0.5", "--size", "20")
    assert stylize("film.png", *TWO, "-o", "look.png", *how, *still) == 0
    assert "look.png" in capsys.readouterr().out
    styles = [style_of(model, shown(name), shorter_side=512) for name in ("oil.png", "ink.png")]
    expected = adain_nodes.stylize(
        frames[3:4], styles, model=model, alpha=0.6, weights=(0.25, 0.75), content_size=20
    )
    assert (shown("look.png") - expected).abs().max() < 0.51 / 255


def test_each_style_gives_a_picture(stylize: Command, model: Model, frames: Tensor) -> None:
    """In the folder OUT, named like results of pictures; masks hold, too."""
    assert stylize("film.png", *TWO, "-o", "looks/", "--frame", "1") == 0
    names = ("film_oil.png", "film_ink.png")
    assert sorted(path.name for path in Path("looks").iterdir()) == sorted(names)
    for name, art in zip(names, ("oil.png", "ink.png"), strict=True):
        style = style_of(model, shown(art), shorter_side=512)
        expected = adain_nodes.stylize(frames[:1], style, model=model)
        assert (shown(f"looks/{name}") - expected).abs().max() < 0.51 / 255
    assert stylize("film.png", *OIL, "-o", "masked.png", "--frame", "5", "--mask", "left.png") == 0
    style = style_of(model, shown("oil.png"), shorter_side=512)
    expected = adain_nodes.stylize(frames[4:], style, model=model, mask=read_mask(Path("left.png")))
    assert (shown("masked.png") - expected).abs().max() < 0.51 / 255


@pytest.mark.usefixtures("frames")
@pytest.mark.parametrize(
    ("content", "number", "message"),
    [
        ("film.png", "0", "--frame must name one of the 5 frames of film.png, from 1, got 0"),
        ("film.png", "6", "one of the 5 frames of film.png, from 1, got 6"),
        ("cat.png", "1", "--frame is for films, and cat.png is a picture"),
    ],
)
def test_what_is_not_there_is_refused(
    stylize: Command, capsys: pytest.CaptureFixture[str], content: str, number: str, message: str
) -> None:
    assert stylize(content, *OIL, "-o", "look.png", "--frame", number) == 2
    assert message in capsys.readouterr().err
    assert not Path("look.png").exists()
    assert stylize("film.png", *OIL, "-o", "look.mp4", "--frame", "1") == 2
    assert "look.mp4" in capsys.readouterr().err

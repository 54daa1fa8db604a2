"""Measures how much stylised films flicker, with each way to take statistics over time.

    python tools/measure_flicker.py

prints the table of docs/film.md. The films are made from example pictures, so that their motion is
known exactly:

- an object enters from the left and moves 8 px a frame in front of a still background;
- the light on the left part comes up, by the same amount every frame; flicker is measured on the
  right part, farther from it than the networks see, where nothing changes;
- the light on the whole picture comes up in the same way.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from example_pictures import content, square, style
from torch import Tensor

from adain_nodes.models.model import load_model
from adain_nodes.ops.flicker import flicker
from adain_nodes.pipeline.stylize import stylize_frames
from adain_nodes.pipeline.transfer import style_of
from adain_nodes.training.evaluation.films import SETTINGS

STYLES = ("swirls", "stained-glass", "woodcut")

WAYS = ("per_frame", "shared", "smoothed", "steadiness 1")  # of `SETTINGS`

STEP = 8  # px a frame; the networks' grid, so that sampling it anew is no flicker
REACH = 72  # px beyond which a result depends on a change by way of statistics alone
DARKEST = 0.4  # share of the light that the ramps begin with


@dataclass(frozen=True)
class Film:
    """A film whose motion is known."""

    frames: Tensor
    """[T,H,W,3] in 0..1."""

    motion: Tensor | None
    """See `flicker`."""

    visible: Tensor | None
    """See `flicker`."""


def entering_object(background: Tensor, obj: Tensor, frames: int) -> Film:
    """A disc of a picture [h,h,3] that comes into a picture [H,W,3] from the left."""
    height, width = background.shape[:2]
    side = len(obj)
    top = (height - side) // 2
    offsets = torch.arange(side) - (side - 1) / 2
    disc = offsets[:, None].square() + offsets.square() < (side / 2) ** 2
    canvas = background.new_zeros(height, 2 * side + width, 3)
    film, places = [], []
    for index in range(frames):
        left = min(STEP * index, side + width)
        shown, place = canvas.clone(), torch.zeros(canvas.shape[:2], dtype=torch.bool)
        shown[top : top + side, left : left + side] = obj
        place[top : top + side, left : left + side] = disc
        shown, place = shown[:, side:][:, :width], place[:, side:][:, :width]
        film.append(torch.where(place[..., None], shown, background))
        places.append(place)
    here = torch.stack(places[1:])
    before = torch.stack(places[:-1])
    motion = torch.zeros(*here.shape, 2)
    motion[..., 0] = STEP * here
    # The background that the object has left was hidden; the object brings along its own pixels.
    return Film(torch.stack(film), motion, (here | ~before).float())


def exposure_ramp(picture: Tensor, frames: int, *, lit: int) -> Film:
    """The light on the leftmost `lit` px of a picture [H,W,3] comes up from `DARKEST`."""
    width = picture.shape[1]
    light = torch.ones(frames, 1, width, 1)
    light[:, 0, :lit, 0] = torch.linspace(DARKEST, 1, frames)[:, None]
    visible = None
    if lit < width:
        visible = torch.zeros(frames - 1, *picture.shape[:2])
        visible[:, :, lit + REACH :] = 1
    return Film(picture * light, None, visible)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the flicker of stylised films.")
    parser.add_argument("--model", default="adain-vgg16")
    parser.add_argument("--size", type=int, default=256, help="side of the films in px")
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    picture = square(content("pavilion"), options.size)
    obj = square(content("cat"), options.size * 3 // 8)
    films = {
        "object enters": entering_object(picture, obj, options.frames),
        "light on a part": exposure_ramp(picture, options.frames, lit=options.size * 3 // 8),
        "light on all": exposure_ramp(picture, options.frames, lit=options.size),
    }
    model = load_model(options.model)
    looks = {name: style_of(model, style(name), shorter_side=options.size) for name in STYLES}
    print("| film | style | content | " + " | ".join(WAYS) + " |")
    print("|---|---|---|" + "---|" * len(WAYS))
    for title, film in films.items():
        own = flicker(film.frames, film.motion, film.visible)
        for name, look in looks.items():
            values = []
            for way in WAYS:
                results = stylize_frames(film.frames, look, SETTINGS[way], model=model)
                result = torch.stack(list(results))
                values.append(255 * flicker(result, film.motion, film.visible))
            print(_row(title, name, 255 * own, values), flush=True)


def _row(title: str, name: str, own: Tensor, values: list[Tensor]) -> str:
    cells = [f"{value.mean():.2f} ({value.max():.2f})" for value in values]
    return " | ".join([f"| {title}", name, f"{own.mean():.2f}", *cells]) + " |"


if __name__ == "__main__":
    main()

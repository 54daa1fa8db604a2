"""Draws the example film: python tools/art/draw_film.py [--output FILE].

A boat crosses a bay at evening. It has what films are hard by: one thing that moves in front of
others, water that changes everywhere, light clouds that drift, and ground that stays still.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from drawing_tools import Array, pigments, smoothstep
from PIL import Image, ImageDraw
from torch import Tensor

from adain_nodes.files.films import PictureSequence, write_film
from adain_nodes.files.pictures import write_picture

FILM = Path(__file__).parents[2] / "examples" / "films" / "boat.mp4"

HEIGHT, WIDTH, FRAMES, RATE = 240, 416, 60, 24
SCALE = 2  # drawn larger, for smooth edges
HORIZON = 0.52  # of the height


def clouded(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Array:
    """Noise of five octaves of this height and width, 0 to 1, that repeats nowhere."""
    total = np.zeros(size)
    for octave in range(5):
        rows, columns = (count << octave for count in cells)
        coarse = Image.fromarray(rng.random((rows, columns)).astype(np.float32))
        fine = coarse.resize(size[::-1], Image.Resampling.BICUBIC)
        total += np.asarray(fine, dtype=np.float64) / 2**octave
    scaled: Array = (total - total.min()) / (total.max() - total.min())
    return scaled


def drawn() -> Iterator[Array]:
    """The frames, each [H,W,3] in 0..1."""
    rng = np.random.default_rng(12)
    height, width = HEIGHT * SCALE, WIDTH * SCALE
    horizon = round(HORIZON * height)
    sky, dusk, cloud, far, near, deep, glint = pigments(
        "2f5d8c f3b27a fbe3c6 6d7f95 2e4a3f 274d63 ffd9a0"
    )
    drift = clouded(rng, (horizon, 2 * width), (3, 8))
    ridges = clouded(rng, (2, width), (1, 5))[0], clouded(rng, (2, width), (1, 9))[0]
    trees = clouded(rng, (height, width), (12, 24))
    waves = [clouded(rng, (height - horizon, 2 * width), (28 << k, 10 << k)) for k in range(2)]
    down = np.linspace(0, 1, horizon)[:, None]
    rows, columns = np.mgrid[:height, :width]
    depth = (np.arange(height - horizon)[:, None] + 1) / (height - horizon)
    sun = (0.68 * width, horizon - 0.16 * height)
    for frame in range(FRAMES):
        picture = np.empty((height, width, 3))
        air = sky + smoothstep(0.1, 1, down)[..., None] * (dusk - sky)
        left = round(0.8 * frame)
        veil = smoothstep(0.45, 0.75, drift[:, left : left + width]) * (0.35 + 0.65 * down)
        picture[:horizon] = air + veil[..., None] * (cloud - air)
        way = np.hypot(columns - sun[0], rows - sun[1]) / height
        glow = (0.9 * smoothstep(0.055, 0.045, way) + 0.35 * smoothstep(0.4, 0.0, way))[..., None]
        picture[:horizon] += (glow * (glint - 110))[:horizon].clip(0, 140)
        for ridge, colour, tall in ((ridges[0], far, 0.16), (ridges[1], near * 0.8 + 20, 0.09)):
            hill = rows > horizon - (0.03 + tall * ridge)[None] * height
            shade = (0.75 + 0.5 * trees)[..., None]
            picture = np.where(
                hill[..., None] & (rows < horizon)[..., None], colour * shade, picture
            )
        mirrored = np.repeat(air[::-1], -(-(height - horizon) // horizon), 0)[: height - horizon]
        steps = (round(1.3 * frame), round(2.4 * frame))
        moved = [wave[:, step : step + width] for wave, step in zip(waves, steps, strict=True)]
        swell: Array = np.stack(moved).mean(0)
        water = deep + (0.55 - 0.35 * depth)[..., None] * (mirrored - deep)
        crest = smoothstep(0.5, 0.8, swell) * (0.4 + 0.6 * depth)
        water = water + crest[..., None] * (np.array([205, 220, 225]) - water) * 0.75
        water = water * (0.8 + 0.4 * swell)[..., None]
        path = np.exp(-(((columns[horizon:] - sun[0]) / (0.05 + 0.16 * depth) / height) ** 2))
        spark = path * smoothstep(0.45, 0.65, swell)
        picture[horizon:] = water + spark[..., None] * (glint - water)
        yield sailed(picture, frame).clip(0, 255) / 255


def sailed(picture: Array, frame: int) -> Array:
    """A picture with the boat where it is in a frame."""
    height, width = picture.shape[:2]
    water = Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))
    image = water.copy()
    draw = ImageDraw.Draw(image)
    unit = 0.052 * height
    tilt = 0.08 * np.sin(frame / 7)
    middle = np.array([width * (0.12 + 0.5 * frame / FRAMES), height * 0.74 + 0.1 * unit * tilt])

    def shape(points: str, colour: str, *, mirrored: bool = False) -> None:
        corners = np.array([float(number) for number in points.split()]).reshape(-1, 2) * unit
        turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        corners = corners @ turn * ((1, -0.6) if mirrored else (1, 1)) + middle
        draw.polygon([tuple(corner) for corner in corners.tolist()], fill=colour)

    shape("-2.2 0.3 -2 -0.4 0.2 -6 2.4 -0.4 2.6 0.3", "#9b7b6a", mirrored=True)
    image = Image.blend(water, image, 0.45)
    draw = ImageDraw.Draw(image)
    shape("0.1 -6.4 0.3 -6.4 0.3 0 0.1 0", "#4a3524")
    shape("0.45 -6.1 0.45 -0.9 2.7 -0.9", "#f4ead6")
    shape("0 -5.7 0 -1 -2.1 -0.8", "#d8593b")
    shape("0 -3.6 0 -1 -2.1 -0.8 -1.35 -2.5", "#b8432c")
    shape("-2.6 -0.6 3.1 -0.6 2.2 0.5 -2 0.5", "#6b2f22")
    shape("-2.6 -0.6 3.1 -0.6 2.9 -0.25 -2.5 -0.25", "#e9dcc0")
    return np.asarray(image, dtype=np.float64)


def halved(frame: Array) -> Tensor:
    """A frame as it is stored."""
    parts = frame.reshape(HEIGHT, SCALE, WIDTH, SCALE, 3).mean((1, 3))
    return torch.from_numpy(parts).float()


def main() -> None:
    """Draws the film."""
    parser = argparse.ArgumentParser(description="Draws the example film.")
    parser.add_argument("--output", type=Path, default=FILM, metavar="FILE")
    output = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        still = Path(folder) / "frame.png"
        write_picture(still, torch.zeros(HEIGHT, WIDTH, 3))
        film = PictureSequence([still] * FRAMES, RATE)
        write_film(output, film, map(halved, drawn()), (HEIGHT, WIDTH))


if __name__ == "__main__":
    main()

"""Drawings and signs: charcoal, crayon, comic, facets, neon."""

import numpy as np
from drawing_tools import (
    SIDE,
    Array,
    Canvas,
    Random,
    blend,
    choose,
    jittered_seeds,
    noise,
    pigments,
    rgb,
    smoothstep,
    to_array,
    to_image,
    unit_grid,
    voronoi,
)
from PIL import Image, ImageDraw, ImageFilter


def _landscape(rng: Random) -> Array:
    """Light 0..1 of hills, a sun and clouds, for techniques that draw in tones."""
    x, y = unit_grid()
    light = 0.9 - 0.4 * y + 0.18 * noise(rng, (6, 3), 4)
    light = np.where(np.hypot(x - 0.7, y - 0.24) < 0.1, 1, light)
    for number, base in enumerate((0.42, 0.56, 0.74)):
        ridge = base - 0.12 * abs(noise(rng, 4, 4)[31 * number][None, :])
        shade = 0.45 - 0.12 * number + 0.25 * noise(rng, 9, 4)
        light = np.where(y > ridge, np.clip(shade + 0.6 * (y - ridge), 0, 1), light)
    return np.clip(light, 0, 1)


def charcoal(rng: Random) -> Image.Image:
    """Charcoal rubbed into rough paper, with lights lifted out and white chalk."""
    light = _landscape(rng)
    tooth = noise(rng, 130, 3)
    slant = noise(rng, (10, 90), 3)
    dark = np.clip(1.12 - 1.15 * light + 0.16 * slant, 0, 1)
    grain = smoothstep(-0.9, 0.9, 2.4 * dark - 1.2 + 0.7 * tooth)
    paper = pigments("cfc3b0")[0] + 6 * tooth[..., None]
    canvas = Canvas(blend(paper, 0.85 * grain, pigments("1d1b1c")[0]))
    tone = choose(pigments("151314 3a3637 6b6462 f4f0e8"), light)
    angle = 0.9 + 0.8 * noise(rng, 3, 2)
    edge = np.hypot(*np.gradient(light))
    canvas.strokes(
        rng, angle, tone, count=9000, width=9, length=70, within=np.clip(40 * edge + 0.04, 0, 1)
    )
    return to_image(to_array(canvas.image) + 16 * (tooth * smoothstep(-0.4, 0.8, tooth))[..., None])


def crayon(rng: Random) -> Image.Image:
    """A child's wax crayons: thick scribbles that leave the paper showing."""
    colour = choose(
        pigments("e5322d f98f1d fbd72b 37a647 1f78c8 7b3fa0 ee6aa7 6b3d1e"),
        0.5 + 0.42 * noise(rng, 4, 2),
    )
    paper = pigments("f8f3e6")[0]
    wax = Canvas(np.broadcast_to(paper, colour.shape))
    angle = 2.4 * noise(rng, 3, 1)
    for turn in (0.0, 0.5, -0.35):
        wax.strokes(rng, angle + turn, colour, count=1500, width=13, length=150, variation=14)
    tooth = smoothstep(-0.55, 0.25, noise(rng, 110, 2))
    return to_image(paper + tooth[..., None] * (to_array(wax.image) - paper))


def comic(rng: Random) -> Image.Image:
    """A panel of a comic book: black outlines, flat inks and screens of dots."""
    x, y = unit_grid()
    label, gap = voronoi(jittered_seeds(rng, 6), 300)
    inks = pigments("e4002b ffd400 0072ce ffffff ff7f32 6cc24a f9b7c8 111111")
    kind = rng.integers(0, len(inks), label.max() + 1)[label]
    flat = np.take(inks, kind, axis=0)
    dot = np.hypot((45 * (x + y)) % 1 - 0.5, (45 * (x - y)) % 1 - 0.5)
    size = 0.2 + 0.25 * (0.5 + 0.5 * np.sin(9 * x + 5 * y + label))
    screen = smoothstep(0.03, -0.03, dot - size) * (label % 3 != 0)
    second = np.take(inks, (kind + 3) % len(inks), axis=0)
    colour = flat + screen[..., None] * (second - flat)
    rays = abs(np.sin(14 * np.arctan2(y - 0.45, x - 0.5))) < 0.16
    colour = np.where((rays & (label % 4 == 1))[..., None], inks[7], colour)
    line = smoothstep(13, 9, gap + 5 * noise(rng, 8, 2))
    grain = 1 + 0.05 * noise(rng, 150, 1)
    return to_image(blend(colour, line, inks[7]) * grain[..., None])


def facets(rng: Random) -> Image.Image:
    """Ochre and grey planes that tilt against each other, after the Cubists."""
    x, y = unit_grid()
    colour = np.zeros((SIDE, SIDE, 3)) + pigments("8d7a5a")[0]
    tones = pigments("2a241d 4f4334 7d6a4c a58d62 c9b588 e8dcb8 6f7a78 48545a 9a5a34 b7c0b4")
    for number in range(150):
        size = 0.36 * 0.988**number
        px, py = rng.uniform(0, 1, 2)
        turn = rng.choice([0.3, 0.9, -0.6, 1.35]) + rng.normal(0, 0.15)
        u = np.cos(turn) * (x - px) + np.sin(turn) * (y - py)
        v = np.cos(turn) * (y - py) - np.sin(turn) * (x - px)
        inside = (u > 0) & (u < size) & (v > 0.35 * u - 0.4 * size) & (v < 0.5 * size - 0.3 * u)
        fade = 0.25 + 0.75 * np.clip(u / size, 0, 1)
        tone = tones[rng.integers(len(tones))]
        colour = np.where(inside[..., None], colour + fade[..., None] * (tone - colour), colour)
        edge = inside & ((u < 0.004) | (v < 0.35 * u - 0.4 * size + 0.005))
        colour = np.where(edge[..., None], pigments("1c1712")[0], colour)
    canvas = Canvas(colour)
    canvas.strokes(
        rng, 0.5 + noise(rng, 4, 2), colour, count=9000, width=17, length=30, variation=14
    )
    mixed = 0.45 * colour + 0.55 * to_array(canvas.relief(40))
    return to_image(mixed)


def neon(rng: Random) -> Image.Image:
    """Tubes of light over wet asphalt at night."""
    night = choose(pigments("07060f 0d0b22 161038 0a1a33"), 0.5 + 0.35 * noise(rng, 5, 3))
    tubes = Image.new("RGB", (SIDE, SIDE))
    pen = ImageDraw.Draw(tubes)
    lights = pigments("ff2bd6 18e0ff ffe14a 7c4dff ff5a36 2bff9e")
    t = np.linspace(0, 1, 160)
    for number in range(46):
        place, size = rng.uniform(0, SIDE, 2), rng.uniform(60, 200)
        ink = rgb(lights[number % len(lights)])
        if number % 3 == 0:
            box = [*(place - size / 2).tolist(), *(place + size / 2).tolist()]
            pen.arc(box, rng.uniform(0, 180), rng.uniform(200, 360), fill=ink, width=8)
        else:
            wave = 0.25 * np.sin(2 * np.pi * rng.integers(1, 4) * t)
            turn = rng.choice([0, 1.57, 0.7])
            line = np.stack([np.cos(turn) * t - np.sin(turn) * wave,
                             np.sin(turn) * t + np.cos(turn) * wave], axis=-1)  # fmt: skip
            pen.line((place + 1.7 * size * (line - 0.5)).ravel().tolist(), fill=ink, width=8)
    core = to_array(tubes)
    halo = sum(to_array(tubes.filter(ImageFilter.GaussianBlur(radius))) * gain
               for radius, gain in ((7, 0.9), (26, 1.3), (80, 1.6)))  # fmt: skip
    rain = 1 + 0.35 * noise(rng, (14, 120), 2)
    white = 0.55 * (core.max(axis=-1) > 0)[..., None] * (255 - core)
    return to_image((night + halo) * rain[..., None] + core + white)

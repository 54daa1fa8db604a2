"""Pictures in hard-edged media: glass, wood block, mosaic, geometric abstraction, colour print."""

import numpy as np
from drawing_tools import (
    SIDE,
    Array,
    Random,
    blend,
    centre_seeds,
    choose,
    jittered_seeds,
    noise,
    pigments,
    rgb,
    sample,
    smoothstep,
    to_array,
    to_image,
    unit_grid,
    voronoi,
)
from PIL import Image, ImageDraw


def stained_glass(rng: Random) -> Image.Image:
    """Leaded window: rings of glass round a rose, uneven in thickness and lit from behind."""
    glass = pigments("0a2a8c 1550c8 0f9fc8 d1121f 9d0b4a f7bd05 f27b06 118a3f 5b1f9c")
    middle = np.array([0.5, 0.46]) * SIDE
    seeds, hues = [middle[None]], [np.array([5])]
    rings = ((52, 8, 6), (118, 12, 3), (176, 24, 5), (246, 20, 1), (310, 40, 4), (376, 28, 0),
             (440, 52, 6), (512, 36, 2), (578, 64, 3), (650, 44, 0), (720, 76, 5), (790, 50, 1),
             (860, 60, 0))  # fmt: skip
    for number, (radius, amount, hue) in enumerate(rings):
        turn = (np.arange(amount) + 0.5 * number) * 2 * np.pi / amount
        away = radius + rng.uniform(-8, 8, amount)
        seeds.append(middle + away[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1))
        hues.append(np.where(rng.random(amount) < 0.7, hue, rng.integers(0, len(glass), amount)))
    label, gap = voronoi(np.concatenate(seeds), reach=130)
    hue_of_cell = np.concatenate(hues)
    streaks = 0.2 * noise(rng, (10, 30), 4) + 0.1 * noise(rng, 80, 2)
    glow = 0.66 + 0.5 * smoothstep(0, 60, gap) + streaks
    glow += rng.uniform(-0.16, 0.16, len(hue_of_cell))[label]
    light = glass[hue_of_cell][label] * glow[..., None] + 60 * smoothstep(18, 90, gap)[..., None]
    # Glass painters fire a thin dark line inside the lead; it halves the scale of the pattern.
    contour = 0.6 * np.exp(-(((gap - 30 - 4 * noise(rng, 30, 2)) / 3) ** 2))
    light = light * (1 - contour[..., None])
    lead = smoothstep(1.1, 0.9, gap / (13 + 2 * noise(rng, 20, 2)))
    metal = 14 + 80 * np.exp(-((gap / 3.5) ** 2)) + 10 * noise(rng, 60, 2)
    return to_image(blend(light, lead, np.repeat(metal[..., None], 3, axis=-1)))


def woodcut(rng: Random) -> Image.Image:
    """Black-line woodcut with a second block in vermilion: sun over hills and water."""
    x, y = unit_grid()
    wobble = 0.006 * noise(rng, 14, 3)
    sun = np.hypot(x - 0.63, y - 0.27)
    beam = np.cos(20 * np.arctan2(y - 0.27, x - 0.63) + 3 * noise(rng, 3, 2)) > 0.25
    # Lines run where the phase is constant; the tone says how much of the block is left standing.
    phase = 64 * (sun + wobble)
    tone = 0.7 * (sun - 0.15) + np.where(beam, -0.05, 0.42)
    for number, base in enumerate((0.42, 0.5, 0.58)):
        swell = 0.07 * np.sin((5 + 2 * number) * x + 2.4 * number)
        depth = y - base - swell - 0.03 * np.sin(17 * x + number)
        slant = 0.8 * x * (-1) ** number + 1.1 * depth + 3 * wobble
        phase = np.where(depth > 0, (46 + 4 * number) * slant, phase)
        slope = np.where(depth < 0.008, 1.2, 0.28 + 3.4 * depth)
        tone = np.where(depth > 0, slope, tone)
    water = y > 0.72 + 0.015 * np.sin(9 * x)
    ripple = 44 * (y + 0.016 * np.sin(16 * x + 60 * y) + 2 * wobble)
    shimmer = 0.5 * np.exp(-(((x - 0.63) / 0.1) ** 2))
    phase = np.where(water, ripple, phase)
    tone = np.where(water, 0.5 + 0.35 * np.sin(11 * x + 30 * y) - shimmer, tone)
    for root, half in ((0.09, 0.022), (0.2, 0.014), (0.93, 0.026)):
        trunk = abs(x - root - 0.02 * np.sin(9 * y + 9 * root)) < half
        phase, tone = np.where(trunk, 60 * (0.4 * y + x), phase), np.where(trunk, 0.86, tone)
    cut = 0.5 + 0.5 * np.cos(2 * np.pi * phase) + 0.16 * noise(rng, 60, 2)
    ink = smoothstep(-0.06, 0.06, tone - cut)
    grain = 0.06 * noise(rng, (170, 8), 2)
    disc = smoothstep(0.004, -0.004, sun - 0.13 + wobble)
    red = disc + 0.75 * water * (np.cos(np.pi * ripple) > 0.1)
    paper = blend(pigments("f3e6c8")[0] * (1 + 0.4 * grain[..., None]), red, pigments("d8341c")[0])
    worn = np.clip(0.95 + 2 * grain, 0, 1)
    return to_image(blend(paper, np.where(sun < 0.12, 0, ink) * worn, pigments("17130f")[0]))


def _fish(x: Array, y: Array, turn: float) -> tuple[Array, Array]:
    """Place along a fish (0 head, 1 end of tail; else outside) and across it (-1..1)."""
    along = (np.cos(turn) * x + np.sin(turn) * y) / 0.6 + 0.5
    aside = (np.cos(turn) * y - np.sin(turn) * x) / 0.6
    body = 0.44 * np.sqrt(np.clip(along, 0, 1)) * np.clip(0.86 - along, 0, 1)
    tail = 0.65 * np.clip(along - 0.76, 0, 0.24)
    half = np.where(along < 1, np.maximum(body, tail), 0) + 1e-6
    return np.where(along > 0, along, 2), aside / half


def mosaic(rng: Random) -> Image.Image:
    """Roman floor of small stones whose rows follow the drawing: two fish in a rolling sea."""
    x, y = unit_grid()
    swell = y + 0.04 * np.sin(9 * x + 4 * y) + 0.02 * noise(rng, 4, 2)
    sea = pigments("e9dfc4 8fc1b5 2f8f9d 14597a 0d3352 14597a 2f8f9d 8fc1b5")
    colour = choose(sea, (swell * 5) % 1)
    angle = np.arctan2(-np.gradient(swell, axis=1), np.gradient(swell, axis=0))
    scales = pigments("f4e3b2 f2a541 d9541e a32618 5c1a1b")
    for centre_x, centre_y, turn in ((0.45, 0.33, -0.35), (0.55, 0.7, 3.0)):
        along, aside = _fish(x - centre_x, y - centre_y, turn)
        inside = (abs(aside) < 1) & (along < 1)
        outline = (abs(aside) < 1.45) & (along < 1.03) & ~inside
        rows = choose(scales, 0.5 - 0.45 * aside + 0.2 * np.sin(55 * along))
        rows = np.where((along < 0.17)[..., None], scales[1], rows)
        colour = np.where(inside[..., None], rows, colour)
        colour = np.where(outline[..., None], pigments("1a1512")[0], colour)
        eye = np.hypot(along - 0.09, 0.12 * (aside + 0.3))
        colour = np.where((eye < 0.035)[..., None], pigments("fdf6e3")[0], colour)
        angle = np.where(inside | outline, turn + 0.25 * aside, angle)
    border = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    checks = (np.floor(18 * x) + np.floor(18 * y)) % 2
    frame = pigments("f1e4c3 a32618")[checks.astype(int)]
    colour = np.where((border < 0.056)[..., None], frame, colour)
    colour = np.where((abs(border - 0.066) < 0.011)[..., None], pigments("1a1512")[0], colour)
    angle = np.where(border < 0.08, 0, angle)
    seeds = jittered_seeds(rng, 50)
    for _ in range(8):
        seeds = centre_seeds(seeds, voronoi(seeds, 40, angle)[0])
    label, gap = voronoi(seeds, 40, angle)
    shades = rng.normal(1, 0.1, (len(seeds), 1)) * rng.normal(1, 0.03, (len(seeds), 3))
    stones = (sample(colour, seeds) * shades)[label]
    surface = 1 + 0.07 * noise(rng, 120, 2) + 0.1 * smoothstep(2, 16, gap)
    grout = pigments("3a332c")[0] + 9 * noise(rng, 150, 2)[..., None]
    return to_image(blend(grout, smoothstep(2.5, 4.5, gap), stones * surface[..., None]))


def _box(centre: Array, radius: float) -> list[float]:
    """The bounding box of a circle, in pixels."""
    return [*(centre - radius).tolist(), *(centre + radius).tolist()]


def _corners(centre: Array, radius: float, turn: float, number: int) -> list[tuple[float, float]]:
    """Corners of a regular polygon, in pixels."""
    turns = turn + np.arange(number) * 2 * np.pi / number
    points = centre + radius * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    return [(px, py) for px, py in points.tolist()]


# The figures of geometry(): each takes the pen, the random numbers, its place and radius in
# pixels, and its turn in radians.
INKS = pigments("d7263d f4b41a 1b4f9c 17130f 1f8a70 f26430 6a3d9a 3fb8d4 f08fb0")
BLACK = rgb(INKS[3])


def _ink(rng: Random, alpha: int = 255) -> tuple[int, int, int, int]:
    return (*rgb(INKS[rng.integers(len(INKS))]), alpha)


def _axes(turn: float) -> tuple[Array, Array]:
    """Unit vectors along the turn and across it."""
    ahead = np.array([np.cos(turn), np.sin(turn)])
    return ahead, np.array([-ahead[1], ahead[0]])


def _rings(pen: ImageDraw.ImageDraw, rng: Random, place: Array, radius: float, _: float) -> None:
    for part, alpha in ((1.15, 90), (1, 235), (0.74, 235), (0.5, 235), (0.28, 235)):
        box = _box(place, radius * part)
        pen.ellipse(box, fill=_ink(rng, alpha), outline=BLACK, width=4)


def _wedge(pen: ImageDraw.ImageDraw, rng: Random, place: Array, radius: float, turn: float) -> None:
    corners = _corners(place, radius * 1.6, turn, 3)
    pen.polygon(corners, fill=_ink(rng, 200), outline=BLACK, width=4)


def _plate(pen: ImageDraw.ImageDraw, rng: Random, place: Array, radius: float, turn: float) -> None:
    corners = _corners(place, radius * 1.6, turn, 4)
    pen.polygon(corners, fill=_ink(rng, 200), outline=BLACK, width=4)


def _fan(pen: ImageDraw.ImageDraw, rng: Random, place: Array, radius: float, turn: float) -> None:
    ahead, aside = _axes(turn)
    for spread in np.linspace(-0.5, 0.5, rng.integers(8, 14)):
        tip = place + 3.2 * radius * (ahead + spread * aside)
        pen.line([*place.tolist(), *tip.tolist()], fill=BLACK, width=4)


def _checkers(
    pen: ImageDraw.ImageDraw, rng: Random, place: Array, size: float, turn: float
) -> None:
    ahead, aside = _axes(turn)
    cell = size / 2.6
    for row, column in np.ndindex(5, 5):
        centre = place + cell * ((row - 2) * ahead + (column - 2) * aside)
        shade = _ink(rng, 240) if (row + column) % 2 else (*BLACK, 235)
        pen.polygon(_corners(centre, cell * 0.71, turn + np.pi / 4, 4), fill=shade)


def _arcs(pen: ImageDraw.ImageDraw, rng: Random, place: Array, radius: float, turn: float) -> None:
    start = float(np.degrees(turn))
    for ring in range(5):
        box = _box(place, radius * (0.5 + 0.28 * ring))
        pen.arc(box, start, start + 170, fill=_ink(rng), width=4 + 5 * (ring % 3))


def _bars(pen: ImageDraw.ImageDraw, rng: Random, place: Array, radius: float, turn: float) -> None:
    ahead, aside = _axes(turn)
    for shift in np.linspace(-0.6, 0.6, 6):
        ends = place + np.outer([-2.2, 2.2], radius * ahead) + shift * radius * aside
        pen.line(ends.ravel().tolist(), fill=_ink(rng), width=int(rng.integers(4, 16)))


def geometry(rng: Random) -> Image.Image:
    """Circles, wedges, grids and lines that cross and tint each other, after Kandinsky."""
    ground = pigments("efe2c4")[0] + 14 * noise(rng, 3, 4)[..., None]
    for tint in pigments("f2c14e 7fb7d6 e58f7b b4c97a"):
        ground = blend(ground, 0.65 * smoothstep(0.1, 0.9, noise(rng, 3, 3)), tint)
    image = to_image(ground)
    pen = ImageDraw.Draw(image, "RGBA")
    figures = (_rings, _wedge, _plate, _fan, _checkers, _arcs, _bars)
    places = jittered_seeds(rng, 8)
    rng.shuffle(places)
    for number, place in enumerate(places):
        # The first two of each kind lie underneath and carry the composition.
        radius = rng.uniform(50, 115) * (1.8 if number < 2 * len(figures) else 1)
        figures[number % len(figures)](pen, rng, place, radius, rng.uniform(0, 2 * np.pi))
    for place in rng.uniform(0, SIDE, (150, 2)):
        box = _box(place, rng.uniform(4, 15))
        pen.ellipse(box, fill=_ink(rng), outline=BLACK, width=3)
    weave = 1 + 0.07 * noise(rng, 150, 2) + 0.06 * noise(rng, 16, 3)
    return to_image(to_array(image) * weave[..., None])


def wave(rng: Random) -> Image.Image:
    """Breaking waves as a colour print: flat blues with key lines and claws of foam."""
    x, y = unit_grid()
    blues = pigments("0f2a5c 1d4e89 3f7cac 9cc4cf e9e4cf")
    sky = np.full((SIDE, SIDE, 3), pigments("ecd9b0")[0])
    sky = blend(sky, smoothstep(0.28, 0, y), pigments("c9503a")[0])
    streaks = np.sin(150 * y + 2 * np.sin(5 * x) + 2 * noise(rng, (6, 2), 2)) > 0.55
    sky = blend(sky, 0.35 * streaks, pigments("8a5a44")[0])
    image = to_image(sky)
    pen = ImageDraw.Draw(image)
    t = np.linspace(-7, 60, 5000)
    for row in range(9):
        size = 24 + 7 * row
        height = (1 + np.cos(t)) / 2
        swing = 1 + 0.3 * np.sin(0.37 * t + 1.7 * row)
        # A trochoid has sharp crests; the high powers of the height throw their tips forward.
        crest_x = 1.6 * size * (t - 1.15 * np.sin(t)) - 2.6 * size * height**4 * swing
        crest_x += rng.uniform(-150, 50)
        crest_y = 330 + 84 * row - size * (3.1 * height - 1.1 * height**10) * swing
        for band, tint in enumerate((0, 4, 1, 2, 4, 0, 3, 1, 2, 4, 1, 0)):
            drop = 0.22 * band * size
            edge = np.stack([crest_x + 0.2 * drop, crest_y + drop], axis=-1).ravel().tolist()
            pen.polygon([*edge, 3 * SIDE, 2 * SIDE, -SIDE, 2 * SIDE], fill=rgb(blues[tint]))
        crest = np.stack([crest_x, crest_y], axis=-1)
        pen.line(crest.ravel().tolist(), fill=rgb(blues[0]), width=5)
        foam = rng.choice(np.flatnonzero(height > 0.6), 1500)
        spots = crest[foam] + rng.normal(0, 0.17 * size, (len(foam), 2))
        spots[::6] -= rng.exponential(0.5 * size, (len(spots[::6]), 2))
        radii = rng.uniform(0.03, 0.15, len(foam)) * size * height[foam] + 2
        radii[::6] *= 0.5
        for spot, radius in zip(spots, radii, strict=True):
            pen.ellipse(_box(spot, radius), fill=rgb(blues[4]), outline=rgb(blues[0]), width=2)
    grain = 1 + 0.05 * noise(rng, (150, 10), 2)
    return to_image(to_array(image) * grain[..., None])

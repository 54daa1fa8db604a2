"""Patterns of crafts: gold ground, batik, glazed tiles, cut stone, embroidery, lacquer."""

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
    sample,
    smoothstep,
    to_array,
    to_image,
    unit_grid,
    voronoi,
)
from PIL import Image, ImageDraw


def gold_ground(rng: Random) -> Image.Image:
    """Gold leaf with spirals, eyes and small squares, after Klimt."""
    leaf = choose(pigments("8a5a12 b98320 d9a833 f0cf62 fbe79a"), 0.5 + 0.3 * noise(rng, 24, 3))
    image = to_image(leaf)
    pen = ImageDraw.Draw(image)
    inks = pigments("17130f f7e9c0 8c1c2e 14507a 2f7a4a e0672a 5d2f78")
    turn = np.linspace(0, 7 * np.pi, 220)
    for place in jittered_seeds(rng, 9):
        kind, size = rng.integers(4), rng.uniform(30, 64)
        ink = rgb(inks[rng.integers(len(inks))])
        if kind == 0:
            radius = size * turn / turn[-1] * 1.3
            spiral = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * radius[:, None] + place
            pen.line(spiral.ravel().tolist(), fill=ink, width=8, joint="curve")
        elif kind == 1:
            for part in (1.2, 0.85, 0.5, 0.2):
                high = size * part
                box = [
                    place[0] - 0.5 * high,
                    place[1] - high,
                    place[0] + 0.5 * high,
                    place[1] + high,
                ]
                pen.ellipse(
                    box, fill=rgb(inks[rng.integers(len(inks))]), outline=rgb(inks[0]), width=3
                )
        elif kind == 2:
            for row, column in np.ndindex(4, 4):
                corner = place + (np.array([column, row]) - 2) * size * 0.55
                shade = rgb(inks[rng.integers(len(inks))])
                pen.rectangle([*corner.tolist(), *(corner + size * 0.45).tolist()], fill=shade)
        else:
            corners = [place + size * np.array(c) for c in ((0, -1.2), (1, 0.7), (-1, 0.7))]
            pen.polygon(np.concatenate(corners).tolist(), fill=ink, outline=rgb(inks[0]))
    for place in rng.uniform(0, SIDE, (900, 2)):
        radius = rng.uniform(3, 8)
        box = [*(place - radius).tolist(), *(place + radius).tolist()]
        pen.ellipse(box, fill=rgb(leaf[0, 0] * rng.uniform(0.6, 1.3)), outline=rgb(inks[0]))
    glow = 1 + 0.1 * noise(rng, 90, 2)
    return to_image(to_array(image) * glow[..., None])


def batik(rng: Random) -> Image.Image:
    """Indigo cloth dyed round wax: flowers, dots and the veins where the wax has cracked."""
    x, y = unit_grid()
    cloth = choose(pigments("0b1838 12285c 1d3f87 2f5fae"), 0.5 + 0.3 * noise(rng, 6, 3))
    wax = np.zeros((SIDE, SIDE))
    warm = np.zeros((SIDE, SIDE))
    for px, py in jittered_seeds(rng, 5) / SIDE:
        dx, dy = x - px, y - py
        away, turn = np.hypot(dx, dy), np.arctan2(dy, dx)
        size, petals = rng.uniform(0.06, 0.11), rng.integers(5, 10)
        edge = size * (0.7 + 0.3 * np.cos(petals * turn))
        wax = np.maximum(wax, smoothstep(edge + 0.003, edge - 0.003, away))
        vein = (abs(np.sin(0.5 * petals * turn)) < 0.12) & (away < edge * 0.85)
        wax = np.where(vein, 0, wax)
        warm = np.maximum(warm, smoothstep(0.36 * size, 0.3 * size, away))
        ring = abs(away - 1.35 * size) < 0.005
        beads = ring & (np.cos(4 * petals * turn) > 0)
        wax = np.maximum(wax, beads)
    dots = np.cos(2 * np.pi * 26 * x) * np.cos(2 * np.pi * 26 * y) > 0.86
    wax = np.maximum(wax, dots * (wax == 0))
    colour = blend(cloth, wax, pigments("efe3c8")[0])
    colour = blend(colour, warm, pigments("a3481f")[0])
    _, gap = voronoi(jittered_seeds(rng, 17), 130)
    crackle = smoothstep(5, 1, gap + 3 * noise(rng, 60, 2)) * smoothstep(
        -0.3, 0.6, noise(rng, 5, 2)
    )
    colour = blend(colour, 0.75 * crackle, pigments("10204a")[0])
    weave = 1 + 0.05 * np.sin(2 * np.pi * 170 * x) + 0.05 * np.sin(2 * np.pi * 170 * y)
    return to_image(colour * weave[..., None])


def tiles(rng: Random) -> Image.Image:
    """Glazed tiles painted in blue, each with its own hand."""
    x, y = unit_grid()
    across = 4
    u, v = (across * x) % 1 - 0.5, (across * y) % 1 - 0.5
    wobble = 0.02 * noise(rng, 18, 3)
    away, turn = np.hypot(u, v) + wobble, np.arctan2(v, u)
    corner = np.hypot(abs(u) - 0.5, abs(v) - 0.5) + wobble
    flower = away - 0.2 * (0.72 + 0.28 * np.cos(8 * turn))
    lines = np.minimum.reduce([
        abs(flower), abs(away - 0.33 - 0.03 * np.cos(12 * turn)), abs(corner - 0.26),
        abs(corner - 0.2) + 0.004, abs(corner - 0.09),
    ])  # fmt: skip
    fill = np.maximum(smoothstep(0.01, -0.01, flower), smoothstep(0.2, 0.18, corner))
    fill *= 0.45 + 0.5 * (np.cos(8 * turn + 30 * away) > 0)
    stripes = 0.5 + 0.5 * np.cos(2 * np.pi * 34 * (u + v))
    shade = smoothstep(0.26, 0.3, corner) * smoothstep(0.34, 0.38, away) * stripes * 0.55
    brush = 0.8 + 0.25 * noise(rng, 30, 3)
    paint = np.clip(smoothstep(0.016, 0.008, lines) + fill + shade, 0, 1) * brush
    glaze = pigments("f4f1e6")[0] + 4 * noise(rng, 9, 3)[..., None]
    colour = blend(glaze, 0.55 * paint, pigments("3f7fc4")[0])
    colour = blend(colour, smoothstep(0.5, 1, paint), pigments("153a8a")[0])
    yellow = smoothstep(0.075, 0.065, away) + smoothstep(0.075, 0.065, corner)
    colour = blend(colour, 0.85 * yellow, pigments("e3a424")[0])
    joint = smoothstep(0.494, 0.498, np.maximum(abs(u), abs(v)))
    chips = smoothstep(1.1, 1.3, noise(rng, 30, 2))
    colour = blend(colour, np.maximum(joint, 0.6 * chips), pigments("8a8272")[0])
    shine = 10 * noise(rng, 5, 2)
    return to_image(colour + shine[..., None])


def agate(rng: Random) -> Image.Image:
    """A cut stone: bands of crystal round hollows, teal, rust and white."""
    x, y = unit_grid()
    seeds = jittered_seeds(rng, 4)
    warp_x, warp_y = 60 * noise(rng, 4, 4), 60 * noise(rng, 4, 4)
    points = np.stack([x * SIDE + warp_x, y * SIDE + warp_y], axis=-1)
    label, gap = voronoi(seeds, 420)
    depth = sample(gap, points) / 150 + 0.03 * noise(rng, 40, 3)
    stone = pigments("f8f4ea 0c3b4a 17707c e9dfc8 5fb3ad f7efe0 8a3a1c d98a4a fbe9cf 3a1414")
    bands = choose(stone, (2.1 * depth + 0.13 * sample(label.astype(float), points)) % 1)
    fine = 0.12 * np.sin(120 * depth)
    sparkle = smoothstep(1.0, 1.4, noise(rng, 120, 2)) * (depth > 0.9)
    return to_image(blend(bands * (1 + fine[..., None]), sparkle, pigments("ffffff")[0]))


def embroidery(rng: Random) -> Image.Image:
    """Satin stitch on linen: every thread catches the light along its length."""
    x, y = unit_grid()
    linen = pigments("2b2f4a")[0] * (1 + 0.12 * noise(rng, 170, 1)[..., None])
    colour = choose(pigments("22304f 2a4468 1f5560"), 0.5 + 0.3 * noise(rng, 4, 2))
    angle = 0.5 + 0.6 * noise(rng, 3, 2)
    threads = ("c2193a e8506a f9a3a8", "e38b1c f6c244 fdeaa0", "5d2f8a 9a5fc4 d4b0e8",
               "d8d2c4 ffffff f2e6c8")  # fmt: skip
    for number, (px, py) in enumerate(jittered_seeds(rng, 4) / SIDE):
        dx, dy = x - px, y - py
        away, turn = np.hypot(dx, dy), np.arctan2(dy, dx) + rng.uniform(0, 6)
        edge = rng.uniform(0.1, 0.15) * (0.72 + 0.28 * np.cos(6 * turn))
        stem = (abs(dx - 0.05 * np.sin(9 * dy)) < 0.012) & (dy > 0) & (dy < 0.3)
        leaf = np.hypot(dx - 0.06, 2.2 * (dy - 0.2)) < 0.06
        green = choose(pigments("1d5a3a 3f8a4a 8fbf5a"), 0.5 + 0.4 * noise(rng, 12, 1))
        colour = np.where((stem | leaf)[..., None], green, colour)
        angle = np.where(leaf, 0.8, np.where(stem, 1.57, angle))
        petal = choose(pigments(threads[number % 4]), 1 - away / 0.15)
        colour = np.where((away < edge)[..., None], petal, colour)
        heart = choose(pigments("f6c244 8a4a12"), away / 0.05)
        colour = np.where((away < 0.035)[..., None], heart, colour)
        angle = np.where(away < edge, turn, angle)
    canvas = Canvas(linen)
    canvas.strokes(rng, angle, colour, count=11000, width=9, length=52, variation=12)
    canvas.strokes(rng, angle, colour * 1.1, count=9000, width=6, length=40, variation=20)
    return canvas.relief(58)


def art_deco(rng: Random) -> Image.Image:
    """Fans of brass on black and green lacquer."""
    x, y = unit_grid()
    colour = np.broadcast_to(pigments("0b0d10")[0], (SIDE, SIDE, 3))
    brass = choose(pigments("6b4a16 a87a2a d9b155 f7e3a1"), 0.5 + 0.35 * noise(rng, (40, 6), 2))
    lacquer = pigments("0b0d10 0f3d3a 14514a 7a1f24")
    rows = 7
    for row in range(rows + 2):
        for column in range(-1, 5):
            px, py = (column + 0.5 * (row % 2)) / 4, row / rows
            away, turn = np.hypot(x - px, y - py) / 0.14, np.arctan2(py - y, x - px)
            inside = (away < 1) & (y < py)
            ground = lacquer[(row + 2 * column) % len(lacquer)]
            rays = abs(np.sin(8 * turn)) < 0.2 + 0.05 * away
            rings = abs((5 * away) % 1 - 0.5) > 0.42
            lit = (rays & (away > 0.3)) | rings | (away > 0.94)
            colour = np.where(inside[..., None], np.where(lit[..., None], brass, ground), colour)
    polish = 1 + 0.12 * np.sin(3 * x + 5 * y) + 0.06 * noise(rng, 150, 2)
    return to_image(np.asarray(colour) * polish[..., None])


def groove(rng: Random) -> Image.Image:
    """A poster of the sixties: bands that swell and curl, in colours that sting."""
    x, y = unit_grid()
    bend = noise(rng, 2, 2)
    field: Array = 7 * np.hypot(x - 0.5, y - 0.62) + 1.5 * bend + 0.6 * np.sin(9 * x + 3 * bend)
    colour = choose(pigments("f6431c fbb01a f9ec31 ee2a7b 6a1b9a 0f8bd0 12b886"), (field * 0.9) % 1)
    edge = smoothstep(0.07, 0.03, abs((field * 0.9 * 7) % 1 - 0.5) * 0.45)
    inner = (np.sin(2 * np.pi * 18 * field) > 0.35) & (np.sin(2 * np.pi * field * 0.45) > 0.5)
    colour = blend(colour, np.where(inner, 0.8, 0.0), pigments("fff4d6")[0])
    colour = blend(colour, edge, pigments("180a2a")[0])
    print_grain = 1 + 0.06 * noise(rng, 140, 2)
    return to_image(colour * print_grain[..., None])

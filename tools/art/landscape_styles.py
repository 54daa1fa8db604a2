"""Landscapes and gardens in thick paint and pastel."""

import numpy as np
from drawing_tools import (
    SIDE,
    Array,
    Canvas,
    Random,
    choose,
    noise,
    pigments,
    smoothstep,
    unit_grid,
)
from numpy.typing import NDArray
from PIL import Image


def _over(ground: Array, where: NDArray[np.bool_], names: str, position: Array) -> Array:
    """The ground with a palette laid over it where a condition holds."""
    return np.where(where[..., None], choose(pigments(names), position), ground)


def _oil(
    rng: Random, angle: Array, colour: Array, *, widths: tuple[float, ...], relief: float = 48
) -> Image.Image:
    """A picture painted in layers of strokes, from the widest brush to the narrowest."""
    canvas = Canvas(colour)
    for width in widths:
        count = round(1.6 * (SIDE / width) ** 2)
        canvas.strokes(rng, angle, colour, count=count, width=width, length=4 * width, variation=13)
    return canvas.relief(relief)


def water_lilies(rng: Random) -> Image.Image:
    """A pond with lilies in the evening, in strokes that lie as still as the water."""
    x, y = unit_grid()
    depth = noise(rng, (5, 2), 3)
    colour = choose(pigments("1e3a5f 2c5f7c 4f8a8b 7aa8a0 8d7fb3 b8a9d0"), 0.5 + 0.3 * depth)
    willow = np.sin(34 * x + 3 * noise(rng, 3, 2)) * smoothstep(0.6, 0, y)
    colour = _over(colour, willow > 0.45, "1f4d36 3c7a4a 86a957", 0.5 + 0.4 * noise(rng, 9, 2))
    angle = 0.15 * noise(rng, 4, 2) + np.where(willow > 0.45, 1.4, 0)
    pads = noise(rng, (14, 5), 2) > 0.55 - 0.3 * y
    colour = _over(colour, pads, "2f6b3f 5d9a4c a6c86a d9df9b", 0.5 + 0.4 * noise(rng, 20, 2))
    canvas = Canvas(colour)
    canvas.strokes(rng, angle, colour, count=4200, width=26, length=90, variation=10)
    canvas.strokes(rng, angle, colour, count=6000, width=13, length=55, variation=15)
    bloom = choose(pigments("f7c8d8 ef8fb0 fff1ef f3d36b"), rng.random((SIDE, SIDE)))
    within = pads * smoothstep(0.25, 0.9, noise(rng, 12, 1))
    canvas.strokes(
        rng, 2 * noise(rng, 40, 1), bloom, count=5000, width=16, length=22, within=within
    )
    return canvas.relief(40)


def wheat_field(rng: Random) -> Image.Image:
    """Wheat under a turbulent sky with cypresses, in ropes of paint."""
    x, y = unit_grid()
    cloud = noise(rng, (4, 3), 3)
    colour = choose(pigments("2a6fb0 5b9bd0 9cc6d9 e9efe2 f7f3dc"), 0.45 + 0.35 * cloud)
    slope = np.gradient(cloud)
    angle = np.arctan2(-slope[1], slope[0]) + 0.2
    horizon = 0.5 + 0.03 * np.sin(6 * x) + 0.06 * x
    corn = y > horizon
    gold = "a8641a d68f1f f0b92e fbe06a fff3b0"
    colour = _over(colour, corn, gold, 0.5 + 0.4 * noise(rng, (14, 6), 3))
    angle = np.where(corn, -1.2 + 0.5 * np.sin(9 * x + 4 * y) + 0.2 * noise(rng, 6, 2), angle)
    path = abs(x - 0.45 - 0.25 * np.sin(4 * y)) < 0.02 + 0.12 * (y - 0.5)
    colour = _over(colour, corn & path, "3f7a36 7fa33c 8c4a24", 0.5 + 0.4 * noise(rng, 9, 2))
    for root, top, wide in ((0.74, 0.06, 0.07), (0.87, 0.2, 0.05)):
        sway = root + 0.015 * np.sin(22 * y)
        tree = (abs(x - sway) < wide * np.sin(np.pi * np.clip((y - top) / 0.6, 0, 1))) & (y > top)
        colour = _over(colour, tree, "0c2a22 164a34 2f6b38 6f8f3a", 0.45 + 0.4 * noise(rng, 14, 2))
        angle = np.where(tree, -1.57 + 0.7 * np.sin(26 * y + 20 * x), angle)
    return _oil(rng, angle, colour, widths=(34, 22, 14))


def birches(rng: Random) -> Image.Image:
    """White trunks before leaves in every colour of autumn."""
    x, y = unit_grid()
    colour = choose(
        pigments("7a1f12 c23b16 ea7a1c f6b42c f9dd6d 5d7a2c 24466b"), 0.5 + 0.4 * noise(rng, 7, 4)
    )
    angle = 1.2 * noise(rng, 7, 2)
    floor = y > 0.8 + 0.02 * np.sin(8 * x)
    colour = _over(colour, floor, "4a1a12 8c2f16 d8641d f2a53a", 0.5 + 0.4 * noise(rng, (20, 8), 2))
    angle = np.where(floor, 0.1, angle)
    canvas = Canvas(colour)
    canvas.strokes(rng, angle, colour, count=6500, width=24, length=34, variation=16)
    bark = np.zeros((SIDE, SIDE))
    shade = np.full((SIDE, SIDE), 0.5)
    for root, half in ((0.08, 0.02), (0.2, 0.035), (0.36, 0.018), (0.52, 0.045), (0.66, 0.02),
                       (0.79, 0.03), (0.93, 0.04)):  # fmt: skip
        aside = (x - root - 0.02 * np.sin(3 * y + 40 * root)) / half
        trunk = (abs(aside) < 1) & (y < 0.86 + half)
        bark = np.maximum(bark, trunk)
        scar = 0.5 * (np.sin(90 * y + 30 * root + 3 * noise(rng, 9, 2)) > 0.86)
        shade = np.where(trunk, 0.75 - 0.35 * aside - scar, shade)
    silver = choose(pigments("1d1a24 4b4a63 8d93ab c9cbd3 f3efe4 fffaf0"), shade)
    trunks = np.full_like(x, 1.57)
    canvas.strokes(rng, trunks, silver, count=9000, width=12, length=34, within=bark)
    leaves = choose(pigments("f6b42c ffe07a ea5a1c c22a16 fff3c0"), rng.random((SIDE, SIDE)))
    crown = smoothstep(0.2, 0.8, noise(rng, 8, 2)) * (y < 0.75)
    dabs = 2 * noise(rng, 40, 1)
    canvas.strokes(rng, dabs, leaves, count=5200, width=15, length=18, within=crown)
    return canvas.relief(50)


def sunset(rng: Random) -> Image.Image:
    """The sun behind bars of cloud, over the sea, laid on with a palette knife."""
    x, y = unit_grid()
    away = np.hypot(x - 0.4, y - 0.52)
    bars = 0.16 * np.sin(60 * y + 4 * noise(rng, (3, 2), 2))
    sky = pigments("fff3b5 fdc94a f58a2c e2502d b5294e 6c2167 2f1b55")
    colour = choose(sky, 1.15 * away + bars + 0.12 * noise(rng, (9, 3), 2))
    sea = y > 0.6
    glitter = np.exp(-(((x - 0.4) / (0.04 + 0.5 * (y - 0.6))) ** 2))
    waves = 0.65 * glitter + 0.3 * noise(rng, (30, 5), 2) + 0.2
    colour = _over(colour, sea, "1a1440 3a1f66 8a2b63 e2502d fdb54a fff0a8", waves)
    knife = 0.12 * noise(rng, 6, 2)
    return _oil(rng, knife, colour, widths=(52, 34, 20), relief=64)


def harbour(rng: Random) -> Image.Image:
    """Boats at noon in unmixed colours side by side, after the Fauves."""
    x, y = unit_grid()
    colour = choose(pigments("3fb0c9 7fd0d6 f6d7c3 f4a6b7 fbe7a1"), 0.5 + 0.45 * noise(rng, 4, 2))
    angle = 0.7 + 0.4 * noise(rng, 4, 2)
    hills = y > 0.3 + 0.07 * np.sin(7 * x + 1) + 0.04 * np.sin(17 * x)
    colour = _over(colour, hills, "7b2d8b d1335b 2f8f4e f2a516", 0.5 + 0.5 * noise(rng, 6, 2))
    water = y > 0.46
    ripple = 0.5 + 0.45 * noise(rng, (22, 6), 2)
    colour = _over(colour, water, "0b4f8a 1479b8 19a7a8 f2a516 e8452c f9e7c0", ripple)
    angle = np.where(water, 0.08 * noise(rng, 8, 1), angle)
    for middle, deck, size, names in ((0.25, 0.58, 0.15, "c21d2e e8452c"),
                                      (0.62, 0.66, 0.2, "12306f 1f5fae"),
                                      (0.86, 0.54, 0.1, "1d7a4a 49b06a")):  # fmt: skip
        hull = (abs(x - middle) < size - 0.8 * (y - deck)) & (y > deck) & (y < deck + 0.3 * size)
        sail = (x > middle - 0.9 * (y - deck + 1.9 * size)) & (x < middle) & (y < deck - 0.02)
        sail &= y > deck - 1.9 * size
        sail &= x > middle - 0.8 * size
        jib = (x < middle + 0.5 * (y - deck + 1.6 * size)) & (x > middle + 0.01) & (y < deck - 0.03)
        colour = _over(colour, hull, names, 0.5 + 0.4 * noise(rng, 9, 1))
        colour = _over(colour, sail, "fff2d8 fcd267 f6a06a", 0.5 + 0.4 * noise(rng, 6, 2))
        colour = _over(
            colour, jib & (y > deck - 1.6 * size), "f9b4c4 ffffff", 0.5 + noise(rng, 5, 1)
        )
        angle = np.where(sail | jib, 1.3, angle)
    return _oil(rng, angle, colour, widths=(40, 26, 18), relief=34)


def storm(rng: Random) -> Image.Image:
    """Rain and a black sea, in strokes that all lean with the wind, after the Expressionists."""
    x, y = unit_grid()
    gusts = noise(rng, (5, 3), 3) + 0.9 * np.sin(9 * x + 6 * y)
    colour = choose(pigments("0d0f1c 1c2340 33406b 5c6f94 a9b7bd e6e3d0"), 0.45 + 0.28 * gusts)
    angle = 0.9 + 0.5 * noise(rng, 3, 2)
    swell = 0.62 + 0.06 * np.sin(8 * x + 2) + 0.03 * np.sin(19 * x)
    sea = y > swell
    foam = 0.42 + 0.5 * np.sin(34 * (y - swell) + 9 * x + 2 * noise(rng, 5, 2)) * noise(rng, 8, 2)
    colour = _over(colour, sea, "06090f 0d2a2f 17524d 4e8a78 d9e2c8", foam)
    angle = np.where(sea, 0.55 * np.cos(8 * x + 2) - 0.2, angle)
    fire = smoothstep(0.3, 0.9, noise(rng, (4, 6), 2)) * (abs(y - 0.5) < 0.11)
    colour = _over(colour, fire > 0.4, "7a0f14 c4281a f2762e", fire)
    return _oil(rng, angle, colour, widths=(44, 28, 16), relief=52)


def snow(rng: Random) -> Image.Image:
    """A village under snow at dusk: blues in the shadow, a few lit windows."""
    x, y = unit_grid()
    colour = choose(
        pigments("3b4a7d 6573a8 9d9cc6 d9b5c4 f6d6c0"), 1.5 * y + 0.15 * noise(rng, 5, 3)
    )
    angle = 0.3 * noise(rng, 5, 2)
    for number, base in enumerate((0.38, 0.5, 0.66)):
        ridge = base + 0.05 * np.sin((5 + number) * x + 2 * number) + 0.01 * noise(rng, 12, 2)
        drift = 0.62 + 0.35 * noise(rng, 6, 3) - 1.2 * (y - ridge)
        colour = _over(colour, y > ridge, "4f6fa8 7f9fcb b4cbe3 e4edf5 ffffff", drift)
        angle = np.where(y > ridge, 0.35 * np.cos((5 + number) * x + 2 * number), angle)
        for _ in range(7):
            left, wide = rng.uniform(0, 1), rng.uniform(0.04, 0.07)
            foot = base + 0.05 * np.sin((5 + number) * left + 2 * number) + 0.03
            wall = (abs(x - left) < wide) & (abs(y - foot + 0.03) < 0.035)
            roof = (abs(x - left) < wide + 0.03 - 0.9 * (foot - 0.06 - y)) & (y < foot - 0.06)
            roof &= y > foot - 0.14
            lit = wall & (np.sin(90 * x + 40 * left) > 0.4) & (abs(y - foot + 0.03) < 0.015)
            colour = _over(colour, wall, "3a2730 6b3a35 8d5a45", 0.5 + 0.4 * noise(rng, 20, 1))
            colour = _over(colour, roof, "dfe9f4 ffffff", 0.5 + 0.4 * noise(rng, 9, 1))
            colour = _over(colour, lit, "ffd36b fff1b8", 0.5 + 0 * x)
    flakes = rng.random((SIDE // 8, SIDE // 8)) > 0.985
    colour = _over(colour, np.kron(flakes, np.ones((8, 8))) > 0, "ffffff", 0 * x)
    return _oil(rng, angle, colour, widths=(26, 16, 10), relief=36)


def pastel(rng: Random) -> Image.Image:
    """Chalk on tinted paper: a garden in soft, broken hatching."""
    x, y = unit_grid()
    colour = choose(
        pigments("5b6fb5 8fa3d9 c9b8e8 f3b6cf f9d8b0 fdf0c4 a8d5b0 5fa98c"),
        0.5 + 0.33 * noise(rng, 4, 3) + 0.25 * np.sin(5 * x - 7 * y),
    )
    paper = pigments("6f6a74")[0]
    tooth = noise(rng, 170, 2)
    canvas = Canvas(np.broadcast_to(paper, colour.shape))
    for width, turn in ((22, 0.9), (15, 0.75), (10, 1.05)):
        angle = turn + 0.25 * noise(rng, 3, 1)
        count = round(0.9 * (SIDE / width) ** 2)
        canvas.strokes(rng, angle, colour, count=count, width=width, length=90, variation=16)
    hatched = np.asarray(canvas.image, dtype=np.float64)
    cover = smoothstep(-0.75, -0.1, tooth)[..., None]
    return Image.fromarray(np.clip(paper + cover * (hatched - paper), 0, 255).astype(np.uint8))

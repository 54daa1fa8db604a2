"""Pictures in wet media: oil, dots of colour, watercolour, ink."""

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
)
from PIL import Image, ImageDraw


def swirls(rng: Random) -> Image.Image:
    """Night sky in thick oil strokes that whirl round the stars, after Van Gogh."""
    x, y = unit_grid()
    night = pigments("0b1a4a 12307a 1d4fa3 2f74c0 6fb1d8 a9d3dc")
    glow = pigments("fff8dc fbd24b f0a61e e8c66a 8fc0c9")
    bands = 0.16 * np.sin(46 * y + 5 * noise(rng, 2, 2))
    colour = choose(night, 0.5 + 0.3 * noise(rng, 5, 3) + bands)
    flow_x, flow_y = np.full_like(x, 0.35), 0.3 * np.sin(7 * x + 2)
    stars = (
        (0.27, 0.28, 0.2),
        (0.76, 0.2, 0.15),
        (0.58, 0.54, 0.17),
        (0.12, 0.64, 0.1),
        (0.9, 0.55, 0.12),
        (0.5, 0.09, 0.08),
    )
    for number, (star_x, star_y, radius) in enumerate(stars):
        dx, dy = x - star_x, y - star_y
        distance = np.hypot(dx, dy) / radius
        pull = 4 * np.exp(-(distance**2)) * (-1) ** number / radius
        flow_x, flow_y = flow_x - pull * dy, flow_y + pull * dx
        ring = (distance + 0.12 * noise(rng, 9, 2)) / 0.62
        colour = np.where((ring < 1)[..., None], choose(glow, ring), colour)
    angle = np.arctan2(flow_y, flow_x)
    for number, (base, names) in enumerate(
        ((0.76, "0d2b52 14495e 1f6f6b 3d8f6a"), (0.87, "07142e 0c2f3a 1b5a3f 6f9a3a c9b23c"))
    ):
        ridge = base + 0.05 * np.sin(6 * x + 3 * number) + 0.02 * np.sin(15 * x)
        land = choose(pigments(names), 0.45 + 0.5 * noise(rng, 7, 3))
        colour = np.where((y > ridge)[..., None], land, colour)
        angle = np.where(y > ridge, 0.5 * np.cos(6 * x + 3 * number) + 0.3 * np.sin(30 * y), angle)
    canvas = Canvas(colour)
    canvas.strokes(rng, angle, colour, count=3200, width=30, length=110, variation=9)
    canvas.strokes(rng, angle, colour, count=5600, width=17, length=70, variation=13)
    canvas.strokes(rng, angle, colour * 1.06, count=3600, width=10, length=48, variation=17)
    return canvas.relief(46)


def poppies(rng: Random) -> Image.Image:
    """Field of poppies under a hot sky in short dabs of a loaded brush, after the Fauves."""
    x, y = unit_grid()
    sky = choose(pigments("f7b32b f2762e ef476f f9d976 fbeac0"), 0.5 + 0.4 * noise(rng, (7, 3), 3))
    hill = choose(pigments("3d1e6d 6a2c91 2153a5 c2447e"), 0.5 + 0.5 * noise(rng, 6, 3))
    field = choose(pigments("0d4d3b 1f7a3d 7fb82e d7d13a 123a5a"), 0.5 + 0.5 * noise(rng, 12, 3))
    skyline = y < 0.3 + 0.05 * np.sin(7 * x) + 0.02 * np.sin(19 * x + 1)
    horizon = 0.44 + 0.03 * np.sin(5 * x + 2)
    land = np.where((y < horizon)[..., None], hill, field)
    colour = np.where(skyline[..., None], sky, land)
    angle = np.where(skyline, 0.5 * np.sin(9 * x + 6 * y), np.where(y < horizon, 0.9, -1.3))
    angle = angle + 0.5 * noise(rng, 5, 2)
    canvas = Canvas(colour)
    canvas.strokes(rng, angle, colour, count=3600, width=28, length=64, variation=10)
    canvas.strokes(rng, angle, colour, count=4800, width=15, length=44, variation=14)
    red = choose(pigments("b3001b e3170a ff4a1c ff8c61"), rng.random((SIDE, SIDE)))
    bloom = smoothstep(0.05, 0.55, noise(rng, 9, 2)) * (y > horizon + 0.02)
    dabs = 2 * noise(rng, 40, 1)
    canvas.strokes(rng, dabs, red, count=9000, width=20, length=22, within=bloom)
    return canvas.relief(52)


def pointillism(rng: Random) -> Image.Image:
    """Evening at the shore in dots of pure colour set beside their complements, after Seurat."""
    x, y = unit_grid()
    sky = pigments("3b6fb6 6d9dd1 b7c9d8 f6e27f f8a23c ef5d43")
    colour = choose(sky, y / 0.52 + 0.1 * noise(rng, 4, 3))
    disc = np.hypot(x - 0.36, y - 0.36) < 0.085
    colour = np.where(disc[..., None], pigments("fff6b0")[0], colour)
    path = np.exp(-(((x - 0.36) / (0.05 + 0.25 * abs(y - 0.5))) ** 2))
    glint = path + 0.25 * noise(rng, (40, 8), 2)
    sea = choose(pigments("123f7a 1e66a8 2f93b5 f3c24d fbe9a0"), 0.25 + 0.6 * glint)
    colour = np.where((y > 0.52)[..., None], sea, colour)
    bank = y > 0.84 - 0.35 * np.clip(x - 0.55, 0, 1) + 0.02 * noise(rng, 8, 2)
    grass = choose(pigments("0f5132 3c8d2f a9c934 e8d44d"), 0.5 + 0.45 * noise(rng, 9, 3))
    colour = np.where(bank[..., None], grass, colour)
    crown = np.hypot((x - 0.84) / 1.05, y - 0.3) + 0.05 * noise(rng, 9, 3) < 0.24
    trunk = (abs(x - 0.86) < 0.022) & (y > 0.3) & (y < 0.8)
    leaves = choose(pigments("3a1a5e 1c4a3a 2f7d32 d9622b"), 0.45 + 0.5 * noise(rng, 12, 3))
    colour = np.where((crown | trunk)[..., None], leaves, colour)
    image = to_image(np.broadcast_to(pigments("efe6d2")[0], (SIDE, SIDE, 3)))
    pen = ImageDraw.Draw(image)
    for across, size in ((78, 8.6), (96, 6.8), (112, 5.2)):
        spots = jittered_seeds(rng, across)
        # Dots take their colour from a little way off, so that areas mingle at their borders.
        dots = sample(colour, spots + rng.normal(0, 9, spots.shape))
        # A few take the complement instead, which makes the neighbours vibrate.
        swap = rng.random(len(spots)) < 0.08
        dots = np.where(swap[:, None], 0.75 * (255 - dots) + 40, dots)
        dots = dots + rng.normal(0, 22, dots.shape)
        radii = size * rng.uniform(0.75, 1.2, len(spots))
        for (px, py), dot, radius in zip(spots, dots, radii, strict=True):
            pen.ellipse((px - radius, py - radius, px + radius, py + radius), fill=rgb(dot))
    return image


def watercolour(rng: Random) -> Image.Image:
    """Wet washes that bleed into each other on rough paper, with dried rims and splashes."""
    x, y = unit_grid()
    grain = noise(rng, 150, 3)
    drop_edge = noise(rng, 30, 2)
    light = np.ones((SIDE, SIDE, 3))
    washes = pigments("ffd23f f7941d ef4a5f e8336d 7a3fb5 2f5fd0 0f8fd6 13a89e") / 255
    places = np.concatenate([jittered_seeds(rng, 6), rng.uniform(0, SIDE, (110, 2))]) / SIDE
    radii = np.concatenate([rng.uniform(0.07, 0.17, 36), rng.uniform(0.003, 0.016, 110)])
    for (centre_x, centre_y), radius in zip(places, radii, strict=True):
        large = radius > 0.05
        warp = 0.8 * noise(rng, 3, 6) if large else 0.3 * drop_edge
        edge = np.hypot(x - centre_x, y - centre_y) - radius * (1 + warp)
        pool = 0.5 + 0.28 * noise(rng, 5, 4) + 0.13 * grain if large else 0.85
        rim = 0.5 * np.exp(-(((edge + 0.006) / 0.0045) ** 2))
        strength = np.clip(smoothstep(0.004, -0.006, edge) * pool + rim, 0, 1)
        # Neighbours on the paper are neighbours on the colour wheel: mixtures stay clean.
        hue = (0.5 * centre_x + 0.55 * centre_y + rng.normal(0, 0.1)) * len(washes)
        light *= 1 - strength[..., None] * (1 - washes[int(np.clip(hue, 0, len(washes) - 1))])
    slope = np.gradient(grain)[0] * 75
    paper = pigments("fbf7ec")[0] * light * (1 + 0.05 * grain[..., None])
    return to_image(paper + slope[..., None])


def _bamboo(rng: Random) -> Array:
    """How much ink each pixel takes, 0..1, for three stalks with tapering leaves."""
    mask = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(mask)
    for root, half, tone in ((700, 9, 150), (800, 14, 255), (950, 11, 220)):
        joints = np.cumsum(rng.uniform(110, 170, 11))
        for low, high in zip(joints[:-1] - 130, joints[1:] - 136, strict=True):
            left, right = root + 0.05 * (SIDE - low), root + 0.05 * (SIDE - high)
            waist = half * 0.75
            pen.polygon(
                [(left - half, low), (left - waist, low + 12), (right - waist, high - 12),
                 (right - half - 2, high), (right + half + 2, high), (right + waist, high - 12),
                 (left + waist, low + 12), (left + half, low)],
                fill=tone,
            )  # fmt: skip
            for _ in range(7):
                turn = rng.choice([0.5, 2.6]) + rng.normal(0, 0.4)
                size = rng.uniform(70, 150)
                stem = np.array([left + rng.uniform(-70, 70), low + rng.uniform(-10, 50)])
                ahead = np.array([np.cos(turn), np.sin(turn)])
                aside = np.array([-ahead[1], ahead[0]])
                along = np.linspace(0, 1, 12)
                belly = (0.085 * size * np.sin(np.pi * along**0.7))[:, None] * aside
                spine = stem + along[:, None] * size * ahead + (8 * along**2)[:, None] * aside
                outline = np.concatenate([spine + belly, (spine - belly)[::-1]])
                pen.polygon(outline.ravel().tolist(), fill=int(tone * rng.uniform(0.55, 1)))
    return to_array(mask) / 255


def ink_wash(rng: Random) -> Image.Image:
    """Mountains in mist and bamboo in brushed ink on old paper, with a red sun."""
    x, y = unit_grid()
    fibres = noise(rng, (20, 120), 3) + noise(rng, 100, 3)
    sheet = pigments("e9dcc0")[0] + 7 * fibres[..., None]
    ink = pigments("1b1d22")[0]
    shade = np.zeros((SIDE, SIDE))
    for number, base in enumerate((0.4, 0.55, 0.72, 0.93)):
        peaks = 0.34 * abs(noise(rng, 3, 6)[200 * number])
        depth = y - base + peaks[None, :]
        texture = 0.65 + 0.3 * noise(rng, (9, 22), 5)
        wash = smoothstep(-0.002, 0.004, depth) * np.exp(-np.clip(depth, 0, 1) / 0.15)
        strength = np.clip(wash * texture * (0.55 + 0.16 * number), 0, 1)
        shade = np.where(depth > 0, strength, shade)
        sheet = blend(sheet, strength, ink)
    disc = smoothstep(0.092, 0.086, np.hypot(x - 0.37, y - 0.13) + 0.004 * noise(rng, 14, 3))
    visible = 0.88 * disc * (0.9 + 0.1 * fibres) * (shade == 0)
    sheet = blend(sheet, visible, pigments("c8321f")[0])
    canvas = Canvas(sheet)
    down = 1.25 + 0.7 * noise(rng, 9, 2)
    dry, fine = smoothstep(0.3, 0.7, shade), smoothstep(0.12, 0.5, shade)
    canvas.strokes(rng, down, sheet * 0.42, count=9000, width=5, length=34, within=dry)
    canvas.strokes(rng, down, sheet * 0.68, count=9000, width=3, length=22, within=fine)
    bristles = 0.86 + 0.22 * noise(rng, (4, 130), 3)
    return to_image(blend(to_array(canvas.image), _bamboo(rng) * bristles, pigments("121316")[0]))

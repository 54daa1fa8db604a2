"""Helpers shared by the pictures of draw_styles.py: noise, cells, brush strokes, finish.

Everything is drawn on a square of SIDE pixels, twice the size of the finished picture, so that
halving it at the end smooths the edges. Positions in arrays are unit coordinates 0..1 with y
downwards; lengths that say so are pixels of the large square.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

SIDE = 1024
FINISHED_SIDE = 512

Array = NDArray[np.float64]
Random = np.random.Generator


def unit_grid() -> tuple[Array, Array]:
    """Unit coordinates x and y of every pixel centre, each [SIDE, SIDE]."""
    axis = (np.arange(SIDE) + 0.5) / SIDE
    x, y = np.meshgrid(axis, axis)
    return x, y


def pigments(names: str) -> Array:
    """The colours of a space-separated list of hex codes, [n, 3] in 0..255."""
    return np.array([ImageColor.getrgb(f"#{name}") for name in names.split()], dtype=np.float64)


def rgb(colour: Array) -> tuple[int, int, int]:
    """One colour as the tuple of integers that Pillow draws with."""
    red, green, blue = np.clip(np.rint(colour), 0, 255).astype(int).tolist()
    return red, green, blue


def to_image(array: Array) -> Image.Image:
    """An [H, W, 3] array in 0..255 as a picture."""
    return Image.fromarray(np.clip(np.rint(array), 0, 255).astype(np.uint8))


def to_array(image: Image.Image) -> Array:
    """A picture as an array of floats in 0..255."""
    return np.asarray(image, dtype=np.float64)


def blend(ground: Array, strength: Array, colour: Array) -> Array:
    """The ground [H, W, 3] covered by a colour with strength [H, W] in 0..1."""
    return ground + np.clip(strength, 0, 1)[..., None] * (colour - ground)


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below low, 1 above high, a smooth ramp between; low may exceed high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def noise(rng: Random, cells: int | tuple[int, int], octaves: int = 4) -> Array:
    """Smooth noise in about -1..1: octaves of random grids, each finer and weaker by half.

    cells is the number of bumps along a side; a pair (down, across) stretches them.
    """
    down, across = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((SIDE, SIDE))
    for octave in range(octaves):
        grid = rng.uniform(-1, 1, (down * 2**octave + 1, across * 2**octave + 1))
        bumps = Image.fromarray(grid.astype(np.float32))
        total += to_array(bumps.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) / 2**octave
    return total


def choose(palette: Array, position: Array) -> Array:
    """Palette entries for positions 0..1, without blending: few pigments keep contrast strong."""
    index = np.clip(position * len(palette), 0, len(palette) - 1).astype(int)
    return np.take(palette, index, axis=0)


def sample(field: Array, points: Array) -> Array:
    """Values of a field [SIDE, SIDE, ...] at points [..., 2], given in pixels as x, y."""
    index = np.clip(points, 0, SIDE - 1).astype(int)
    values: Array = field[index[..., 1], index[..., 0]]
    return values


def jittered_seeds(rng: Random, across: int) -> Array:
    """Points in pixels, one in each cell of a square grid, at a random place in its middle."""
    step = SIDE / across
    corner = np.stack(np.meshgrid(np.arange(across), np.arange(across)), axis=-1).reshape(-1, 2)
    return (corner + rng.uniform(0.15, 0.85, corner.shape)) * step


def voronoi(
    seeds: Array, reach: int, angle: Array | None = None
) -> tuple[NDArray[np.int64], Array]:
    """The nearest seed of each pixel, and how much farther the second nearest is, in pixels.

    With an angle field, distance is the larger of the two coordinates in axes turned by the
    angle at the seed, which makes cells square (Hausner, Simulating Decorative Mosaics, 2001).
    reach limits the search around a seed, in pixels; it must exceed the widest gap.
    """
    label = np.zeros((SIDE, SIDE), dtype=np.int64)
    nearest = np.full((SIDE, SIDE), 1e6)
    second = np.full((SIDE, SIDE), 1e6)
    turns = np.zeros(len(seeds)) if angle is None else sample(angle, seeds)
    for number, ((px, py), turn) in enumerate(zip(seeds, turns, strict=True)):
        left, top = max(int(px) - reach, 0), max(int(py) - reach, 0)
        window = np.s_[top : int(py) + reach, left : int(px) + reach]
        height, width = label[window].shape
        dx = np.arange(left, left + width)[None, :] - px
        dy = np.arange(top, top + height)[:, None] - py
        if angle is None:
            distance = np.hypot(dx, dy)
        else:
            along = abs(np.cos(turn) * dx + np.sin(turn) * dy)
            aside = abs(np.cos(turn) * dy - np.sin(turn) * dx)
            distance = np.maximum(along, aside)
        closer = distance < nearest[window]
        second[window] = np.where(closer, nearest[window], np.minimum(second[window], distance))
        nearest[window] = np.where(closer, distance, nearest[window])
        label[window] = np.where(closer, number, label[window])
    return label, second - nearest


def centre_seeds(seeds: Array, label: NDArray[np.int64]) -> Array:
    """Seeds moved to the middle of their cells (one step of Lloyd), for an even spread."""
    y, x = np.indices(label.shape)
    size = np.bincount(label.ravel(), minlength=len(seeds))
    sums = [np.bincount(label.ravel(), axis.ravel(), minlength=len(seeds)) for axis in (x, y)]
    centres = np.stack(sums, axis=-1) / np.maximum(size, 1)[:, None]
    return np.where(size[:, None] > 0, centres, seeds)


class Canvas:
    """A picture under paint, with the thickness of the paint beside it for relief."""

    def __init__(self, ground: Array) -> None:
        self.image = to_image(np.broadcast_to(ground, (SIDE, SIDE, 3)))
        self.height = Image.new("L", (SIDE, SIDE), 96)
        self._pen = ImageDraw.Draw(self.image)
        self._height_pen = ImageDraw.Draw(self.height)

    def strokes(
        self,
        rng: Random,
        angle: Array,
        colour: Array,
        *,
        count: int,
        width: float,
        length: float,
        variation: float = 10,
        within: Array | None = None,
    ) -> None:
        """Lay brush strokes that follow the angle field, each in the colour where it starts.

        width and length are pixels; variation is the spread of brightness between strokes and
        between the bristles of one; within (0..1) is the chance that a stroke starts at a place.
        """
        start = rng.uniform(0, SIDE, (count, 2))
        if within is not None:
            start = start[rng.random(count) < sample(within, start)]
        step = max(length / 12, 2.0)
        point = start
        path = [point]
        for _ in range(max(round(length / step), 1)):
            # The heading half a step ahead keeps strokes on tight circles from drifting outwards.
            middle = point + 0.5 * step * self._heading(angle, point)
            point = point + step * self._heading(angle, middle)
            path.append(point)
        paths = np.stack(path, axis=1)
        heading = self._heading(angle, paths)
        normal = np.stack([-heading[..., 1], heading[..., 0]], axis=-1)
        bristles = max(round(width / 4), 2)
        offsets = (np.arange(bristles) + 0.5) / bristles - 0.5
        for line, side, base in zip(paths, normal, sample(colour, start), strict=True):
            tone = base + rng.normal(0, variation)
            ends = rng.integers(0, 3, (bristles, 2))
            for offset, (skip, drop) in zip(offsets, ends, strict=True):
                bristle = (line + side * offset * width)[skip : len(line) - drop]
                points: Sequence[float] = bristle.ravel().tolist()
                thick = round(width / bristles) + 1
                shade = rgb(tone + rng.normal(0, variation))
                self._pen.line(points, fill=shade, width=thick, joint="curve")
                # Paint heaps up towards the rim of a stroke, which is what catches the light.
                rise = int(110 + 150 * abs(offset) + rng.integers(0, 50))
                self._height_pen.line(points, fill=rise, width=thick, joint="curve")

    @staticmethod
    def _heading(angle: Array, points: Array) -> Array:
        turn = sample(angle, points)
        return np.stack([np.cos(turn), np.sin(turn)], axis=-1)

    def relief(self, strength: float) -> Image.Image:
        """The picture lit from the upper left, so that the paint's thickness shows."""
        height = to_array(self.height)
        slope = np.gradient(height, axis=0) + np.gradient(height, axis=1)
        light = np.clip(slope / 40, -1, 1) * strength
        return to_image(to_array(self.image) + light[..., None])


def finish(image: Image.Image) -> Image.Image:
    """The picture at its finished size, with edges smoothed."""
    return image.resize((FINISHED_SIDE, FINISHED_SIDE), Image.Resampling.LANCZOS)

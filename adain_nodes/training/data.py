"""Pictures for training and calibration: found in folders, cropped at random.

Every crop is a function of the seed, the step and its place in the batch alone. That makes a run
repeatable, resumable at any step without stored random states, and splittable over processes.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..files.folders import files_below
from ..files.pictures import READABLE_SUFFIXES
from ..host.errors import InputError

logger = logging.getLogger(__name__)

CALIBRATION_CROPS = 64
CALIBRATION_SIZE = 128
"""How many crops, of how many px a side, an encoder is calibrated on."""

TRAINING_SCALES = (0.5, 2.5)
"""A crop shows between these many times its own side of the original, so that strokes and objects
of several sizes are seen, and pictures that are soft at the scale of pixels, as enlarged ones and
most photographs of cameras are; the paper's fixed 256 px out of 512 lies within."""

CALIBRATION_SCALES = (1.0, 2.5)
"""The same for the crops that an encoder is calibrated on."""


def find_pictures(folder: Path, *, exclude: Collection[str] = ()) -> list[Path]:
    """All pictures below a folder, sorted, so that a seed means the same everywhere.

    Args:
        folder: searched as `files.folders` does for files with one of `READABLE_SUFFIXES`.
        exclude: names of files to leave out, such as held-out ones.

    Raises:
        InputError: the folder does not exist or has no picture.
    """
    paths = files_below(folder, READABLE_SUFFIXES)
    return [path for path in paths if path.name not in exclude]


def emphasis(paths: Iterable[Path], factors: dict[str, float]) -> list[float]:
    """Sampling weights of pictures by name: the product of the factors of all matching patterns.

    Args:
        paths: the pictures.
        factors: shell pattern on the file name to factor, such as {"*cubism*": 3.0}.
    """
    weights = []
    for path in paths:
        weight = 1.0
        for pattern, factor in factors.items():
            if fnmatchcase(path.name, pattern):
                weight *= factor
        weights.append(weight)
    return weights


class RandomCrops:
    """Square crops of pictures, at random place and scale, half of them mirrored.

    Files that cannot be read are logged once and replaced by another draw.

    Args:
        paths: the pictures.
        size: side of a crop in px.
        seed: of all draws.
        weights: relative frequency of each picture; equal if absent.
        scales: how many times its own side a crop shows of the original, least and most.
        recolored: share of the crops, 0..1, whose red, green and blue change places at random.

    Raises:
        InputError: all weights are 0.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        size: int,
        seed: int | Sequence[int],
        weights: Sequence[float] | None = None,
        scales: tuple[float, float] = TRAINING_SCALES,
        recolored: float = 0.0,
    ) -> None:
        self.paths = paths
        self.size = size
        self.scales = scales
        self.recolored = recolored
        self.seed = (seed,) if isinstance(seed, int) else tuple(seed)
        self.broken: set[Path] = set()
        """Files that could not be read so far."""
        frequencies = np.ones(len(paths)) if weights is None else np.asarray(weights, np.float64)
        self._cumulative = np.cumsum(frequencies)
        self._drawable = int(np.count_nonzero(frequencies))
        if not self._drawable:
            raise InputError(f"the weights of all {len(paths)} pictures are 0")

    def batch(self, step: int, indices: Iterable[int]) -> Tensor:
        """The crops with these indices of one step, [n,3,size,size] in 0..1, channels_last.

        Raises:
            InputError: not one of the pictures can be read.
        """
        crops = np.stack([self._crop(step, index) for index in indices])
        return torch.from_numpy(crops).permute(0, 3, 1, 2).float().div_(255)

    def _crop(self, step: int, index: int) -> np.ndarray:
        rng = np.random.default_rng((*self.seed, step, index))
        while len(self.broken) < self._drawable:
            draw = rng.random() * self._cumulative[-1]
            path = self.paths[int(np.searchsorted(self._cumulative, draw, side="right"))]
            if path in self.broken:
                continue
            try:
                crop = random_crop(path, self.size, self.scales, rng)
            # Pillow's readers raise all kinds of exceptions on damaged files.
            except Exception as error:
                logger.warning("skipping %s, which cannot be read: %s", path, error)
                self.broken.add(path)
                continue
            return crop[..., rng.permutation(3)] if rng.random() < self.recolored else crop
        raise InputError(f"none of the {self._drawable} pictures can be read")


def calibration_crops(paths: Sequence[Path], seed: int) -> tuple[Tensor, str]:
    """Crops to calibrate an encoder on.

    Args:
        paths: photographs.
        seed: of the draws.

    Returns:
        [`CALIBRATION_CROPS`,3,h,w] in 0..1, and what to say of them in the encoder's metadata.
    """
    crops = RandomCrops(paths, size=CALIBRATION_SIZE, seed=seed, scales=CALIBRATION_SCALES)
    notes = f"{CALIBRATION_CROPS} crops of {CALIBRATION_SIZE} px, seed {seed}"
    return crops.batch(0, range(CALIBRATION_CROPS)), notes


def random_crop(
    path: Path, size: int, scales: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """A square of random place and scale out of a picture file, scaled to size x size.

    Args:
        path: the picture.
        size: side of the result in px.
        scales: least and most of what it shows of the picture, in units of its own side; the
            shorter side of the picture limits both.
        rng: draws scale (log-uniform), place and mirroring.

    Returns:
        [size,size,3], uint8, RGB.

    Raises:
        OSError: the file cannot be read.
    """
    with Image.open(path) as image:
        picture = ImageOps.exif_transpose(image).convert("RGB")
    shorter = min(picture.size)
    smallest, largest = (min(shorter, scale * size) for scale in scales)
    side = smallest * (largest / smallest) ** rng.random()
    left, top = ((extent - side) * rng.random() for extent in picture.size)
    crop = picture.resize(
        (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    pixels = np.asarray(crop)
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def read_names(path: Path) -> set[str]:
    """Names of pictures, one in each line of a text file, with or without folders before them.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    try:
        # Editors on Windows may begin a file with a byte order mark.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a list of names in UTF-8: {error}") from error
    return {Path(line.strip()).name for line in lines if line.strip()}


def warn_of_unknown(names: set[str], paths: Iterable[Path], source: Path) -> None:
    """Warns of names that are those of no picture, lest a misspelt one is trained on.

    Args:
        names: as `read_names` gives them.
        paths: all contents and styles.
        source: the file of the names.
    """
    unknown = names - {path.name for path in paths}
    if unknown:
        logger.warning(
            "%d of the %d pictures named in %s are in neither --content nor --style, such as %s",
            len(unknown), len(names), source, min(unknown),
        )  # fmt: skip

"""Pictures for training and calibration: found in folders, cropped at random.

Every crop is a function of the seed, the step and its place in the batch alone. That makes a run
repeatable, resumable at any step without stored random states, and splittable over processes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from math import prod
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..files.folders import files_of
from ..files.formats import READABLE_SUFFIXES, opened
from ..files.pictures import shown, to_8_bits
from ..host.errors import InputError

logger = logging.getLogger(__name__)

CALIBRATION_CROPS = 64
"""Number of crops that an encoder is calibrated on."""

CALIBRATION_SIZE = 128
"""Side of those crops in px."""

TRAINING_SCALES = (0.5, 2.5)
"""A crop shows between these many times its own side of the original, so that strokes and objects
of several sizes are seen, and pictures that are soft at the scale of pixels, as enlarged ones and
most photographs of cameras are; the paper's fixed 256 px out of 512 lies within."""

CALIBRATION_SCALES = (1.0, 2.5)
"""The scales of the crops that an encoder is calibrated on, in the same unit."""


def find_pictures(*paths: Path) -> list[Path]:
    """Pictures in files and folders, each once and in order, so that a seed means the same
    everywhere.

    Args:
        paths: picture files, and folders to search as `files.folders` does.

    Raises:
        InputError: one does not exist, or is a folder without a picture.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist")
    return files_of(paths, READABLE_SUFFIXES)


def pictures_named_in(
    source: Path, pictures: Iterable[Path], searched: Iterable[Path]
) -> set[Path]:
    """Those pictures that a text file names, one path a line; warns of lines that name none, lest a
    misspelt one is trained on.

    A path is absolute, or relative to the folder of the text file, to a searched folder, to the
    folder around a searched folder, or to the working folder. It names that file alone, not others
    of its name elsewhere.

    Args:
        source: the text file.
        pictures: as `find_pictures` gives them.
        searched: the files and folders that they were found in.

    Raises:
        InputError: the text file cannot be read, or is not UTF-8.
    """
    try:
        # Editors on Windows may begin a file with a byte order mark.
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source} cannot be read as a list of paths in UTF-8: {error}") from error
    lines = {line.strip() for line in text.splitlines()} - {""}
    bases = {source.parent, Path()}
    for path in searched:
        folder = path if path.is_dir() else path.parent
        bases |= {folder, folder.absolute().parent, folder.resolve().parent}
    places: dict[str, set[Path]] = {}
    for picture in pictures:
        places.setdefault(os.path.realpath(picture), set()).add(picture)
    named: set[Path] = set()
    unknown = []
    for line in sorted(lines):
        found = [places.get(os.path.realpath(base / line), set()) for base in bases]
        named.update(*found)
        if not any(found):
            unknown.append(line)
    if unknown:
        logger.warning(
            "%d of the %d pictures named in %s were not found, such as %s",
            len(unknown), len(lines), source, unknown[0],
        )  # fmt: skip
    return named


def emphasis(paths: Iterable[Path], factors: dict[str, float]) -> list[float]:
    """Sampling weights of pictures: the product of the factors of all shell patterns, such as
    {"*cubism*": 3.0}, that match the file name."""
    return [
        prod((f for pattern, f in factors.items() if fnmatchcase(path.name, pattern)), start=1.0)
        for path in paths
    ]


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
            except InputError as error:
                logger.warning("skipping a picture: %s", error)
                self.broken.add(path)
                continue
            return crop[..., rng.permutation(3)] if rng.random() < self.recolored else crop
        raise InputError(f"none of the {self._drawable} pictures can be read")


def calibration_crops(paths: Sequence[Path], seed: int) -> tuple[Tensor, str]:
    """Crops of photographs to calibrate an encoder on, [`CALIBRATION_CROPS`,3,h,w] in 0..1, and
    what to say of them in the encoder's metadata."""
    crops = RandomCrops(paths, size=CALIBRATION_SIZE, seed=seed, scales=CALIBRATION_SCALES)
    notes = f"{CALIBRATION_CROPS} crops of {CALIBRATION_SIZE} px, seed {seed}"
    return crops.batch(0, range(CALIBRATION_CROPS)), notes


def random_crop(
    path: Path, size: int, scales: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """A square of random place and scale (log-uniform) out of a picture file, scaled to size x
    size, [size,size,3], uint8, RGB; half of them mirrored.

    Args:
        path: the picture.
        size: side of the result in px.
        scales: least and most of what it shows of the picture, in units of its own side; the
            shorter side of the picture limits both.
        rng: of all draws.

    Raises:
        InputError: the file cannot be read.
    """
    with opened(path) as image:
        picture = shown(image, path)
    if picture.mode == "RGBA":
        picture = picture.convert("RGB")  # what is transparent counts, too
    shorter = min(picture.size)
    smallest, largest = (min(shorter, scale * size) for scale in scales)
    side = smallest * (largest / smallest) ** rng.random()
    left, top = ((extent - side) * rng.random() for extent in picture.size)
    crop = picture.resize(
        (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    pixels = np.asarray(to_8_bits(crop).convert("RGB"))
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels

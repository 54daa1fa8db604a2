"""Encoders out of repositories of others on the Hugging Face Hub, made on first use.

Only the layers up to relu4_1 come over the wire, and are converted as `calibrate` does, on pictures
that are drawn here: the package carries no photographs, and every machine must come to the same
encoder, whose identity styles and decoders name. All is computed in fp64 and stored in fp16, so
that what machines add up in another order is rounded away.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...host.errors import InputError, one_line
from ...host.plain import Progress
from ..weights import hub
from ..weights.manifest import TrunkEntry, known_models
from ..weights.store import ModelFiles, find_model, trunk_copy, trunk_path
from ..weights.tensors import (
    TRUNK_KEY,
    file_sha256,
    identify,
    read_tensors,
    tensor_sha256,
    write_tensors,
)
from .calibrate import convert
from .foreign import read_trunk

CALIBRATION = "4 pictures of 128 px of 400 discs each, drawn by the program"

_TICK = 0.2  # s between two looks whether another process is done

_SIDE = 128
_PICTURES = 4
_DISCS = 400
_RADIUS = 4.0  # px, of the smallest discs
_LARGEST = 64.0

logger = logging.getLogger(__name__)


def find_files(
    name: str | os.PathLike[str], *, folders: Sequence[Path], progress: Progress | None = None
) -> ModelFiles:
    """Like `store.find_model`, but finds trunks of the manifest, too, which have no decoder."""
    trunk = known_models(folders).find_trunk(os.fspath(name))
    if trunk is None:
        return find_model(name, folders=folders, progress=progress)
    encoder = trunk_encoder(trunk, folders=folders, progress=progress)
    return ModelFiles(encoder, None, trunk.name)


def trunk_encoder(
    trunk: TrunkEntry, *, folders: Sequence[Path], progress: Progress | None = None
) -> Path:
    """Finds the encoder that is made of a trunk, and makes it if it is not on this machine yet.

    Args:
        trunk: what to find.
        folders: the host's model folders; a new encoder goes into the first, or else into the
            assets that the Hub's client keeps beside its cache.
        progress: called with bytes done and bytes in total while the trunk is downloaded, then
            while it is converted; cancels by raising.

    Raises:
        InputError: the trunk cannot be had or is not what the manifest says, or another file has
            the name of the encoder, or that is damaged.
    """
    path = trunk_path(trunk, folders)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path, lambda: progress(0, trunk.size) if progress else None):
            found = trunk_copy(trunk, folders)
            if found is None:
                _make(trunk, path, progress)
                return path
    except OSError as error:
        raise InputError(f"{path} cannot be written: {one_line(error)}") from error
    tensors, metadata = read_tensors(found)
    if identify(tensors, trunk.name).sha256 != metadata.get("identity"):
        raise InputError(f"{found} is damaged: remove it, and it is made again")
    return found


def drawn_pictures(tick: Callable[[], object] = lambda: None) -> Tensor:
    """Pictures to calibrate on, [B,3,h,w] in 0..1, fp64: discs that cover each other, their radii
    spread as in photographs (Lee, Mumford and Huang, Occlusion models for natural images, IJCV
    2001), shaded and a little blurred.

    Args:
        tick: called for each, and cancels by raising.
    """
    generator = torch.Generator().manual_seed(0)
    steps = torch.arange(_SIDE, dtype=torch.float64)
    pictures = torch.zeros(_PICTURES, 3, _SIDE, _SIDE, dtype=torch.float64)
    for picture in pictures:
        tick()
        numbers = torch.rand(_DISCS, 9, generator=generator, dtype=torch.float64)
        for size, row, column, grey, *color, down, right in numbers:
            radius = _RADIUS / (1 - size * (1 - (_RADIUS / _LARGEST) ** 2)).sqrt()
            dy, dx = (steps - row * _SIDE)[:, None], (steps - column * _SIDE)[None]
            rows, columns = (_within(d.flatten(), radius) for d in (dy, dx))
            dy, dx = dy[rows], dx[:, columns]
            base = (0.05 + 0.7 * grey**1.3 + 0.2 * (torch.stack(color) - 0.5)).clamp(0, 1)
            shade = 1 + 0.6 * (dy * (down - 0.5) + dx * (right - 0.5)) / radius
            disc = (base[:, None, None] * shade).clamp(0, 1)
            part = picture[:, rows, columns]
            part.copy_(torch.where(dy**2 + dx**2 < radius**2, disc, part))
    blur = torch.tensor([1.0, 4, 6, 4, 1], dtype=torch.float64) / 16
    kernel = (blur[:, None] * blur).expand(3, 1, 5, 5)
    return F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)


def _within(distances: Tensor, radius: Tensor) -> slice:
    """Where sorted distances are below a radius."""
    low, high = torch.searchsorted(distances, torch.stack((-radius, radius))).tolist()
    return slice(low, high)


@contextmanager
def _alone(path: Path, wait: Callable[[], object]) -> Iterator[None]:
    """Keeps other processes that want to make a file waiting, which call `wait` meanwhile."""
    from filelock import FileLock, Timeout  # noqa: PLC0415  slow, seldom needed

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_TICK)
        except Timeout:
            wait()
    try:
        yield
    finally:
        lock.release()


def _make(trunk: TrunkEntry, path: Path, progress: Progress | None) -> None:
    if path.exists():  # what a user has put there is never replaced
        raise InputError(
            f"{path} is in the way of the encoder {trunk.name}: it was not made of {trunk.repo_id} "
            f"at revision {trunk.revision}; move it elsewhere"
        )
    source = path.with_name(f".{trunk.name}-{trunk.revision[:12]}.incomplete")
    try:
        whole = not hub.download_tensors(
            trunk.repo_id,
            trunk.filename,
            trunk.revision,
            sha256=trunk.sha256,
            tensors=list(trunk.tensors),
            size=trunk.size,
            output=source,
            progress=progress,
        )
        if whole:
            logger.info("the server sends whole files alone")
            source = hub.download(trunk.repo_id, trunk.filename, trunk.revision, progress=progress)
            if file_sha256(source) != trunk.sha256:
                raise InputError(
                    f"{source} has sha256 {file_sha256(source)}, expected {trunk.sha256}"
                )
    except InputError as error:
        page = hub.page(trunk.repo_id, trunk.filename, trunk.revision)
        raise InputError(
            f"{trunk.name} cannot be made: {error}\nPage: {page}\n"
            f"To do without the Hub, download the file and run `adain-nodes models convert`\n"
            f"sha256: {trunk.sha256}"
        ) from error
    try:
        size = source.stat().st_size
        _check_tensors(trunk, source)
        _write_encoder(trunk, source, path, lambda: progress(size, size) if progress else None)
    except InputError:
        if not whole:
            source.unlink()  # it would be the beginning of the next try
        raise
    if not whole:
        source.unlink()


def _check_tensors(trunk: TrunkEntry, path: Path) -> None:
    """Compares the bytes of the tensors with the sha256 that the manifest has of them, if any."""
    for name, expected in trunk.tensors.items():
        if expected is not None and (sha256 := tensor_sha256(path, name)) != expected:
            raise InputError(
                f"{trunk.name} cannot be made: its tensor {name} has sha256 {sha256}, expected "
                f"{expected}"
            )


def _write_encoder(trunk: TrunkEntry, source: Path, path: Path, tick: Callable[[], object]) -> None:
    with torch.inference_mode(False):
        read = read_trunk(str(source))
        if read is None:
            raise InputError(f"{trunk.name} cannot be made: {trunk.filename} is no VGG of others")
        tensors = {name: tensor.double() for name, tensor in read.tensors.items()}
        label = f"{trunk.repo_id}@{trunk.revision} (sha256 {trunk.sha256})"
        exact = replace(read, tensors=tensors, source=label)
        converted = convert(exact, drawn_pictures(tick), notes=CALIBRATION, tick=tick)
    metadata = {**converted.metadata, "license": trunk.license, TRUNK_KEY: trunk.sha256}
    write_tensors(path, converted.tensors, metadata)

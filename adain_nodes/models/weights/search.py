"""The search for a file of the manifest on this machine and on the Hub.

It goes through the host's model folders, the package, the Hub's cache and the Hub, and takes a file
only if its sha256 is that of the manifest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...host.downloads import missing_download
from ...host.errors import InputError, one_line
from ...host.plain import Progress
from . import hub
from .manifest import WeightsFile
from .tensors import file_sha256

Source = Literal["folder", "package", "cached"]
"""A model folder of the host, the package, the Hub's cache."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copy:
    """A copy of a manifest's file on this machine, checked."""

    path: Path
    """Where it is, or should be."""

    source: Source
    """What kind of place that is."""

    sha256: str
    """sha256 of the copy, 64 hexadecimal digits; empty if an embedded file is missing."""

    sound: bool
    """Whether that is the manifest's sha256."""


def locate(file: WeightsFile, *, folders: Sequence[Path], progress: Progress | None = None) -> Path:
    """Finds a file of the manifest and downloads it if it is not on this machine yet.

    A copy with another sha256 is skipped with a warning; only that in the Hub's cache is replaced.

    Args:
        file: what to find.
        folders: the host's model folders, searched first.
        progress: see `hub.download`.

    Raises:
        InputError: no copy has the right sha256 and none can be downloaded; the message says why,
            where it was looked for, and what to do.
    """
    faults: dict[Path, str] = {}
    for path, source in copies(file, folders):
        fault = _fault(file, path)
        if fault is None:
            return path
        logger.warning("skipping %s: %s", path, fault)
        restore = "; restore it with `git checkout`, or install the package again"
        faults[path] = fault + (restore if source == "package" else "")
    try:
        return _downloaded(file, progress)
    except InputError as error:
        raise InputError(f"{error}\n{_advice(file, folders, faults)}") from error


def verify(file: WeightsFile, *, folders: Sequence[Path]) -> list[Copy]:
    """Checks every copy of a file on this machine; only an embedded file must have one."""
    checked = []
    for path, source in copies(file, folders):
        sha256 = file_sha256(path)
        checked.append(Copy(path, source, sha256, sha256 == file.sha256))
    if file.embedded and not file.embedded_path.is_file():
        checked.append(Copy(file.embedded_path, "package", "", False))
    return checked


def copies(file: WeightsFile, folders: Sequence[Path]) -> Iterator[tuple[Path, Source]]:
    """Every copy of a file on this machine, unchecked, in the order of the search."""
    for folder in folders:
        if (folder / file.filename).is_file():
            yield folder / file.filename, "folder"
    if file.embedded and file.embedded_path.is_file():
        yield file.embedded_path, "package"
    if file.repo_id is not None and file.revision is not None:
        path = hub.cached(file.repo_id, file.filename, file.revision)
        if path is not None:
            yield path, "cached"


def _downloaded(file: WeightsFile, progress: Progress | None) -> Path:
    if file.repo_id is None or file.revision is None:
        raise InputError(
            f"{file.filename} cannot be used: this machine has no sound copy, and it is not "
            "published on the Hugging Face Hub (repo_id and revision are null in the manifest)"
        )
    # A cached copy that is still there at this point is broken, and only forcing replaces it.
    is_cached = hub.cached(file.repo_id, file.filename, file.revision) is not None
    for force in (True,) if is_cached else (False, True):
        path = hub.download(
            file.repo_id,
            file.filename,
            file.revision,
            size=file.size,
            progress=progress,
            force=force,
        )
        fault = _fault(file, path)
        if fault is None:
            return path
        logger.warning("%s: %s", path, fault)
    raise InputError(
        f"{file.filename} of {file.repo_id} {fault} after a fresh download: the server or a proxy "
        "changes it"
    )


def _fault(file: WeightsFile, path: Path) -> str | None:
    """What is wrong with a copy; None if it is sound."""
    try:
        sha256 = file_sha256(path)
        if sha256 == file.sha256:
            return None
        other = missing_download(path, "the weights")
    except OSError as error:
        return f"cannot be read: {one_line(error)}"
    return other or f"is damaged or another file (sha256 {sha256}, expected {file.sha256})"


def _advice(file: WeightsFile, folders: Sequence[Path], faults: dict[Path, str]) -> str:
    """Where a file was looked for, and how to do without the Hub."""
    places = [*folders, *([file.embedded_path.parent] if file.embedded else [])]
    looked = [
        f"{place} (it is not there)" for place in places if place / file.filename not in faults
    ]
    looked += [f"{path}, which {fault}" for path, fault in faults.items()]
    lines = [f"Looked for in {'; '.join(looked)}"] if looked else []
    if file.repo_id is not None and file.revision is not None:
        lines.append(f"Page: {hub.page(file.repo_id, file.filename, file.revision)}")
    lines.append(
        f"To do without the Hub, put the file into {folders[0]}"
        if folders
        else "To do without the Hub, use a folder with encoder.safetensors and decoder.safetensors"
    )
    return "\n".join([*lines, f"sha256: {file.sha256}"])

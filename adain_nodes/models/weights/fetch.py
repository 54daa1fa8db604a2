"""Finds a file of the manifest, fetches it from the Hugging Face Hub if it has to, and checks it.

The search goes through the host's model folders, the copy in the package, the Hub's cache and the
Hub. Whatever is found is used only if its sha256 is that of the manifest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...host.errors import InputError
from .hub import Progress, download
from .manifest import PACKAGE_FOLDER, WeightsFile, file_sha256

Source = Literal["folder", "package", "cached"]
"""A model folder of the host, the package, the Hub's cache."""

logger = logging.getLogger(__name__)

_hashes: dict[tuple[Path, int, int, int], str] = {}


@dataclass(frozen=True)
class Found:
    """A copy of a file on this machine."""

    path: Path
    """Where it is."""

    source: Source
    """What kind of place that is."""


@dataclass(frozen=True)
class Verdict:
    """What checking one copy gave."""

    path: Path
    """The copy."""

    source: Source
    """What kind of place it is in."""

    sha256: str
    """Of the copy; empty if an embedded file is missing."""

    sound: bool
    """Whether that is the manifest's."""


def locate(
    file: WeightsFile,
    *,
    folders: Sequence[Path],
    progress: Progress | None = None,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """Finds a file, fetching it if it is not on this machine yet.

    Args:
        file: what to find.
        folders: the host's model folders, searched first.
        progress: called while bytes arrive; absent, the Hub's client shows its own bar on a
            terminal. Clients too old to report call it before and after only.
        endpoint: the Hub's address; that of its client's settings if absent.
        cache_dir: the Hub's cache; that of its client's settings if absent.

    Raises:
        InputError: no copy has the right sha256 and none can be fetched; says what to do.
    """
    found = find_local(file, folders=folders, cache_dir=cache_dir)
    if found:
        return found.path
    if file.repo_id is None or file.revision is None:
        raise InputError(
            f"{file.filename} is not on this machine and not published on the Hugging Face Hub "
            f"(repo_id and revision are null in the manifest). {_by_hand(file, folders)}"
        )
    # A cached copy that is still there at this point is broken, and only forcing replaces it.
    attempts = (True,) if _cached(file, cache_dir) else (False, True)
    for force in attempts:
        try:
            path = download(
                file.repo_id,
                file.filename,
                file.revision,
                size=file.size,
                progress=progress,
                endpoint=endpoint,
                cache_dir=cache_dir,
                force=force,
            )
        except InputError as error:
            raise InputError(f"{error}. {_by_hand(file, folders)}") from error
        if _is_sound(file, Found(path, "cached")):
            return path
    raise InputError(
        f"{file.filename} of {file.repo_id} has sha256 {sha256_of(path)} after a fresh download, "
        f"expected {file.sha256}: the server or a proxy changes it. {_by_hand(file, folders)}"
    )


def find_local(
    file: WeightsFile, *, folders: Sequence[Path], cache_dir: Path | None = None
) -> Found | None:
    """The first copy on this machine with the right sha256; others are skipped with a warning.

    Args:
        file: what to find.
        folders: the host's model folders.
        cache_dir: the Hub's cache; that of its client's settings if absent.
    """
    copies = candidates(file, folders=folders, cache_dir=cache_dir)
    return next((found for found in copies if _is_sound(file, found)), None)


def candidates(
    file: WeightsFile, *, folders: Sequence[Path], cache_dir: Path | None = None
) -> Iterator[Found]:
    """Every copy on this machine, unchecked, in the order of the search."""
    for folder in folders:
        path = folder / file.filename
        if path.is_file():
            yield Found(path, "folder")
    path = PACKAGE_FOLDER / file.filename
    if file.embedded and path.is_file():
        yield Found(path, "package")
    cached = _cached(file, cache_dir)
    if cached:
        yield Found(cached, "cached")


def verify(
    file: WeightsFile, *, folders: Sequence[Path], cache_dir: Path | None = None
) -> list[Verdict]:
    """Checks every copy of a file on this machine; none is fine for a file that is not embedded."""
    verdicts = []
    for found in candidates(file, folders=folders, cache_dir=cache_dir):
        sha256 = sha256_of(found.path)
        verdicts.append(Verdict(found.path, found.source, sha256, sha256 == file.sha256))
    embedded = PACKAGE_FOLDER / file.filename
    if file.embedded and not embedded.is_file():
        verdicts.append(Verdict(embedded, "package", "", False))
    return verdicts


def sha256_of(path: Path) -> str:
    """sha256 of a file; a file that has not changed is read once in a process."""
    status = path.stat()
    # The inode tells a replaced file apart where the clock of the file system is coarse.
    key = (path.absolute(), status.st_size, status.st_mtime_ns, status.st_ino)
    if key not in _hashes:
        _hashes[key] = file_sha256(path)
    return _hashes[key]


def _is_sound(file: WeightsFile, found: Found) -> bool:
    try:
        sha256 = sha256_of(found.path)
    except OSError as error:
        logger.warning("skipping %s: %s", found.path, error)
        return False
    if sha256 != file.sha256:
        logger.warning(
            "skipping %s: its sha256 is %s, expected %s", found.path, sha256, file.sha256
        )
    return sha256 == file.sha256


def _cached(file: WeightsFile, cache_dir: Path | None) -> Path | None:
    if file.repo_id is None:
        return None
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  slow, seldom needed

    path = try_to_load_from_cache(
        file.repo_id, file.filename, cache_dir=cache_dir, revision=file.revision
    )
    return Path(path) if isinstance(path, str) else None


def _by_hand(file: WeightsFile, folders: Sequence[Path]) -> str:
    if folders:
        return f"To do without the Hub, put the file into {folders[0]} (sha256 {file.sha256})."
    return "To do without the Hub, use a folder with encoder.safetensors and decoder.safetensors."

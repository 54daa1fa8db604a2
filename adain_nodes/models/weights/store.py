"""Which models there are, and where their files are on this machine.

A model is one of the manifest or one of the user's: a decoder file whose metadata names the encoder
it was trained for, or a folder with `encoder.safetensors` and `decoder.safetensors`.

A file of the manifest is searched for in the host's model folders, in the package, in the Hub's
cache and on the Hub, and used only if its sha256 is that of the manifest.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...host.errors import InputError
from ...host.plain import Progress
from . import hub
from .manifest import WeightsFile, load_manifest
from .tensors import DECODER_FORMAT, ENCODER_KEY, file_sha256, read_metadata

ENCODER_FILE = "encoder.safetensors"
DECODER_FILE = "decoder.safetensors"

Source = Literal["folder", "package", "cached"]
"""A model folder of the host, the package, the Hub's cache."""

Whereabouts = Source | Literal["downloads on first use", "not published", "missing"]
"""Where a file comes from; `missing` is an encoder that a user's decoder names and no model has."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileStatus:
    """Where a file of a listed model comes from; its content is not checked."""

    where: Whereabouts
    """Where the first copy that the search would find is, or why there is none."""

    size: int
    """Size in bytes; 0 if it is missing."""


@dataclass(frozen=True)
class ModelStatus:
    """A model, and whether it can be used."""

    name: str
    """What `find_model` takes and workflows store: the name of a manifest's model, of a decoder
    file or of a folder."""

    encoder: FileStatus
    """Status of its encoder."""

    decoder: FileStatus
    """Status of its decoder."""

    @property
    def usable(self) -> bool:
        """Whether both files are here or can be downloaded."""
        unusable = ("not published", "missing")
        return self.encoder.where not in unusable and self.decoder.where not in unusable


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model on this machine."""

    encoder: Path
    """Path of its encoder."""

    decoder: Path
    """Path of its decoder."""

    encoder_name: str
    """What messages call the encoder: the name of a manifest's model or of a folder."""


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


@dataclass(frozen=True)
class _Listed:
    """A model by name, and where to look for its files."""

    name: str
    encoder: WeightsFile | Path | str  # the identity that the decoder names if no model has it
    decoder: WeightsFile | Path
    encoder_name: str


def list_models(folders: Sequence[Path]) -> list[ModelStatus]:
    """Every model, usable or not: the manifest's, the user's decoders, the user's folders.

    Reads names, sizes and metadata only: it neither hashes nor uses the network. Of models with
    the same name it lists the first in that order.

    Args:
        folders: the host's model folders.
    """
    models: dict[str, ModelStatus] = {}
    for model in _listed(folders):
        if model.name not in models:
            encoder, decoder = (_status(file, folders) for file in (model.encoder, model.decoder))
            models[model.name] = ModelStatus(model.name, encoder, decoder)
    return list(models.values())


def find_model(
    name: str | os.PathLike[str], *, folders: Sequence[Path], progress: Progress | None = None
) -> ModelFiles:
    """Finds a model's files and downloads those that are not on this machine yet.

    Args:
        name: a name that `list_models` gives, or else the path of a decoder file or of a folder
            with an encoder and a decoder.
        folders: the host's model folders.
        progress: see `locate`; counts each file from 0.

    Raises:
        InputError: there is no such model, or one of its files cannot be had.
    """
    text = os.fspath(name)
    model = next((model for model in _listed(folders) if model.name == text), None)
    model = model or _at_path(text, folders)
    if model is None:
        known = ", ".join(model.name for model in list_models(folders) if model.usable)
        raise InputError(f"there is no model {text!r}; there are {known}")
    if isinstance(model.decoder, WeightsFile):
        for folder in _user_folders(folders):
            if folder.name == text:
                logger.warning("%s is hidden by the built-in model of that name: rename it", folder)
    if isinstance(model.encoder, str):
        raise InputError(
            f"{model.decoder} was trained for the encoder {model.encoder!r}, which no model has: "
            f"put both into a folder as {ENCODER_FILE} and {DECODER_FILE}"
        )
    encoder, decoder = (
        file if isinstance(file, Path) else locate(file, folders=folders, progress=progress)
        for file in (model.encoder, model.decoder)
    )
    return ModelFiles(encoder, decoder, model.encoder_name)


def locate(file: WeightsFile, *, folders: Sequence[Path], progress: Progress | None = None) -> Path:
    """Finds a file of the manifest and downloads it if it is not on this machine yet.

    A copy with another sha256 is skipped with a warning; only that in the Hub's cache is replaced.

    Args:
        file: what to find.
        folders: the host's model folders, searched first.
        progress: see `hub.download`.

    Raises:
        InputError: no copy has the right sha256 and none can be downloaded; the message says what
            to do.
    """
    for path, _ in _copies(file, folders):
        if _is_sound(file, path):
            return path
    by_hand = (
        f"To do without the Hub, put the file into {folders[0]} (sha256 {file.sha256})."
        if folders
        else f"To do without the Hub, use a folder with {ENCODER_FILE} and {DECODER_FILE}."
    )
    if file.repo_id is None or file.revision is None:
        raise InputError(
            f"{file.filename} is not on this machine and not published on the Hugging Face Hub "
            f"(repo_id and revision are null in the manifest). {by_hand}"
        )
    # A cached copy that is still there at this point is broken, and only forcing replaces it.
    is_cached = hub.cached(file.repo_id, file.filename, file.revision) is not None
    for force in (True,) if is_cached else (False, True):
        try:
            path = hub.download(
                file.repo_id,
                file.filename,
                file.revision,
                size=file.size,
                progress=progress,
                force=force,
            )
        except InputError as error:
            raise InputError(f"{error}. {by_hand}") from error
        if _is_sound(file, path):
            return path
    raise InputError(
        f"{file.filename} of {file.repo_id} has sha256 {file_sha256(path)} after a fresh download, "
        f"expected {file.sha256}: the server or a proxy changes it. {by_hand}"
    )


def verify(file: WeightsFile, *, folders: Sequence[Path]) -> list[Copy]:
    """Checks every copy of a file on this machine; only an embedded file must have one."""
    checked = []
    for path, source in _copies(file, folders):
        sha256 = file_sha256(path)
        checked.append(Copy(path, source, sha256, sha256 == file.sha256))
    if file.embedded and not file.embedded_path.is_file():
        checked.append(Copy(file.embedded_path, "package", "", False))
    return checked


def _copies(file: WeightsFile, folders: Sequence[Path]) -> Iterator[tuple[Path, Source]]:
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


def _is_sound(file: WeightsFile, path: Path) -> bool:
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        logger.warning("skipping %s: %s", path, error)
        return False
    if sha256 != file.sha256:
        logger.warning("skipping %s: its sha256 is %s, expected %s", path, sha256, file.sha256)
    return sha256 == file.sha256


def _status(file: WeightsFile | Path | str, folders: Sequence[Path]) -> FileStatus:
    if isinstance(file, str):
        return FileStatus("missing", 0)
    if isinstance(file, Path):
        return FileStatus("folder", file.stat().st_size)
    for path, source in _copies(file, folders):
        return FileStatus(source, path.stat().st_size)
    return FileStatus("downloads on first use" if file.repo_id else "not published", file.size)


def _listed(folders: Sequence[Path]) -> Iterator[_Listed]:
    """Every model, also those that another of the same name hides; the user's files are read only
    if nothing before them was the one."""
    manifest = load_manifest()
    for entry in manifest.models:
        first = manifest.with_encoder(entry.identity) or entry
        yield _Listed(entry.name, entry.encoder, entry.decoder, first.name)
    for folder in folders:
        for path in sorted(folder.glob("*.safetensors")):
            if path.name not in manifest.files() and not path.name.startswith("."):
                metadata = _metadata(path)
                if metadata.get("format") == DECODER_FORMAT:
                    yield _of_decoder(path, metadata, folders)
    for folder in _user_folders(folders):
        yield _of_folder(folder, folder.name)


def _at_path(text: str, folders: Sequence[Path]) -> _Listed | None:
    """The model whose decoder or folder has this path, if there is something."""
    path = Path(text)
    if text and path.is_dir():
        for name in (ENCODER_FILE, DECODER_FILE):
            if not (path / name).is_file():
                raise InputError(f"{path} is not a model: it has no {name}")
        return _of_folder(path, path.resolve().name)
    if path.is_file():
        metadata = read_metadata(path)
        if metadata.get("format") != DECODER_FORMAT:
            raise InputError(f"{path} is not a decoder file")
        return _of_decoder(path, metadata, folders)
    return None


def _of_folder(folder: Path, name: str) -> _Listed:
    return _Listed(name, folder / ENCODER_FILE, folder / DECODER_FILE, name)


def _of_decoder(decoder: Path, metadata: Mapping[str, str], folders: Sequence[Path]) -> _Listed:
    """A decoder file and the encoder that it names: the manifest's, or that in a user's folder."""
    identity = metadata.get(ENCODER_KEY, "")
    entry = load_manifest().with_encoder(identity)
    if entry:
        return _Listed(decoder.name, entry.encoder, decoder, entry.name)
    for folder in _user_folders(folders):
        if _metadata(folder / ENCODER_FILE).get("identity") == identity:
            return _Listed(decoder.name, folder / ENCODER_FILE, decoder, folder.name)
    return _Listed(decoder.name, identity, decoder, "")


def _user_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.glob(f"*/{ENCODER_FILE}")):
            if (path.parent / DECODER_FILE).is_file():
                yield path.parent


def _metadata(path: Path) -> dict[str, str]:
    """Metadata of a file; none if it is not safetensors."""
    try:
        return read_metadata(path)
    except InputError as error:
        logger.debug("%s", error)
        return {}

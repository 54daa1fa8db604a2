"""Which models there are, and where their files are on this machine.

A model is one of the manifest or one of the user's: a decoder file whose metadata names the encoder
it was trained for, or a folder with `encoder.safetensors` and `decoder.safetensors`.
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
from .manifest import TrunkEntry, WeightsFile, known_models
from .search import Source, copies, locate
from .tensors import DECODER_FORMAT, ENCODER_KEY, TRUNK_KEY, read_metadata

ENCODER_FILE = "encoder.safetensors"
DECODER_FILE = "decoder.safetensors"

Whereabouts = Source | Literal["downloads on first use", "not published", "missing", "none"]
"""Where a file comes from; `missing` is an encoder that a user's decoder names and no model has,
`none` the decoder of a model that is an encoder alone."""

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

    decoder: Path | None
    """Path of its decoder; None if it is an encoder alone."""

    encoder_name: str
    """What messages call the encoder: the name of a manifest's model or of a folder."""


@dataclass(frozen=True)
class _Listed:
    """A model by name, and where to look for its files."""

    name: str
    encoder: WeightsFile | Path | str  # the identity that the decoder names if no model has it
    decoder: WeightsFile | Path
    encoder_name: str


def list_models(folders: Sequence[Path]) -> list[ModelStatus]:
    """Every model, usable or not: the manifest's, the user's decoders, the user's folders, the
    manifest's trunks.

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
    for trunk in known_models(folders).trunks:
        path = trunk_copy(trunk, folders)
        encoder = (
            FileStatus("folder", path.stat().st_size)
            if path
            else FileStatus("downloads on first use", trunk.size)
        )
        models.setdefault(trunk.name, ModelStatus(trunk.name, encoder, FileStatus("none", 0)))
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


def trunk_path(trunk: TrunkEntry, folders: Sequence[Path]) -> Path:
    """Where a new encoder goes that is made of a trunk: the first model folder, or else the assets
    that the Hub's client keeps beside its cache."""
    from huggingface_hub import constants  # noqa: PLC0415  slow, seldom needed

    folder = folders[0] if folders else Path(constants.HF_ASSETS_CACHE, "adain_nodes", "encoders")
    return folder / f"{trunk.name}-encoder.safetensors"


def trunk_copy(trunk: TrunkEntry, folders: Sequence[Path]) -> Path | None:
    """The encoder that was made of a trunk on this machine, if there is one."""
    name = f"{trunk.name}-encoder.safetensors"
    for path in (*(folder / name for folder in folders), trunk_path(trunk, ())):
        if path.is_file() and _metadata(path).get(TRUNK_KEY) == trunk.sha256:
            return path
    return None


def _status(file: WeightsFile | Path | str, folders: Sequence[Path]) -> FileStatus:
    if isinstance(file, str):
        return FileStatus("missing", 0)
    if isinstance(file, Path):
        return FileStatus("folder", file.stat().st_size)
    for path, source in copies(file, folders):
        return FileStatus(source, path.stat().st_size)
    return FileStatus("downloads on first use" if file.repo_id else "not published", file.size)


def _listed(folders: Sequence[Path]) -> Iterator[_Listed]:
    """Every model, also those that another of the same name hides; the user's files are read only
    if nothing before them was the one."""
    manifest = known_models(folders)
    for entry in manifest.models:
        first = manifest.with_encoder(entry.identity) or entry
        yield _Listed(entry.name, entry.encoder, entry.decoder, first.name)
    for folder in folders:
        for path in sorted(folder.rglob("*.safetensors")):
            known = path.name in manifest.files() or path.name in (ENCODER_FILE, DECODER_FILE)
            if not known and not _is_hidden(path, folder):
                metadata = _metadata(path)
                if metadata.get("format") == DECODER_FORMAT:
                    yield _of_decoder(path, metadata, folders, model_name(path, folder))
    for folder in folders:
        for path in _user_folders([folder]):
            yield _of_folder(path, model_name(path, folder))


def model_name(path: Path, folder: Path) -> str:
    """What a decoder file, or a folder, below a model folder is called: its path below it, with /
    between the parts on every system."""
    return path.relative_to(folder).as_posix()


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


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
        return _of_decoder(path, metadata, folders, path.name)
    return None


def _of_folder(folder: Path, name: str) -> _Listed:
    return _Listed(name, folder / ENCODER_FILE, folder / DECODER_FILE, name)


def _of_decoder(
    decoder: Path, metadata: Mapping[str, str], folders: Sequence[Path], name: str
) -> _Listed:
    """A decoder file and the encoder that it names: the manifest's, or that in a user's folder."""
    identity = metadata.get(ENCODER_KEY, "")
    entry = known_models(folders).with_encoder(identity)
    if entry:
        return _Listed(name, entry.encoder, decoder, entry.name)
    for trunk in known_models(folders).trunks:
        path = trunk_copy(trunk, folders)
        if path and _metadata(path).get("identity") == identity:
            return _Listed(name, path, decoder, trunk.name)
    for folder in _user_folders(folders):
        if _metadata(folder / ENCODER_FILE).get("identity") == identity:
            return _Listed(name, folder / ENCODER_FILE, decoder, folder.name)
    return _Listed(name, identity, decoder, "")


def _user_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob(ENCODER_FILE)):
            inside = path.parent != folder and not _is_hidden(path, folder)
            if inside and (path.parent / DECODER_FILE).is_file():
                yield path.parent


def _metadata(path: Path) -> dict[str, str]:
    """Metadata of a file; none if it is not safetensors."""
    try:
        return read_metadata(path)
    except InputError as error:
        logger.debug("%s", error)
        return {}

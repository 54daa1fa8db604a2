"""Models by name: those of the manifest, and what users put into the host's model folders.

A user's model is a decoder file, whose metadata names the encoder it was trained for, or a folder
with `encoder.safetensors` and `decoder.safetensors`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open

from ...host.errors import InputError
from ..networks.decoder import Decoder
from ..networks.vgg import Encoder
from .fetch import Source, candidates, locate
from .hub import Progress
from .manifest import Manifest, ModelEntry, WeightsFile, load_manifest
from .tensors import DECODER_FORMAT, ENCODER_KEY, EncoderIdentity, identify, read_tensors

ENCODER_FILE = "encoder.safetensors"
DECODER_FILE = "decoder.safetensors"

Whereabouts = Source | Literal["downloads on first use", "not published", "missing"]
"""Where a file comes from; missing is the encoder that a user's decoder names and nobody has."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileStatus:
    """One file of a listed model, unchecked."""

    where: Whereabouts
    """Where it comes from."""

    size: int
    """In bytes; 0 if missing."""


@dataclass(frozen=True)
class ModelChoice:
    """A model that can be chosen."""

    name: str
    """What `resolve` takes and workflows store: a manifest's name, the file name of a decoder or
    the name of a folder."""

    encoder: FileStatus
    """Of its encoder."""

    decoder: FileStatus
    """Of its decoder."""

    @property
    def downloads(self) -> bool:
        """Whether the first use fetches something."""
        return "downloads on first use" in (self.encoder.where, self.decoder.where)

    @property
    def usable(self) -> bool:
        """Whether both files are here or can be fetched."""
        unusable = ("not published", "missing")
        return self.encoder.where not in unusable and self.decoder.where not in unusable


@dataclass(frozen=True)
class ModelFiles:
    """A model on this machine."""

    name: str
    """What the user called it."""

    encoder: Path
    """Its encoder file."""

    decoder: Path
    """Its decoder file."""

    encoder_name: str
    """What to call the encoder in messages: a manifest's or a folder's name."""


def list_models(
    folders: Sequence[Path], *, manifest: Manifest | None = None, cache_dir: Path | None = None
) -> list[ModelChoice]:
    """Every model, whether usable or not: the manifest's, the user's decoders, the user's folders.

    Reads names, sizes and metadata only; neither hashes nor touches the network. Of equal names
    the first in that order counts.

    Args:
        folders: the host's model folders.
        manifest: that of this package if absent.
        cache_dir: the Hub's cache; that of its client's settings if absent.
    """
    manifest = manifest or load_manifest()
    choices = {}

    def status(file: WeightsFile | Path | None) -> FileStatus:
        if file is None:
            return FileStatus("missing", 0)
        if isinstance(file, Path):
            return FileStatus("folder", file.stat().st_size)
        for found in candidates(file, folders=folders, cache_dir=cache_dir):
            return FileStatus(found.source, found.path.stat().st_size)
        return FileStatus("downloads on first use" if file.repo_id else "not published", file.size)

    for entry in manifest.models:
        choices[entry.name] = ModelChoice(entry.name, status(entry.encoder), status(entry.decoder))
    for path, identity in _user_decoders(folders, manifest):
        entry_or_folder = _encoder_with(identity, folders, manifest)
        encoder = (
            entry_or_folder.encoder if isinstance(entry_or_folder, ModelEntry) else entry_or_folder
        )
        choices.setdefault(path.name, ModelChoice(path.name, status(encoder), status(path)))
    for folder in _user_folders(folders):
        choice = ModelChoice(
            folder.name, status(folder / ENCODER_FILE), status(folder / DECODER_FILE)
        )
        choices.setdefault(folder.name, choice)
    return list(choices.values())


def available_models(
    folders: Sequence[Path], *, manifest: Manifest | None = None, cache_dir: Path | None = None
) -> list[ModelChoice]:
    """The usable ones of `list_models`, for a menu."""
    models = list_models(folders, manifest=manifest, cache_dir=cache_dir)
    return [choice for choice in models if choice.usable]


def resolve(
    name: str,
    *,
    folders: Sequence[Path],
    manifest: Manifest | None = None,
    progress: Progress | None = None,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
) -> ModelFiles:
    """Finds a model's files, fetching what is not on this machine yet.

    Args:
        name: as `available_models` lists it.
        folders: the host's model folders.
        manifest: that of this package if absent.
        progress: see `fetch.locate`; counts each file from 0.
        endpoint: see `fetch.locate`.
        cache_dir: see `fetch.locate`.

    Raises:
        InputError: there is no such model, or a file of it cannot be had.
    """
    manifest = manifest or load_manifest()

    def located(file: WeightsFile) -> Path:
        return locate(
            file, folders=folders, progress=progress, endpoint=endpoint, cache_dir=cache_dir
        )

    # Names are looked up among what is listed, never joined to a path: none leads out of a folder.
    user_folders = [folder for folder in _user_folders(folders) if folder.name == name]
    entry = manifest.find(name)
    if entry:
        if user_folders:
            logger.warning(
                "%s is hidden by the built-in model of that name: rename it", user_folders[0]
            )
        encoder_name = manifest.encoder_identity(entry).name
        return ModelFiles(name, located(entry.encoder), located(entry.decoder), encoder_name)
    for path, identity in _user_decoders(folders, manifest):
        if path.name == name:
            return _with_encoder(path, identity, folders, manifest, located)
    if user_folders:
        return _files_in(user_folders[0])
    known = available_models(folders, manifest=manifest, cache_dir=cache_dir)
    raise InputError(
        f"there is no model {name!r}; there are {', '.join(choice.name for choice in known)}"
    )


def resolve_model(
    name_or_path: str,
    *,
    folders: Sequence[Path],
    manifest: Manifest | None = None,
    progress: Progress | None = None,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
) -> ModelFiles:
    """Like `resolve`, but takes the path of a decoder file, or of a folder with an encoder and a
    decoder, as well. Names come first."""
    manifest = manifest or load_manifest()
    names = {choice.name for choice in list_models(folders, manifest=manifest, cache_dir=cache_dir)}
    path = Path(name_or_path)
    if name_or_path not in names and path.is_dir():
        return _files_in(path)
    if name_or_path not in names and path.is_file():
        metadata = _metadata(path)
        if metadata.get("format") != DECODER_FORMAT:
            raise InputError(f"{path} is no decoder file")
        located = partial(
            locate, folders=folders, progress=progress, endpoint=endpoint, cache_dir=cache_dir
        )
        return _with_encoder(path, metadata.get(ENCODER_KEY, ""), folders, manifest, located)
    return resolve(
        name_or_path,
        folders=folders,
        manifest=manifest,
        progress=progress,
        endpoint=endpoint,
        cache_dir=cache_dir,
    )


def load_networks(files: ModelFiles) -> tuple[Encoder, Decoder, EncoderIdentity]:
    """Builds a model's networks, in fp32 on the CPU, frozen.

    Raises:
        InputError: a file is not what its name says, or the decoder was trained for another
            encoder.
    """
    # A host may call under inference mode, whose tensors could never take part in a gradient.
    with torch.inference_mode(False):
        encoder_tensors, _ = read_tensors(files.encoder)
        decoder_tensors, metadata = read_tensors(files.decoder)
        identity = identify(encoder_tensors, files.encoder_name)
        if metadata.get(ENCODER_KEY, identity.sha256) != identity.sha256:
            raise InputError(
                f"{files.decoder} was trained for the encoder {metadata.get('encoder_name', '')} "
                f"({metadata[ENCODER_KEY][:12]}), {files.encoder} is {identity}"
            )
        path = files.encoder
        try:
            encoder = Encoder.from_tensors(encoder_tensors)
            path = files.decoder
            decoder = Decoder.from_tensors(decoder_tensors, encoder.architecture)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        return encoder.eval().requires_grad_(False), decoder.eval().requires_grad_(False), identity


def _with_encoder(
    decoder: Path,
    identity: str,
    folders: Sequence[Path],
    manifest: Manifest,
    located: Callable[[WeightsFile], Path],
) -> ModelFiles:
    """A decoder file and the encoder that it names, wherever that is."""
    encoder = _encoder_with(identity, folders, manifest)
    if encoder is None:
        raise InputError(
            f"{decoder} was trained for the encoder {identity!r}, which no model has: put "
            f"both into a folder as {ENCODER_FILE} and {DECODER_FILE}"
        )
    if isinstance(encoder, ModelEntry):
        return ModelFiles(decoder.name, located(encoder.encoder), decoder, encoder.name)
    return ModelFiles(decoder.name, encoder, decoder, encoder.parent.name)


def _files_in(folder: Path) -> ModelFiles:
    for name in (ENCODER_FILE, DECODER_FILE):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is no model: it has no {name}")
    name = folder.resolve().name
    return ModelFiles(name, folder / ENCODER_FILE, folder / DECODER_FILE, name)


def _user_decoders(folders: Sequence[Path], manifest: Manifest) -> Iterator[tuple[Path, str]]:
    """Decoder files directly in the folders, with the identity of the encoder they name."""
    known = manifest.files()
    for folder in folders:
        for path in sorted(folder.glob("*.safetensors")):
            if path.name not in known and not path.name.startswith("."):
                metadata = _metadata(path)
                if metadata.get("format") == DECODER_FORMAT:
                    yield path, metadata.get(ENCODER_KEY, "")


def _user_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.glob(f"*/{ENCODER_FILE}")):
            if (path.parent / DECODER_FILE).is_file():
                yield path.parent


def _encoder_with(
    identity: str, folders: Sequence[Path], manifest: Manifest
) -> ModelEntry | Path | None:
    """The manifest's model, or else the encoder file in a user's folder, with this identity."""
    entry = manifest.with_encoder(identity)
    if entry:
        return entry
    for folder in _user_folders(folders):
        if _metadata(folder / ENCODER_FILE).get("identity") == identity:
            return folder / ENCODER_FILE
    return None


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        logger.debug("%s is not listed: %s", path, error)
        return {}

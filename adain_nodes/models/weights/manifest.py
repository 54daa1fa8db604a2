"""The manifest: which weights this version knows, where they are published, and their sha256."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...host.errors import InputError
from ...host.writing import write_text
from .tensors import EncoderIdentity, identify, read_tensors

NAME = "weights_manifest.json"

PACKAGE_FOLDER = Path(__file__).parent
"""Where the embedded files lie."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REPOSITORY = re.compile(rf"{_PLAIN_NAME.pattern}/{_PLAIN_NAME.pattern}")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights: what it is, and where it can come from."""

    filename: str
    """Its name in a model folder, in the package and in its repository; no path."""

    sha256: str
    """Of the file; 64 hexadecimal digits."""

    size: int
    """Of the file, in bytes."""

    embedded: bool
    """Whether the package carries a copy."""

    repo_id: str | None
    """Repository on the Hugging Face Hub; None while it is not published."""

    revision: str | None
    """Commit of that repository, 40 hexadecimal digits; None while it is not published."""

    license: str
    """Of the weights."""

    provenance: str
    """What the weights were made from."""


@dataclass(frozen=True)
class ModelEntry:
    """An encoder and a decoder for it."""

    name: str
    """What users call it, such as adain-vgg16."""

    encoder: WeightsFile
    """Its encoder; models may share one."""

    decoder: WeightsFile
    """Its decoder."""

    identity: str
    """sha256 of the encoder's tensors, see `files.identify`."""


@dataclass(frozen=True)
class Manifest:
    """Every model that this version knows."""

    models: tuple[ModelEntry, ...]
    """In the order in which users see them; the first is the default."""

    def find(self, name: str) -> ModelEntry | None:
        """The model of this name."""
        return next((model for model in self.models if model.name == name), None)

    def with_encoder(self, identity: str) -> ModelEntry | None:
        """The first model with this encoder: it lends the encoder its name."""
        return next((model for model in self.models if model.identity == identity), None)

    def encoder_identity(self, model: ModelEntry) -> EncoderIdentity:
        """The identity of a model's encoder, named after the first model that has it."""
        first = self.with_encoder(model.identity) or model
        return EncoderIdentity(model.identity, first.name)

    def files(self) -> dict[str, WeightsFile]:
        """Every file by its name."""
        pairs = [(model.encoder, model.decoder) for model in self.models]
        return {file.filename: file for pair in pairs for file in pair}


def own_path() -> Path:
    """Of this package's manifest: in the package of a wheel, beside it in a clone."""
    package = PACKAGE_FOLDER.parents[1]
    inside = package / NAME
    return inside if inside.exists() else package.parent / NAME


def load_manifest(path: Path | None = None) -> Manifest:
    """Reads a manifest.

    Args:
        path: the file; the one of this package if absent.

    Raises:
        InputError: the file cannot be read or says something else than a manifest does.
    """
    path = path or own_path()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a manifest: {error}") from error
    try:
        return _manifest(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Writes a manifest, whole or not at all."""
    models = {
        model.name: {
            "encoder": {**asdict(model.encoder), "identity": model.identity},
            "decoder": asdict(model.decoder),
        }
        for model in manifest.models
    }
    write_text(path, json.dumps({"models": models}, indent=2, ensure_ascii=False) + "\n")


def refreshed(manifest: Manifest, folder: Path) -> Manifest:
    """The manifest as it has to be for the embedded files as they are: their sha256, sizes and
    identities brought up to date.

    Args:
        manifest: the manifest.
        folder: of the embedded files.

    Raises:
        InputError: an embedded file is missing or not safetensors.
    """
    models = []
    for model in manifest.models:
        identity = model.identity
        if model.encoder.embedded:
            tensors, _ = read_tensors(folder / model.encoder.filename)
            identity = identify(tensors, model.name).sha256
        models.append(
            replace(
                model,
                encoder=_measured(model.encoder, folder),
                decoder=_measured(model.decoder, folder),
                identity=identity,
            )
        )
    return Manifest(tuple(models))


def file_sha256(path: Path) -> str:
    """sha256 of a file; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _measured(file: WeightsFile, folder: Path) -> WeightsFile:
    path = folder / file.filename
    if not file.embedded:
        return file
    if not path.is_file():
        raise InputError(f"{path} is missing, but the manifest says that it is embedded")
    return replace(file, sha256=file_sha256(path), size=path.stat().st_size)


def _manifest(data: object) -> Manifest:
    root = _table(data, "the manifest", {"models"})
    models = root["models"]
    if not isinstance(models, dict) or not models:
        raise InputError("models must be an object of at least one model")
    manifest = Manifest(tuple(_model(name, entry) for name, entry in models.items()))
    files = manifest.files()
    for model in manifest.models:
        for file in (model.encoder, model.decoder):
            if files[file.filename] != file:
                raise InputError(f"{file.filename} is described in two ways")
    return manifest


def _model(name: str, data: object) -> ModelEntry:
    if not _PLAIN_NAME.fullmatch(name):
        raise InputError(f"model name {name!r} must be letters, digits, '.', '_' and '-'")
    entry = _table(data, name, {"encoder", "decoder"})
    fields = set(WeightsFile.__dataclass_fields__)
    encoder = dict(_table(entry["encoder"], f"{name}.encoder", fields | {"identity"}))
    identity = _matching(_SHA256, encoder.pop("identity"), f"{name}.encoder.identity")
    return ModelEntry(
        name,
        _weights_file(encoder, f"{name}.encoder"),
        _weights_file(_table(entry["decoder"], f"{name}.decoder", fields), f"{name}.decoder"),
        identity,
    )


def _weights_file(data: Mapping[str, Any], where: str) -> WeightsFile:
    filename = _matching(_PLAIN_NAME, data["filename"], f"{where}.filename")
    if not filename.endswith(".safetensors"):
        raise InputError(f"{where}.filename must end in .safetensors, got {filename!r}")
    _matching(_SHA256, data["sha256"], f"{where}.sha256")
    if type(data["size"]) is not int or data["size"] < 1:
        raise InputError(f"{where}.size must be a number of bytes, got {data['size']!r}")
    if type(data["embedded"]) is not bool:
        raise InputError(f"{where}.embedded must be true or false, got {data['embedded']!r}")
    if (data["repo_id"] is None) != (data["revision"] is None):
        raise InputError(f"{where}: repo_id and revision are either both null or both given")
    if data["repo_id"] is not None:
        _matching(_REPOSITORY, data["repo_id"], f"{where}.repo_id")
        _matching(_COMMIT, data["revision"], f"{where}.revision")
    for key in ("license", "provenance"):
        if not isinstance(data[key], str) or not data[key]:
            raise InputError(f"{where}.{key} must be text, got {data[key]!r}")
    return WeightsFile(**data)


def _table(data: object, where: str, keys: set[str]) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise InputError(f"{where} must be an object, got {data!r}")
    if data.keys() != keys:
        different = ", ".join(sorted(data.keys() ^ keys))
        raise InputError(f"{where}: {different} missing or unknown, expected {sorted(keys)}")
    return data


def _matching(pattern: re.Pattern[str], value: object, where: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InputError(f"{where} must match {pattern.pattern}, got {value!r}")
    return value

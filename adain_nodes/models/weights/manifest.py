"""The manifest: which weights this version knows, where they are published, and their sha256.

A file of the same name in a model folder adds models of the user's. `SCHEMA`, a JSON schema,
describes both.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from reprlib import repr
from typing import Any

from ...host.errors import InputError, one_line
from ...host.json_text import parse_json
from ...host.writing import write_text
from .manifest_checks import COMMIT, PLAIN_NAME, REPOSITORY, SHA256, check_file, matching, table

NAME = "weights_manifest.json"

SCHEMA = Path(__file__).with_name("manifest.schema.json")
"""File with the JSON schema of manifests."""

logger = logging.getLogger(__name__)

PACKAGE_FOLDER = Path(__file__).parent
"""Folder of the embedded files."""

_PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights: what it is, and where it can come from."""

    filename: str
    """Its name in a model folder, in the package and in its repository, without folders."""

    sha256: str
    """sha256 of the file; 64 hexadecimal digits."""

    size: int
    """Size of the file in bytes."""

    embedded: bool
    """Whether the package carries a copy."""

    repo_id: str | None
    """Repository on the Hugging Face Hub; None while it is not published."""

    revision: str | None
    """Commit of that repository, 40 hexadecimal digits; None while it is not published."""

    license: str
    """Licence of the weights."""

    provenance: str
    """What the weights were made from."""

    @property
    def embedded_path(self) -> Path:
        """Where the package carries its copy, if it does."""
        return PACKAGE_FOLDER / self.filename


@dataclass(frozen=True)
class ModelEntry:
    """A model of the manifest."""

    name: str
    """What users call it, such as adain-vgg16."""

    encoder: WeightsFile
    """File of its encoder; models may share one."""

    decoder: WeightsFile
    """File of its decoder."""

    identity: str
    """sha256 of the encoder's tensors, see `tensors.identify`."""


@dataclass(frozen=True)
class TrunkEntry:
    """A VGG in a repository of others, from which an encoder is made on first use; it has no
    decoder."""

    name: str
    """What users call it, such as vgg19."""

    repo_id: str
    """Its repository on the Hugging Face Hub."""

    revision: str
    """Commit of that repository, 40 hexadecimal digits."""

    filename: str
    """Safetensors file in that repository."""

    sha256: str
    """sha256 of that file; 64 hexadecimal digits."""

    size: int
    """Bytes of the tensors that are needed of it."""

    tensors: Mapping[str, str | None]
    """Their names, and the sha256 of their bytes where it is known."""

    license: str
    """Licence of the weights."""

    provenance: str
    """What they are."""


@dataclass(frozen=True)
class Manifest:
    """Every model that this version knows."""

    models: tuple[ModelEntry, ...]
    """In the order in which users see them; the first is the default."""

    trunks: tuple[TrunkEntry, ...] = ()
    """Encoders without a decoder, in the order in which users see them, after the models."""

    def find(self, name: str) -> ModelEntry | None:
        """The model of this name, if there is one."""
        return next((model for model in self.models if model.name == name), None)

    def names(self) -> set[str]:
        """The names of all models and trunks."""
        return {model.name for model in self.models} | {trunk.name for trunk in self.trunks}

    def find_trunk(self, name: str) -> TrunkEntry | None:
        """The trunk of this name, if there is one."""
        return next((trunk for trunk in self.trunks if trunk.name == name), None)

    def with_encoder(self, identity: str) -> ModelEntry | None:
        """The first model with this encoder, if there is one: the encoder has its name."""
        return next((model for model in self.models if model.identity == identity), None)

    def files(self) -> dict[str, WeightsFile]:
        """Every file by its name."""
        pairs = [(model.encoder, model.decoder) for model in self.models]
        return {file.filename: file for pair in pairs for file in pair}


def own_path() -> Path:
    """Path of this package's manifest: inside an installed package, beside it in a clone."""
    inside = _PACKAGE / NAME
    return inside if inside.exists() else _PACKAGE.parent / NAME


def is_installed(path: Path) -> bool:
    """Whether this is the manifest of an installed package, not that of a clone."""
    return path.parent == _PACKAGE


def load_manifest(path: Path | None = None) -> Manifest:
    """Reads a manifest.

    Args:
        path: the file; the one of this package if absent.

    Raises:
        InputError: the file cannot be read or is not a manifest.
    """
    path = path or own_path()
    try:
        data = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a manifest: {one_line(error)}") from error
    try:
        return _manifest(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def known_models(folders: Iterable[Path]) -> Manifest:
    """What the manifest of this package and those in model folders say together.

    Of two models with one name the first counts. What is wrong with a user's manifest is a warning
    only, and the models of that file are left out.
    """
    manifest = load_manifest()
    for path in (folder / NAME for folder in folders):
        if not path.is_file():
            continue
        try:
            added = load_manifest(path)
            taken = manifest.names()
            for name in sorted(taken & added.names()):
                logger.warning("%s: there is a model %s already", path, name)
            models = (_not_embedded(model) for model in added.models if model.name not in taken)
            trunks = (trunk for trunk in added.trunks if trunk.name not in taken)
            manifest = _checked(Manifest((*manifest.models, *models), (*manifest.trunks, *trunks)))
        except InputError as error:
            logger.warning("the models of %s are left out: %s", path, error)
    return manifest


def _not_embedded(model: ModelEntry) -> ModelEntry:
    encoder, decoder = (replace(file, embedded=False) for file in (model.encoder, model.decoder))
    return replace(model, encoder=encoder, decoder=decoder)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Writes a manifest, whole or not at all."""
    models = {
        model.name: {
            "encoder": {**asdict(model.encoder), "identity": model.identity},
            "decoder": asdict(model.decoder),
        }
        for model in manifest.models
    }
    data: dict[str, Any] = {"models": models}
    if manifest.trunks:
        data["trunks"] = {trunk.name: _without_name(asdict(trunk)) for trunk in manifest.trunks}
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def _without_name(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != "name"}


def _manifest(data: object) -> Manifest:
    if isinstance(data, dict):
        data = {"trunks": {}, **data}
        data.pop("$schema", None)  # for editors
    root = table(data, "the manifest", {"models", "trunks"})
    models = root["models"]
    if not isinstance(models, dict) or not models:
        raise InputError("models must be an object of at least one model")
    trunks = root["trunks"]
    if not isinstance(trunks, dict) or trunks.keys() & models.keys():
        raise InputError("trunks must be an object, of other names than the models")
    return _checked(
        Manifest(
            tuple(_model(name, entry) for name, entry in models.items()),
            tuple(_trunk(name, entry) for name, entry in trunks.items()),
        )
    )


def _checked(manifest: Manifest) -> Manifest:
    files = manifest.files()
    for model in manifest.models:
        for file in (model.encoder, model.decoder):
            if replace(files[file.filename], embedded=file.embedded) != file:
                raise InputError(f"{file.filename} is described in two ways")
    return manifest


def _model(name: str, data: object) -> ModelEntry:
    if not PLAIN_NAME.fullmatch(name):
        raise InputError(f"model name {repr(name)} must be letters, digits, '.', '_' and '-'")
    entry = table(data, name, {"encoder", "decoder"})
    fields = set(WeightsFile.__dataclass_fields__)
    encoder = dict(table(entry["encoder"], f"{name}.encoder", fields | {"identity"}))
    identity = matching(SHA256, encoder.pop("identity"), f"{name}.encoder.identity")
    return ModelEntry(
        name,
        _weights_file(encoder, f"{name}.encoder"),
        _weights_file(table(entry["decoder"], f"{name}.decoder", fields), f"{name}.decoder"),
        identity,
    )


def _trunk(name: str, data: object) -> TrunkEntry:
    if not PLAIN_NAME.fullmatch(name):
        raise InputError(f"trunk name {repr(name)} must be letters, digits, '.', '_' and '-'")
    entry = table(data, name, set(TrunkEntry.__dataclass_fields__) - {"name"})
    matching(REPOSITORY, entry["repo_id"], f"{name}.repo_id")
    matching(COMMIT, entry["revision"], f"{name}.revision")
    check_file(entry, name)
    tensors = entry["tensors"]
    if not isinstance(tensors, dict) or not tensors:
        raise InputError(f"{name}.tensors must be an object of names, got {repr(tensors)}")
    for tensor, sha256 in tensors.items():
        if sha256 is not None:
            matching(SHA256, sha256, f"{name}.tensors.{tensor}")
    return TrunkEntry(name, **entry)


def _weights_file(data: Mapping[str, Any], where: str) -> WeightsFile:
    check_file(data, where)
    if type(data["embedded"]) is not bool:
        raise InputError(f"{where}.embedded must be true or false, got {repr(data['embedded'])}")
    if (data["repo_id"] is None) != (data["revision"] is None):
        raise InputError(f"{where}: repo_id and revision are either both null or both given")
    if data["repo_id"] is not None:
        matching(REPOSITORY, data["repo_id"], f"{where}.repo_id")
        matching(COMMIT, data["revision"], f"{where}.revision")
    return WeightsFile(**data)

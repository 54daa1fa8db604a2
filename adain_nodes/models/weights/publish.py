"""Publishes a model on the Hugging Face Hub and notes in the manifest where it is; and notes there
what is in files of others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ...host.errors import InputError
from .hub import download, upload
from .manifest import Manifest, WeightsFile, is_installed, load_manifest, write_manifest
from .search import locate
from .tensors import file_sha256, identify, read_tensors, tensor_sha256

CARD_HEADER = """\
---
license: mit
library_name: adain-nodes
pipeline_tag: image-to-image
tags:
- style-transfer
- adain
- comfyui
---

"""
"""What the Hub reads at the top of a model's card."""

LICENSES = ("LICENSE", "NOTICE")
"""Files that are published with the weights."""

logger = logging.getLogger(__name__)


def publish(
    name: str,
    repo_id: str,
    *,
    card: Path,
    manifest_path: Path,
    folders: Sequence[Path] = (),
) -> str:
    """Uploads both files of a model, its card, a Markdown file, and the licences in one commit,
    which is returned, then notes repository and commit in the manifest, so that others can download
    what is not embedded or has been lost.

    Hashes and sizes of embedded files are brought up to date first, so that what is published is
    what the package carries. An encoder that models share is noted for all of them. Publishing
    again does no harm.

    Args:
        name: name of a model in the manifest.
        repo_id: repository, namespace/name; created if necessary.
        card: Markdown file that becomes the repository's README.md.
        manifest_path: the manifest, which is replaced; `LICENSES` are in the same folder.
        folders: where to look for files that are not embedded.

    Raises:
        InputError: there is no such model, one of its files is missing, or the Hub refuses; the
            manifest is then unchanged.
        OSError: the card or a licence cannot be read; the manifest is then unchanged.
    """
    manifest, files = contents(name, card=card, manifest_path=manifest_path, folders=folders)
    revision = upload(repo_id, files, f"Publish {name}")
    logger.info("%s is at revision %s of %s", name, revision, repo_id)

    def noted(file: WeightsFile) -> WeightsFile:
        return replace(file, repo_id=repo_id, revision=revision) if file.filename in files else file

    write_manifest(manifest_path, _with_files(manifest, noted))
    return revision


def contents(
    name: str, *, card: Path, manifest_path: Path, folders: Sequence[Path] = ()
) -> tuple[Manifest, dict[str, bytes]]:
    """What `publish` would upload: the manifest with the hashes and sizes that embedded files have
    now, and the files by their name in the repository. It uploads and changes nothing, and raises
    what `publish` raises, but for what the Hub refuses."""
    if is_installed(manifest_path):
        raise InputError(
            f"{manifest_path} belongs to an installed package: publish from a clone, whose "
            "manifest others get"
        )
    manifest = refreshed(load_manifest(manifest_path))
    entry = manifest.find(name)
    if entry is None:
        known = ", ".join(model.name for model in manifest.models)
        raise InputError(f"there is no model {name!r} to publish; there are {known}")
    return manifest, {
        entry.encoder.filename: locate(entry.encoder, folders=folders).read_bytes(),
        entry.decoder.filename: locate(entry.decoder, folders=folders).read_bytes(),
        "README.md": (CARD_HEADER + card.read_text(encoding="utf-8")).encode(),
        **{file: (manifest_path.parent / file).read_bytes() for file in LICENSES},
    }


def pin(name: str, *, manifest_path: Path) -> None:
    """Downloads the whole file of a trunk and notes in the manifest the sha256 of each of its
    tensors that is needed, by which they are checked from then on.

    Args:
        name: name of a trunk in the manifest.
        manifest_path: the manifest, which is replaced.

    Raises:
        InputError: there is no such trunk, or its file cannot be had or is another one; the
            manifest is then unchanged.
    """
    manifest = load_manifest(manifest_path)
    trunk = manifest.find_trunk(name)
    if trunk is None:
        known = ", ".join(trunk.name for trunk in manifest.trunks)
        raise InputError(f"there is no trunk {name!r} to pin; there are {known}")
    path = download(trunk.repo_id, trunk.filename, trunk.revision)
    if file_sha256(path) != trunk.sha256:
        raise InputError(f"{path} has sha256 {file_sha256(path)}, expected {trunk.sha256}")
    hashes: dict[str, str | None] = {key: tensor_sha256(path, key) for key in trunk.tensors}
    trunks = (replace(one, tensors=hashes) if one is trunk else one for one in manifest.trunks)
    write_manifest(manifest_path, replace(manifest, trunks=tuple(trunks)))


def refreshed(manifest: Manifest) -> Manifest:
    """The manifest with the sha256, sizes and identities that the embedded files have now.

    Raises:
        InputError: an embedded file is missing or not safetensors.
    """

    def measured(file: WeightsFile) -> WeightsFile:
        path = file.embedded_path
        if not file.embedded:
            return file
        if not path.is_file():
            raise InputError(f"{path} is missing, but the manifest says that it is embedded")
        return replace(file, sha256=file_sha256(path), size=path.stat().st_size)

    manifest = _with_files(manifest, measured)
    models = []
    for model in manifest.models:
        identity = model.identity
        if model.encoder.embedded:
            tensors, _ = read_tensors(model.encoder.embedded_path)
            identity = identify(tensors, model.name).sha256
        models.append(replace(model, identity=identity))
    return replace(manifest, models=tuple(models))


def _with_files(manifest: Manifest, changed: Callable[[WeightsFile], WeightsFile]) -> Manifest:
    models = (
        replace(model, encoder=changed(model.encoder), decoder=changed(model.decoder))
        for model in manifest.models
    )
    return replace(manifest, models=tuple(models))

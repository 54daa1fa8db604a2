"""Puts a model on the Hugging Face Hub, and where it is into the manifest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...host.errors import InputError
from .hub import upload
from .manifest import (
    PACKAGE_FOLDER,
    Manifest,
    ModelEntry,
    WeightsFile,
    load_manifest,
    refreshed,
    write_manifest,
)
from .store import resolve

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
"""What the Hub wants to know of a model, before its card."""

LICENSES = ("LICENSE", "NOTICE")
"""Files that have to go along with the weights."""

logger = logging.getLogger(__name__)


def publish(
    name: str,
    repo_id: str,
    *,
    card: Path,
    manifest_path: Path,
    folders: Sequence[Path] = (),
    endpoint: str | None = None,
) -> str:
    """Uploads both files of a model, its card and the licences in one commit, then notes repository
    and commit in the manifest, so that others can fetch what is not embedded or has been lost.

    Hashes and sizes of embedded files are brought up to date first: what is published is what the
    package carries. An encoder that models share is noted for all of them. To publish again is
    harmless.

    Args:
        name: of a model in the manifest.
        repo_id: repository, namespace/name; made if it is not there.
        card: Markdown file, becomes the repository's README.md.
        manifest_path: the manifest; replaced. `LICENSES` are beside it.
        folders: where to look for files that are not embedded.
        endpoint: the Hub's address; that of its client's settings if absent.

    Returns:
        The commit.

    Raises:
        InputError: there is no such model, a file of it is missing, or the Hub refuses; the
            manifest is then as it was.
        OSError: the card or a licence cannot be read; likewise.
    """
    if manifest_path.parent == PACKAGE_FOLDER.parents[1]:
        raise InputError(
            f"{manifest_path} is that of an installed package: publish from a clone, whose "
            "manifest others get"
        )
    manifest = refreshed(load_manifest(manifest_path), PACKAGE_FOLDER)
    entry = manifest.find(name)
    if entry is None:
        known = ", ".join(model.name for model in manifest.models)
        raise InputError(f"there is no model {name!r} to publish; there are {known}")
    found = resolve(name, folders=folders, manifest=manifest, endpoint=endpoint)
    files = {
        entry.encoder.filename: found.encoder.read_bytes(),
        entry.decoder.filename: found.decoder.read_bytes(),
        "README.md": (CARD_HEADER + card.read_text(encoding="utf-8")).encode(),
        **{file: (manifest_path.parent / file).read_bytes() for file in LICENSES},
    }
    revision = upload(repo_id, files, f"Publish {name}", endpoint=endpoint)
    logger.info("%s is at revision %s of %s", name, revision, repo_id)
    write_manifest(manifest_path, _noted(manifest, entry, repo_id, revision))
    return revision


def _noted(manifest: Manifest, entry: ModelEntry, repo_id: str, revision: str) -> Manifest:
    """The manifest with the whereabouts of a model's two files."""
    names = {entry.encoder.filename, entry.decoder.filename}

    def noted(file: WeightsFile) -> WeightsFile:
        return replace(file, repo_id=repo_id, revision=revision) if file.filename in names else file

    return Manifest(
        tuple(
            replace(model, encoder=noted(model.encoder), decoder=noted(model.decoder))
            for model in manifest.models
        )
    )

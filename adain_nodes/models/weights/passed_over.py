"""Files in the host's model folders that are no models, and why not."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...host.errors import InputError
from .manifest import known_models
from .store import DECODER_FILE, ENCODER_FILE, list_models, model_name, trunk_path
from .tensors import DECODER_FORMAT, nature, read_metadata

PICKLES = frozenset({".pth", ".pt", ".ckpt", ".bin", ".pkl"})
"""Suffixes by which weights come that loading could make run code."""

logger = logging.getLogger(__name__)

_told: set[str] = set()


def passed_over(folders: Sequence[Path]) -> dict[str, str]:
    """Why files in model folders that look like weights are not offered, by their names.

    Args:
        folders: the host's model folders; subfolders count.
    """
    offered = {model.name for model in list_models(folders) if model.usable}
    manifest = known_models(folders)
    known = {*manifest.files(), *(trunk_path(trunk, ()).name for trunk in manifest.trunks)}
    reasons: dict[str, str] = {}
    for folder in folders:
        for path in _weights_below(folder):
            name = model_name(path, folder)
            if path.name in known or name in offered or name in reasons:
                continue
            halves = (path.with_name(ENCODER_FILE), path.with_name(DECODER_FILE))
            if path not in halves or not all(half.is_file() for half in halves):
                reasons[name] = _reason(path)
    return reasons


def log_passed_over(folders: Sequence[Path]) -> None:
    """One warning for each such file, once in a process."""
    for reason in passed_over(folders).values():
        if reason not in _told:
            _told.add(reason)
            logger.warning("Not offered as an AdaIN model: %s", reason)


def check_offered(name: str, folders: Sequence[Path]) -> None:
    """Checks that a model can be used, before anything is loaded.

    Raises:
        InputError: it cannot; the message says why.
    """
    models = list_models(folders)
    usable = [model.name for model in models if model.usable]
    if name in usable:
        return
    if name in (reasons := passed_over(folders)):
        raise InputError(reasons[name])
    raise InputError(f"there is no model {name!r}; there are {', '.join(usable)}")


def _weights_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in {".safetensors", *PICKLES} and path.is_file() and not hidden:
            yield path


def _reason(path: Path) -> str:
    """What is wrong with a file of weights."""
    if path.suffix.lower() in PICKLES:
        return f"{path} {nature(path) or 'is not safetensors'}"
    try:
        metadata = read_metadata(path)
    except InputError as error:
        return str(error)
    if path.name in (ENCODER_FILE, DECODER_FILE):
        other = DECODER_FILE if path.name == ENCODER_FILE else ENCODER_FILE
        return f"{path} is one half of a model: put its {other} beside it"
    if metadata.get("format") == DECODER_FORMAT:
        return (
            f"{path} is a decoder for the encoder {metadata.get('encoder', '')!r}, which no model "
            f"has: put both into a folder as {ENCODER_FILE} and {DECODER_FILE}"
        )
    if metadata.get("format") == "adain-encoder":
        return (
            f"{path} is an encoder: put it into a folder as {ENCODER_FILE}, beside its "
            f"{DECODER_FILE}"
        )
    return (
        f"{path} does not say in its metadata that it is a decoder for AdaIN: make one by "
        "`adain-nodes models convert` or `adain-nodes models export-decoder`"
    )

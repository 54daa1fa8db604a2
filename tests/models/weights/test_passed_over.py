"""Files in model folders that are not offered: each with a reason that says what to do."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.passed_over import check_offered, log_passed_over, passed_over
from adain_nodes.models.weights.store import find_model, list_models
from adain_nodes.models.weights.tensors import write_tensors

from ..tiny_models import write_model

pytestmark = pytest.mark.usefixtures("hub", "manifest")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder with one file of each kind that is no model."""
    folder = tmp_path / "models"
    write_model(tmp_path / "encoder.safetensors", tmp_path / "stranger.safetensors", seed=7)
    (folder / "art").mkdir(parents=True)
    shutil.copy(tmp_path / "stranger.safetensors", folder / "art")
    shutil.copy(tmp_path / "encoder.safetensors", folder / "vgg.safetensors")
    (folder / "half").mkdir()
    shutil.copy(tmp_path / "encoder.safetensors", folder / "half")
    write_tensors(folder / "plain.safetensors", {"weight": torch.ones(1)}, {})
    (folder / "damaged.safetensors").write_bytes(b"no weights")
    torch.save({"weight": torch.ones(1)}, folder / "decoder.pth")
    (folder / "notes.txt").write_text("none of our business")
    (folder / ".hidden.safetensors").write_bytes(b"")
    return folder


REASONS = {
    "art/stranger.safetensors": "is a decoder for the encoder .* which no model has",
    "vgg.safetensors": "is an encoder: put it into a folder as encoder.safetensors",
    "half/encoder.safetensors": "is one half of a model: put its decoder.safetensors beside it",
    "plain.safetensors": "does not say in its metadata that it is a decoder",
    "damaged.safetensors": "cannot be read as safetensors",
    "decoder.pth": "is a PyTorch file: make a model of it by `adain-nodes models convert",
}


def test_each_file_has_its_reason(folder: Path) -> None:
    assert passed_over([folder]).keys() == REASONS.keys()
    for name, reason in REASONS.items():
        with pytest.raises(InputError, match=reason):
            check_offered(name, [folder])


def test_what_is_nowhere_lists_what_there_is(folder: Path) -> None:
    with pytest.raises(InputError, match=r"there is no model 'nobody'; there are tiny"):
        check_offered("nobody", [folder])


def test_each_file_is_told_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        log_passed_over([folder])
        log_passed_over([folder])
    assert len(caplog.records) == len(REASONS)


def test_models_in_subfolders_are_offered_by_their_paths(tmp_path: Path, published: Path) -> None:
    folder = tmp_path / "models"
    (folder / "art" / "own").mkdir(parents=True)
    shutil.copy(published / "tiny-decoder.safetensors", folder / "art" / "mine.safetensors")
    whole = folder / "art" / "own"
    write_model(whole / "encoder.safetensors", whole / "decoder.safetensors", seed=3)
    names = ["art/mine.safetensors", "art/own"]
    assert [model.name for model in list_models([folder]) if model.usable] == ["tiny", *names]
    assert passed_over([folder]) == {}
    for name in names:
        check_offered(name, [folder])
        decoder = find_model(name, folders=[folder]).decoder
        assert decoder is not None and decoder.is_relative_to(folder / "art")

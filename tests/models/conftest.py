"""A package without weights, and a Hub with a tiny model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adain_nodes.models.weights import fetch
from adain_nodes.models.weights.manifest import Manifest

from .hub_server import HubServer
from .tiny_models import describe_model, write_model


@pytest.fixture(autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package folder in place of the real one."""
    folder = tmp_path_factory.mktemp("package")
    monkeypatch.setattr(fetch, "PACKAGE_FOLDER", folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The Hub's cache, empty."""
    return tmp_path / "cache"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Folder of the Hub's one repository, someone/tiny, with the model tiny."""
    folder = tmp_path / "hub/someone/tiny"
    write_model(folder / "tiny-encoder.safetensors", folder / "tiny-decoder.safetensors", seed=0)
    return folder


@pytest.fixture
def hub(published: Path) -> Iterator[HubServer]:
    """A Hub with that repository."""
    with HubServer(published.parent.parent) as server:
        yield server


@pytest.fixture
def manifest(published: Path) -> Manifest:
    """Knows that model only, which is not embedded."""
    return Manifest((describe_model("tiny", published, published=True, embedded=False),))

"""A package without weights, and a Hub with a tiny model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from adain_nodes.models.weights import manifest as manifest_module
from adain_nodes.models.weights.manifest import Manifest, WeightsFile, write_manifest

from .hub_server import BLOCK, HubServer
from .tiny_models import describe, describe_model, write_model

UseManifest = Callable[[Manifest], Manifest]


@pytest.fixture(autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package folder in place of the real one."""
    folder = tmp_path_factory.mktemp("package")
    monkeypatch.setattr(manifest_module, "PACKAGE_FOLDER", folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hub's cache, empty."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Folder of the Hub's one repository, someone/tiny, with the model tiny."""
    folder = tmp_path / "hub/someone/tiny"
    write_model(folder / "tiny-encoder.safetensors", folder / "tiny-decoder.safetensors", seed=0)
    return folder


@pytest.fixture
def hub(published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub with that repository, which the client asks from now on."""
    with HubServer(published.parent.parent) as server:
        path = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.endpoint + path)
        yield server


@pytest.fixture
def large(hub: HubServer, published: Path) -> WeightsFile:
    """A file of several blocks in that repository."""
    assert hub.requests.total() == 0
    path = published / "large.safetensors"
    path.write_bytes(bytes(range(256)) * (10 * BLOCK // 256))
    return describe(path, published=True)


@pytest.fixture
def use_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UseManifest:
    """Puts a manifest in the place of the package's."""

    def use(manifest: Manifest) -> Manifest:
        path = tmp_path / "weights_manifest.json"
        write_manifest(path, manifest)
        monkeypatch.setattr(manifest_module, "own_path", lambda: path)
        return manifest

    return use


@pytest.fixture
def manifest(published: Path, use_manifest: UseManifest) -> Manifest:
    """The package's: knows that model only, which is not embedded."""
    model = describe_model("tiny", published, published=True, embedded=False)
    return use_manifest(Manifest((model,)))

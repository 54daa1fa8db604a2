"""Models by name, the user's included."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.manifest import Manifest
from adain_nodes.models.weights.store import (
    ModelFiles,
    find_model,
    list_models,
)

from ..conftest import UseManifest
from ..hub_server import HubServer
from ..tiny_models import describe_model, write_model

pytestmark = pytest.mark.usefixtures("hub", "manifest")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The host's model folder, empty."""
    path = tmp_path / "models"
    path.mkdir()
    return path


def usable_models(folder: Path) -> list[str]:
    return [model.name for model in list_models((folder,)) if model.usable]


def write_folder_model(folder: Path, *, seed: int) -> Path:
    write_model(folder / "encoder.safetensors", folder / "decoder.safetensors", seed=seed)
    return folder


def test_listing_says_what_a_folder_has_and_what_downloads(
    manifest: Manifest, folder: Path, published: Path
) -> None:
    shutil.copy(published / "tiny-encoder.safetensors", folder)
    (model,) = list_models((folder,))
    assert (model.encoder.where, model.decoder.where) == ("folder", "downloads on first use")
    assert model.decoder.size == manifest.models[0].decoder.size
    assert model.usable


def test_listing_says_what_is_cached() -> None:
    find_model("tiny", folders=())
    (model,) = list_models(())
    assert (model.encoder.where, model.decoder.where) == ("cached", "cached")


def test_listing_says_what_the_package_has(
    package: Path, published: Path, use_manifest: UseManifest
) -> None:
    use_manifest(Manifest((describe_model("tiny", published, published=False, embedded=True),)))
    for path in published.iterdir():
        shutil.copy(path, package)
    (model,) = list_models(())
    assert (model.encoder.where, model.decoder.where) == ("package", "package")


def test_listing_touches_no_network(hub: HubServer, folder: Path) -> None:
    list_models((folder,))
    assert not hub.requests


def test_what_is_neither_here_nor_published_is_not_offered(
    folder: Path, published: Path, use_manifest: UseManifest
) -> None:
    use_manifest(Manifest((describe_model("tiny", published, published=False, embedded=False),)))
    assert usable_models(folder) == []
    (model,) = list_models((folder,))
    assert model.decoder.where == "not published"


def test_a_users_decoder_finds_its_encoder_in_the_manifest(
    folder: Path, published: Path, cache: Path
) -> None:
    shutil.copy(published / "tiny-decoder.safetensors", folder / "mine.safetensors")
    assert usable_models(folder) == ["tiny", "mine.safetensors"]
    files = find_model("mine.safetensors", folders=(folder,))
    assert files.decoder == folder / "mine.safetensors"
    assert files.encoder.is_relative_to(cache)
    assert files.encoder_name == "tiny"


def test_a_users_decoder_finds_its_encoder_in_a_folder(folder: Path) -> None:
    home = write_folder_model(folder / "home", seed=1)
    shutil.copy(home / "decoder.safetensors", folder / "mine.safetensors")
    files = find_model("mine.safetensors", folders=(folder,))
    assert files == ModelFiles(home / "encoder.safetensors", folder / "mine.safetensors", "home")


def test_a_decoder_whose_encoder_nobody_has_is_not_offered_and_says_why(folder: Path) -> None:
    write_folder_model(folder / "home", seed=1)
    (folder / "home/decoder.safetensors").rename(folder / "mine.safetensors")
    assert usable_models(folder) == ["tiny"]
    with pytest.raises(InputError, match="which no model has"):
        find_model("mine.safetensors", folders=(folder,))


def test_what_is_no_decoder_is_not_listed(folder: Path, published: Path) -> None:
    shutil.copy(published / "tiny-encoder.safetensors", folder / "encoder.safetensors")
    shutil.copy(published / "tiny-decoder.safetensors", folder / "tiny-decoder.safetensors")
    (folder / "broken.safetensors").write_bytes(b"no safetensors")
    (folder / "empty").mkdir()
    assert [one.name for one in list_models((folder,))] == ["tiny"]


def test_folders_are_models(folder: Path) -> None:
    home = write_folder_model(folder / "home", seed=1)
    assert usable_models(folder) == ["tiny", "home"]
    files = find_model("home", folders=(folder,))
    assert files.decoder == home / "decoder.safetensors"


def test_a_folder_under_a_built_in_name_is_hidden_with_a_warning(
    folder: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = write_folder_model(folder / "tiny", seed=1)
    with caplog.at_level(logging.WARNING):
        files = find_model("tiny", folders=(folder,))
    assert files.encoder.is_relative_to(cache)
    assert f"{hidden} is hidden" in caplog.text


@pytest.mark.parametrize("name", ["nobody", "../home", "home/", ""])
def test_an_unknown_name_is_an_error_that_lists_what_there_is(
    folder: Path, package: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(package)  # where no path leads to a model
    write_folder_model(folder.parent / "home", seed=1)
    with pytest.raises(InputError, match="there are tiny"):
        find_model(name, folders=(folder,))


def test_the_path_of_a_folder_is_a_model_for_the_shell(tmp_path: Path) -> None:
    home = write_folder_model(tmp_path / "home", seed=1)
    files = find_model(home, folders=())
    assert files == ModelFiles(home / "encoder.safetensors", home / "decoder.safetensors", "home")
    (home / "decoder.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no decoder\.safetensors"):
        find_model(home, folders=())


def test_a_name_comes_before_a_folder_in_the_working_directory(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder_model(tmp_path / "tiny", seed=1)
    monkeypatch.chdir(tmp_path)
    assert find_model("tiny", folders=()).encoder.is_relative_to(cache)
    assert find_model("./tiny", folders=()).encoder == Path("tiny/encoder.safetensors")


def test_the_path_of_a_decoder_file_is_a_model_for_the_shell(
    published: Path, tmp_path: Path, cache: Path
) -> None:
    path = tmp_path / "tiny-decoder.safetensors"  # as the manifest's own file is called
    shutil.copy(published / "tiny-decoder.safetensors", path)
    files = find_model(path, folders=())
    assert (files.decoder, files.encoder_name) == (path, "tiny")
    assert files.encoder.is_relative_to(cache)
    with pytest.raises(InputError, match="is not a decoder file"):
        find_model(published / "tiny-encoder.safetensors", folders=())

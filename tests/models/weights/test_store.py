"""Models by name, the user's included."""

from __future__ import annotations

import logging
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.manifest import Manifest
from adain_nodes.models.weights.store import (
    ModelFiles,
    available_models,
    list_models,
    load_networks,
    resolve,
    resolve_model,
)
from adain_nodes.models.weights.tensors import read_tensors, write_tensors

from ..hub_server import HubServer
from ..tiny_models import describe_model, write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The host's model folder, empty."""
    path = tmp_path / "models"
    path.mkdir()
    return path


def write_folder_model(folder: Path, *, seed: int) -> Path:
    write_model(folder / "encoder.safetensors", folder / "decoder.safetensors", seed=seed)
    return folder


def test_listing_says_what_a_folder_has_and_what_downloads(
    manifest: Manifest, folder: Path, published: Path, cache: Path
) -> None:
    shutil.copy(published / "tiny-encoder.safetensors", folder)
    (model,) = list_models((folder,), manifest=manifest, cache_dir=cache)
    assert (model.encoder.where, model.decoder.where) == ("folder", "downloads on first use")
    assert model.decoder.size == manifest.models[0].decoder.size
    assert model.downloads


def test_listing_says_what_is_cached(hub: HubServer, manifest: Manifest, cache: Path) -> None:
    resolve("tiny", folders=(), manifest=manifest, endpoint=hub.endpoint, cache_dir=cache)
    (model,) = list_models((), manifest=manifest, cache_dir=cache)
    assert (model.encoder.where, model.decoder.where) == ("cached", "cached")
    assert not model.downloads


def test_listing_says_what_the_package_has(package: Path, published: Path) -> None:
    embedded = Manifest((describe_model("tiny", published, published=False, embedded=True),))
    for path in published.iterdir():
        shutil.copy(path, package)
    (model,) = list_models((), manifest=embedded)
    assert (model.encoder.where, model.decoder.where) == ("package", "package")


def test_listing_touches_no_network(
    hub: HubServer, manifest: Manifest, folder: Path, cache: Path
) -> None:
    available_models((folder,), manifest=manifest, cache_dir=cache)
    assert not hub.requests


def test_what_is_neither_here_nor_published_is_not_offered(
    folder: Path, published: Path, cache: Path
) -> None:
    nowhere = Manifest((describe_model("tiny", published, published=False, embedded=False),))
    assert available_models((folder,), manifest=nowhere, cache_dir=cache) == []
    (model,) = list_models((folder,), manifest=nowhere, cache_dir=cache)
    assert model.decoder.where == "not published"


def test_a_users_decoder_finds_its_encoder_in_the_manifest(
    hub: HubServer, manifest: Manifest, folder: Path, published: Path, cache: Path
) -> None:
    shutil.copy(published / "tiny-decoder.safetensors", folder / "mine.safetensors")
    names = [model.name for model in available_models((folder,), manifest=manifest)]
    assert names == ["tiny", "mine.safetensors"]
    files = resolve(
        "mine.safetensors",
        folders=(folder,),
        manifest=manifest,
        endpoint=hub.endpoint,
        cache_dir=cache,
    )
    assert files.decoder == folder / "mine.safetensors"
    assert files.encoder.is_relative_to(cache)
    assert files.encoder_name == "tiny"
    assert load_networks(files)[2].sha256 == manifest.models[0].identity


def test_a_users_decoder_finds_its_encoder_in_a_folder(manifest: Manifest, folder: Path) -> None:
    home = write_folder_model(folder / "home", seed=1)
    shutil.copy(home / "decoder.safetensors", folder / "mine.safetensors")
    files = resolve("mine.safetensors", folders=(folder,), manifest=manifest)
    assert files == ModelFiles(
        "mine.safetensors", home / "encoder.safetensors", folder / "mine.safetensors", "home"
    )


def test_a_decoder_whose_encoder_nobody_has_is_not_offered_and_says_why(
    manifest: Manifest, folder: Path
) -> None:
    write_folder_model(folder / "home", seed=1)
    (folder / "home/decoder.safetensors").rename(folder / "mine.safetensors")
    assert [one.name for one in available_models((folder,), manifest=manifest)] == ["tiny"]
    with pytest.raises(InputError, match="which no model has"):
        resolve("mine.safetensors", folders=(folder,), manifest=manifest)


def test_what_is_no_decoder_is_not_listed(
    manifest: Manifest, folder: Path, published: Path
) -> None:
    shutil.copy(published / "tiny-encoder.safetensors", folder / "encoder.safetensors")
    shutil.copy(published / "tiny-decoder.safetensors", folder / "tiny-decoder.safetensors")
    (folder / "broken.safetensors").write_bytes(b"no safetensors")
    (folder / "empty").mkdir()
    assert [one.name for one in list_models((folder,), manifest=manifest)] == ["tiny"]


def test_folders_are_models(manifest: Manifest, folder: Path) -> None:
    home = write_folder_model(folder / "home", seed=1)
    names = [model.name for model in available_models((folder,), manifest=manifest)]
    assert names == ["tiny", "home"]
    files = resolve("home", folders=(folder,), manifest=manifest)
    assert files.decoder == home / "decoder.safetensors"


def test_a_folder_under_a_built_in_name_is_hidden_with_a_warning(
    hub: HubServer,
    manifest: Manifest,
    folder: Path,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hidden = write_folder_model(folder / "tiny", seed=1)
    resolve_here = partial(resolve, manifest=manifest, endpoint=hub.endpoint, cache_dir=cache)
    with caplog.at_level(logging.WARNING):
        files = resolve_here("tiny", folders=(folder,))
    assert files.encoder.is_relative_to(cache)
    assert f"{hidden} is hidden" in caplog.text


@pytest.mark.parametrize("name", ["nobody", "../home", "home/", "/etc", ""])
def test_an_unknown_name_is_an_error_that_lists_what_there_is(
    manifest: Manifest, folder: Path, name: str
) -> None:
    write_folder_model(folder.parent / "home", seed=1)
    with pytest.raises(InputError, match="there are tiny"):
        resolve(name, folders=(folder,), manifest=manifest)


def test_the_path_of_a_folder_is_a_model_for_the_shell(manifest: Manifest, tmp_path: Path) -> None:
    home = write_folder_model(tmp_path / "home", seed=1)
    files = resolve_model(str(home), folders=(), manifest=manifest)
    assert (files.name, files.encoder_name) == ("home", "home")
    (home / "decoder.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no decoder\.safetensors"):
        resolve_model(str(home), folders=(), manifest=manifest)


def test_a_name_comes_before_a_folder_in_the_working_directory(
    hub: HubServer,
    manifest: Manifest,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_folder_model(tmp_path / "tiny", seed=1)
    monkeypatch.chdir(tmp_path)
    resolve_here = partial(
        resolve_model, folders=(), manifest=manifest, endpoint=hub.endpoint, cache_dir=cache
    )
    assert resolve_here("tiny").encoder.is_relative_to(cache)
    assert resolve_here("./tiny").encoder == Path("tiny/encoder.safetensors")


def test_networks_are_fp32_frozen_and_usable_in_a_gradient(tmp_path: Path) -> None:
    home = write_folder_model(tmp_path / "home", seed=1)
    with torch.inference_mode():
        encoder, decoder, identity = load_networks(resolve_model(str(home), folders=()))
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    decoder(encoder(picture)).sum().backward()
    assert picture.grad is not None
    parameters = [*encoder.parameters(), *decoder.parameters()]
    assert {parameter.dtype for parameter in parameters} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in parameters)
    assert identity.name == "home"


def test_a_decoder_for_another_encoder_is_an_error_that_names_both(tmp_path: Path) -> None:
    one = write_folder_model(tmp_path / "one", seed=1)
    two = write_folder_model(tmp_path / "two", seed=2)
    shutil.copy(two / "decoder.safetensors", one)
    with pytest.raises(InputError, match=r"trained for the encoder tiny .* is one \("):
        load_networks(resolve_model(str(one), folders=()))


def test_a_decoder_that_names_no_encoder_is_taken_if_its_shapes_fit(tmp_path: Path) -> None:
    home = write_folder_model(tmp_path / "home", seed=1)
    path = home / "decoder.safetensors"
    tensors, _ = read_tensors(path)
    write_tensors(path, tensors, {})
    load_networks(resolve_model(str(home), folders=()))
    tensors.pop("conv1_1.bias")
    write_tensors(path, tensors, {})
    with pytest.raises(InputError, match=r"home/decoder\.safetensors: .*conv1_1\.bias"):
        load_networks(resolve_model(str(home), folders=()))


def test_the_path_of_a_decoder_file_is_a_model_for_the_shell(
    hub: HubServer, manifest: Manifest, published: Path, tmp_path: Path, cache: Path
) -> None:
    path = tmp_path / "tiny-decoder.safetensors"  # as the manifest's own file is called
    shutil.copy(published / "tiny-decoder.safetensors", path)
    files = resolve_model(
        str(path), folders=(), manifest=manifest, endpoint=hub.endpoint, cache_dir=cache
    )
    assert (files.decoder, files.encoder_name) == (path, "tiny")
    assert files.encoder.is_relative_to(cache)
    with pytest.raises(InputError, match="is no decoder file"):
        resolve_model(str(published / "tiny-encoder.safetensors"), folders=(), manifest=manifest)

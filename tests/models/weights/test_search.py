"""The search for weights, against the real client of the Hub and a loopback server."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.manifest import Manifest, WeightsFile
from adain_nodes.models.weights.search import locate, verify
from adain_nodes.models.weights.tensors import file_sha256

from ..hub_server import HubServer
from ..tiny_models import spoil

pytestmark = pytest.mark.usefixtures("hub")


@pytest.fixture
def encoder(manifest: Manifest) -> WeightsFile:
    return manifest.models[0].encoder


def test_first_use_fetches_and_the_second_asks_nobody(hub: HubServer, encoder: WeightsFile) -> None:
    first = locate(encoder, folders=())
    assert file_sha256(first) == encoder.sha256
    assert hub.requests == {"HEAD": 2, "GET": 1}
    assert locate(encoder, folders=()) == first
    assert hub.requests == {"HEAD": 2, "GET": 1}
    hub.stop()
    assert locate(encoder, folders=()) == first


def test_a_corrupt_download_is_fetched_once_more(
    hub: HubServer, encoder: WeightsFile, caplog: pytest.LogCaptureFixture
) -> None:
    hub.corrupt = 1
    assert file_sha256(locate(encoder, folders=())) == encoder.sha256
    assert hub.requests["GET"] == 2
    assert encoder.sha256 in caplog.text


def test_a_server_that_keeps_serving_a_corrupt_file_is_an_error(
    hub: HubServer, encoder: WeightsFile
) -> None:
    hub.corrupt = 9
    with pytest.raises(InputError, match=f"expected {encoder.sha256}.* after a fresh download"):
        locate(encoder, folders=())
    assert hub.requests["GET"] == 2


def test_a_corrupt_file_in_the_cache_is_refetched_once(
    hub: HubServer, encoder: WeightsFile
) -> None:
    spoil(locate(encoder, folders=()))
    assert file_sha256(locate(encoder, folders=())) == encoder.sha256
    assert hub.requests["GET"] == 2


def test_a_corrupt_file_in_the_cache_is_an_error_if_refetching_does_not_help(
    hub: HubServer, encoder: WeightsFile
) -> None:
    spoil(locate(encoder, folders=()))
    hub.corrupt = 9
    with pytest.raises(InputError, match="after a fresh download"):
        locate(encoder, folders=())
    assert hub.requests["GET"] == 2


def test_progress_counts_bytes_to_the_end(encoder: WeightsFile) -> None:
    calls: list[tuple[int, int]] = []
    locate(encoder, folders=(), progress=lambda done, total: calls.append((done, total)))
    assert calls[0] == (0, encoder.size)
    assert calls[-1] == (encoder.size, encoder.size)
    assert calls == sorted(calls)


def test_unpublished_weights_do_not_touch_the_hub(hub: HubServer, encoder: WeightsFile) -> None:
    with pytest.raises(InputError, match="not published on the Hugging Face Hub"):
        locate(replace(encoder, repo_id=None, revision=None), folders=())
    assert not hub.requests


def test_model_folders_come_before_the_package_and_the_package_before_the_hub(
    hub: HubServer, published: Path, package: Path, encoder: WeightsFile
) -> None:
    folder = published.parent / "models"
    folder.mkdir()
    encoder = replace(encoder, embedded=True)
    in_package = Path(shutil.copy(published / encoder.filename, package))
    folders = (folder / "absent", folder)
    assert locate(encoder, folders=folders) == in_package
    in_folder = Path(shutil.copy(published / encoder.filename, folder))
    assert locate(encoder, folders=folders) == in_folder
    assert not hub.requests


def test_a_wrong_file_in_a_model_folder_is_skipped_and_not_touched(
    published: Path, encoder: WeightsFile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Path(shutil.copy(published / encoder.filename, tmp_path))
    spoil(wrong)
    before = wrong.stat(), wrong.read_bytes()
    found = locate(encoder, folders=(tmp_path,))
    assert found.is_relative_to(tmp_path / "cache")
    assert (wrong.stat(), wrong.read_bytes()) == before
    warning = next(line for line in caplog.records if line.levelno == logging.WARNING)
    assert file_sha256(wrong) in warning.getMessage()
    assert encoder.sha256 in warning.getMessage()


def test_verify_finds_every_broken_copy(
    published: Path, package: Path, encoder: WeightsFile, tmp_path: Path
) -> None:
    assert verify(encoder, folders=(tmp_path,)) == []
    encoder = replace(encoder, embedded=True)
    shutil.copy(published / encoder.filename, tmp_path)
    spoil(tmp_path / encoder.filename)
    in_folder, missing = verify(encoder, folders=(tmp_path,))
    assert (in_folder.source, in_folder.sound) == ("folder", False)
    assert (missing.path, missing.sound) == (package / encoder.filename, False)

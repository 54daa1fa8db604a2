"""The search for weights, against the real client of the Hub and a loopback server."""

from __future__ import annotations

import inspect
import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import hf_hub_download

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.manifest import Manifest, WeightsFile
from adain_nodes.models.weights.store import locate, verify
from adain_nodes.models.weights.tensors import file_sha256

from ..hub_server import HubServer
from ..tiny_models import spoil

pytestmark = pytest.mark.usefixtures("hub")

reporting = pytest.mark.skipif(
    "tqdm_class" not in inspect.signature(hf_hub_download).parameters,
    reason="this version of huggingface_hub does not report its progress",
)


@pytest.fixture
def encoder(manifest: Manifest) -> WeightsFile:
    return manifest.models[0].encoder


def test_first_use_fetches_and_the_second_asks_nobody(hub: HubServer, encoder: WeightsFile) -> None:
    first = locate(encoder, folders=())
    assert file_sha256(first) == encoder.sha256
    assert hub.requests == {"HEAD": 1, "GET": 1}
    assert locate(encoder, folders=()) == first
    assert hub.requests == {"HEAD": 1, "GET": 1}
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
    with pytest.raises(InputError, match=f"after a fresh download, expected {encoder.sha256}"):
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


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("GatedRepo", "terms to be accepted"),
        ("RepoNotFound", "there is no someone/tiny"),
        ("RevisionNotFound", "has no revision"),
        ("EntryNotFound", "has no such file"),
    ],
)
def test_what_the_hub_refuses_is_said(
    hub: HubServer, encoder: WeightsFile, code: str, message: str
) -> None:
    hub.error = code
    with pytest.raises(InputError, match=message) as caught:
        locate(encoder, folders=())
    assert encoder.filename in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dead_server_is_an_error_that_says_how_to_do_without(
    hub: HubServer, encoder: WeightsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.stop()
    monkeypatch.setattr("time.sleep", lambda _: None)  # the client waits between its attempts
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        locate(encoder, folders=(tmp_path / "models",))
    assert f"put the file into {tmp_path / 'models'}" in str(caught.value)


OFFLINE_USE = """
import json, sys
from adain_nodes.models.weights.manifest import WeightsFile
from adain_nodes.models.weights.store import locate

locate(WeightsFile(**json.loads(sys.argv[1])), folders=())
"""


def test_offline_mode_is_an_error_that_says_so(
    hub: HubServer, encoder: WeightsFile, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client reads its settings when it is imported, so this takes a process of its own.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    command = [sys.executable, "-c", OFFLINE_USE, json.dumps(asdict(encoder))]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "InputError: tiny-encoder.safetensors cannot be fetched" in process.stderr
    assert "offline" in process.stderr.splitlines()[-1]
    assert not hub.requests


def test_progress_counts_bytes_to_the_end(encoder: WeightsFile) -> None:
    calls: list[tuple[int, int]] = []
    locate(encoder, folders=(), progress=lambda done, total: calls.append((done, total)))
    assert calls[0] == (0, encoder.size)
    assert calls[-1] == (encoder.size, encoder.size)
    assert calls == sorted(calls)


@reporting
@pytest.mark.parametrize("kind", [RuntimeError, OSError, ValueError, KeyboardInterrupt])
def test_progress_cancels_by_raising_and_leaves_nothing(
    encoder: WeightsFile, cache: Path, kind: type[BaseException]
) -> None:
    cancelled = kind("cancelled")

    def progress(done: int, _: int) -> None:
        if done:
            raise cancelled

    with pytest.raises(kind) as caught:
        locate(encoder, progress=progress, folders=())
    assert caught.value is cancelled
    assert not any(path.is_file() for path in cache.rglob("snapshots/**/*"))
    assert verify(encoder, folders=()) == []


@reporting
def test_cancelling_a_refetch_leaves_the_file_that_was_there(encoder: WeightsFile) -> None:
    path = locate(encoder, folders=())
    spoil(path)
    before = path.read_bytes()

    def progress(done: int, _: int) -> None:
        if done:
            raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        locate(encoder, progress=progress, folders=())
    assert path.read_bytes() == before


def test_a_client_that_cannot_report_calls_progress_before_and_after(
    encoder: WeightsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def old_download(
        repo_id: str,
        filename: str,
        *,
        revision: str,
        force_download: bool,
    ) -> str:
        return hf_hub_download(repo_id, filename, revision=revision, force_download=force_download)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", old_download)
    calls: list[tuple[int, int]] = []
    locate(encoder, folders=(), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, encoder.size), (encoder.size, encoder.size)]


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

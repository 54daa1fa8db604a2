"""The search for weights, against the real client of the Hub and a loopback server."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import huggingface_hub
import pytest
from huggingface_hub import hf_hub_download

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights import fetch
from adain_nodes.models.weights.fetch import find_local, locate, sha256_of, verify
from adain_nodes.models.weights.manifest import Manifest, WeightsFile, file_sha256

from ..hub_server import HubServer
from ..tiny_models import spoil

reporting = pytest.mark.skipif(
    "tqdm_class" not in inspect.signature(hf_hub_download).parameters,
    reason="this version of huggingface_hub does not report its progress",
)


class Locate(Protocol):
    def __call__(self, file: WeightsFile, **options: Any) -> Path: ...


@pytest.fixture
def encoder(manifest: Manifest) -> WeightsFile:
    return manifest.models[0].encoder


@pytest.fixture
def locate_here(hub: HubServer, cache: Path) -> Locate:
    """`locate` with the loopback Hub and no model folder, unless told otherwise."""
    return partial(locate, folders=(), endpoint=hub.endpoint, cache_dir=cache)


def test_first_use_fetches_and_the_second_asks_nobody(
    hub: HubServer, encoder: WeightsFile, locate_here: Locate
) -> None:
    first = locate_here(encoder)
    assert file_sha256(first) == encoder.sha256
    assert hub.requests == {"HEAD": 1, "GET": 1}
    assert locate_here(encoder) == first
    assert hub.requests == {"HEAD": 1, "GET": 1}
    hub.stop()
    assert locate_here(encoder) == first


def test_a_corrupt_download_is_fetched_once_more(
    hub: HubServer, encoder: WeightsFile, locate_here: Locate, caplog: pytest.LogCaptureFixture
) -> None:
    hub.corrupt = 1
    assert file_sha256(locate_here(encoder)) == encoder.sha256
    assert hub.requests["GET"] == 2
    assert encoder.sha256 in caplog.text


def test_a_server_that_keeps_serving_a_corrupt_file_is_an_error(
    hub: HubServer, encoder: WeightsFile, locate_here: Locate
) -> None:
    hub.corrupt = 9
    with pytest.raises(InputError, match=f"after a fresh download, expected {encoder.sha256}"):
        locate_here(encoder)
    assert hub.requests["GET"] == 2


def test_a_corrupt_file_in_the_cache_is_refetched_once(
    hub: HubServer, encoder: WeightsFile, locate_here: Locate
) -> None:
    spoil(locate_here(encoder))
    assert file_sha256(locate_here(encoder)) == encoder.sha256
    assert hub.requests["GET"] == 2


def test_a_corrupt_file_in_the_cache_is_an_error_if_refetching_does_not_help(
    hub: HubServer, encoder: WeightsFile, locate_here: Locate
) -> None:
    spoil(locate_here(encoder))
    hub.corrupt = 9
    with pytest.raises(InputError, match="after a fresh download"):
        locate_here(encoder)
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
    hub: HubServer, encoder: WeightsFile, locate_here: Locate, code: str, message: str
) -> None:
    hub.error = code
    with pytest.raises(InputError, match=message) as caught:
        locate_here(encoder)
    assert encoder.filename in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dead_server_is_an_error_that_says_how_to_do_without(
    hub: HubServer,
    encoder: WeightsFile,
    locate_here: Locate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.stop()
    monkeypatch.setattr("time.sleep", lambda _: None)  # the client waits between its attempts
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        locate_here(encoder, folders=(tmp_path / "models",))
    assert f"put the file into {tmp_path / 'models'}" in str(caught.value)


OFFLINE_USE = """
import json, sys
from pathlib import Path
from adain_nodes.models.weights.fetch import locate
from adain_nodes.models.weights.manifest import WeightsFile

file, endpoint, cache = sys.argv[1:]
locate(WeightsFile(**json.loads(file)), folders=(), endpoint=endpoint, cache_dir=Path(cache))
"""


def test_offline_mode_is_an_error_that_says_so(
    hub: HubServer, encoder: WeightsFile, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client reads its settings when it is imported, so this takes a process of its own.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    arguments = [json.dumps(asdict(encoder)), hub.endpoint, str(cache)]
    process = subprocess.run(
        [sys.executable, "-c", OFFLINE_USE, *arguments], capture_output=True, text=True, check=False
    )
    assert "InputError: tiny-encoder.safetensors cannot be fetched" in process.stderr
    assert "offline" in process.stderr.splitlines()[-1]
    assert not hub.requests


def test_progress_counts_bytes_to_the_end(encoder: WeightsFile, locate_here: Locate) -> None:
    calls: list[tuple[int, int]] = []
    locate_here(encoder, progress=lambda done, total: calls.append((done, total)))
    assert calls[0] == (0, encoder.size)
    assert calls[-1] == (encoder.size, encoder.size)
    assert calls == sorted(calls)


@reporting
@pytest.mark.parametrize("kind", [RuntimeError, OSError, ValueError, KeyboardInterrupt])
def test_progress_cancels_by_raising_and_leaves_nothing(
    encoder: WeightsFile, locate_here: Locate, cache: Path, kind: type[BaseException]
) -> None:
    cancelled = kind("cancelled")

    def progress(done: int, _: int) -> None:
        if done:
            raise cancelled

    with pytest.raises(kind) as caught:
        locate_here(encoder, progress=progress)
    assert caught.value is cancelled
    assert not any(path.is_file() for path in cache.rglob("snapshots/**/*"))
    assert not find_local(encoder, folders=(), cache_dir=cache)


@reporting
def test_cancelling_a_refetch_leaves_the_file_that_was_there(
    encoder: WeightsFile, locate_here: Locate
) -> None:
    path = locate_here(encoder)
    spoil(path)
    before = path.read_bytes()

    def progress(done: int, _: int) -> None:
        if done:
            raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        locate_here(encoder, progress=progress)
    assert path.read_bytes() == before


def test_a_client_that_cannot_report_calls_progress_before_and_after(
    encoder: WeightsFile, locate_here: Locate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def old_download(
        repo_id: str,
        filename: str,
        *,
        revision: str,
        cache_dir: Path,
        endpoint: str,
        force_download: bool,
    ) -> str:
        return hf_hub_download(
            repo_id,
            filename,
            revision=revision,
            cache_dir=cache_dir,
            endpoint=endpoint,
            force_download=force_download,
        )

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", old_download)
    calls: list[tuple[int, int]] = []
    locate_here(encoder, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, encoder.size), (encoder.size, encoder.size)]


def test_unpublished_weights_do_not_touch_the_hub(
    hub: HubServer, encoder: WeightsFile, locate_here: Locate
) -> None:
    with pytest.raises(InputError, match="not published on the Hugging Face Hub"):
        locate_here(replace(encoder, repo_id=None, revision=None))
    assert not hub.requests


def test_model_folders_come_before_the_package_and_the_package_before_the_hub(
    hub: HubServer,
    published: Path,
    package: Path,
    encoder: WeightsFile,
    locate_here: Locate,
) -> None:
    folder = published.parent / "models"
    folder.mkdir()
    encoder = replace(encoder, embedded=True)
    in_package = Path(shutil.copy(published / encoder.filename, package))
    folders = (folder / "absent", folder)
    assert locate_here(encoder, folders=folders) == in_package
    in_folder = Path(shutil.copy(published / encoder.filename, folder))
    assert locate_here(encoder, folders=folders) == in_folder
    assert not hub.requests


def test_a_wrong_file_in_a_model_folder_is_skipped_and_not_touched(
    published: Path,
    encoder: WeightsFile,
    locate_here: Locate,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong = Path(shutil.copy(published / encoder.filename, tmp_path))
    spoil(wrong)
    before = wrong.stat(), wrong.read_bytes()
    found = locate_here(encoder, folders=(tmp_path,))
    assert found.is_relative_to(tmp_path / "cache")
    assert (wrong.stat(), wrong.read_bytes()) == before
    warning = next(line for line in caplog.records if line.levelno == logging.WARNING)
    assert file_sha256(wrong) in warning.getMessage()
    assert encoder.sha256 in warning.getMessage()


def test_an_unchanged_file_is_hashed_once_and_a_changed_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []

    def counting(path: Path) -> str:
        hashed.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(fetch, "file_sha256", counting)
    path = tmp_path / "file"
    path.write_bytes(b"one")
    assert sha256_of(path) == sha256_of(path) == hashlib.sha256(b"one").hexdigest()
    assert len(hashed) == 1
    path.write_bytes(b"three")
    assert sha256_of(path) == hashlib.sha256(b"three").hexdigest()


def test_verify_finds_every_broken_copy(
    published: Path, package: Path, encoder: WeightsFile, tmp_path: Path, cache: Path
) -> None:
    assert verify(encoder, folders=(tmp_path,), cache_dir=cache) == []
    encoder = replace(encoder, embedded=True)
    shutil.copy(published / encoder.filename, tmp_path)
    spoil(tmp_path / encoder.filename)
    in_folder, missing = verify(encoder, folders=(tmp_path,), cache_dir=cache)
    assert (in_folder.source, in_folder.sound) == ("folder", False)
    assert (missing.path, missing.sound) == (package / encoder.filename, False)

"""The program that downloads: how far it is, how it is ended, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
from huggingface_hub import constants

from adain_nodes.models.weights import fetch
from adain_nodes.models.weights.manifest import WeightsFile
from adain_nodes.models.weights.search import locate
from adain_nodes.models.weights.tensors import file_sha256

from ..hub_server import HubServer
from ..tiny_models import spoil

WAIT = 60
"""Seconds after which a test that hangs fails."""


def partials(cache: Path) -> list[Path]:
    return list(cache.rglob("*.incomplete"))


def start(file: WeightsFile) -> subprocess.Popen[str]:
    """A process that downloads a file and prints how far it is."""
    code = (
        "import json, sys\n"
        "from huggingface_hub import constants\n"
        "from adain_nodes.models.weights.manifest import WeightsFile\n"
        "from adain_nodes.models.weights.search import locate\n"
        "constants.ENDPOINT, constants.HF_HUB_CACHE, file = json.loads(sys.argv[1])\n"
        "path = locate(WeightsFile(**file), folders=(),\n"
        "    progress=lambda done, total: print(done, flush=True))\n"
        "print(path)\n"
    )
    job = json.dumps([constants.ENDPOINT, constants.HF_HUB_CACHE, asdict(file)])
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", code, job],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_progress_comes_while_the_file_does(hub: HubServer, large: WeightsFile) -> None:
    """The server sends the second half only when progress has told of the first."""
    told = threading.Event()
    hub.pace = lambda sent: sent < large.size // 2 or told.wait(WAIT)
    calls: list[int] = []

    def progress(done: int, _: int) -> None:
        calls.append(done)
        if done == large.size // 2:
            told.set()

    locate(large, folders=(), progress=progress)
    assert calls == sorted(calls)
    assert (calls[0], calls[-1]) == (0, large.size)
    assert told.is_set()


@pytest.mark.parametrize("kind", [RuntimeError, OSError, ValueError, KeyboardInterrupt])
def test_progress_cancels_by_raising_though_the_server_is_silent(
    hub: HubServer, large: WeightsFile, cache: Path, kind: type[BaseException]
) -> None:
    hub.fault, hub.faults = "stall", 1
    cancelled = kind("cancelled")

    def progress(done: int, _: int) -> None:
        if done == large.size // 2:
            raise cancelled

    with pytest.raises(kind) as caught:
        locate(large, progress=progress, folders=())
    assert caught.value is cancelled
    assert not any(path.is_file() for path in cache.rglob("snapshots/**/*"))
    assert [path.stat().st_size for path in partials(cache)] == [large.size // 2]
    assert file_sha256(locate(large, folders=())) == large.sha256
    assert not partials(cache)
    assert hub.sent == large.size  # it went on where it was


def test_cancelling_a_refetch_leaves_the_file_that_was_there(
    hub: HubServer, large: WeightsFile
) -> None:
    path = locate(large, folders=())
    spoil(path)
    before = path.read_bytes()
    hub.fault = "stall"

    def progress(done: int, _: int) -> None:
        if done:
            raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        locate(large, progress=progress, folders=())
    assert path.read_bytes() == before


def test_two_processes_may_want_one_file(large: WeightsFile) -> None:
    """The second waits for the first, or fetches it itself."""
    processes = [start(large), start(large)]
    outputs = [process.communicate(timeout=WAIT)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    (path,) = {lines[-1] for lines in outputs}
    assert file_sha256(Path(path)) == large.sha256
    assert not partials(Path(constants.HF_HUB_CACHE))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_killed_leaves_no_download_behind(
    hub: HubServer, large: WeightsFile, cache: Path, number: signal.Signals
) -> None:
    hub.fault, hub.faults = "stall", 1
    process = start(large)
    assert process.stdout is not None
    while int(process.stdout.readline()) < large.size // 2:
        pass
    process.send_signal(number)
    process.communicate(timeout=WAIT)
    # The program ends as soon as it has to say something to a reader that is gone.
    hub.left.wait(WAIT)
    assert file_sha256(locate(large, folders=())) == large.sha256
    assert not partials(cache)


def test_what_processes_left_long_ago_is_removed(large: WeightsFile, cache: Path) -> None:
    blobs = cache / "models--someone--tiny" / "blobs"
    blobs.mkdir(parents=True)
    for name, age in (("old", 2 * fetch.STALE), ("young", 0.0)):
        path = blobs / f"{name}.00000000.incomplete"
        path.touch()
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    locate(large, folders=())
    assert [path.name for path in partials(cache)] == ["young.00000000.incomplete"]


def test_no_token_goes_to_another_host(
    hub: HubServer, large: WeightsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HubServer(hub.root) as other:
        hub.redirect = other.endpoint.replace("127.0.0.1", "localhost")
        assert file_sha256(locate(large, folders=())) == large.sha256
        assert other.requests["GET"] == 1
        assert other.authorized == []
    assert set(hub.authorized) == {"Bearer hf_secret"}

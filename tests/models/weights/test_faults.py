"""What the real client of the Hub can run into, on a loopback server: each fault is one error that
says why and what to do, and leaves nothing behind that could be taken for the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from adain_nodes.cli import main
from adain_nodes.host.errors import InputError
from adain_nodes.models.weights import hub as client
from adain_nodes.models.weights.manifest import Manifest, WeightsFile
from adain_nodes.models.weights.search import locate, verify
from adain_nodes.models.weights.tensors import file_sha256

from ...limits import files_limited
from ..conftest import UseManifest
from ..hub_server import Fault, HubServer
from ..tiny_models import describe_model, spoil

RESUMES_AT_ONCE = int(huggingface_hub.__version__.partition(".")[0]) >= 1

Refuse = Callable[[WeightsFile, str], None]


@pytest.fixture
def refuse(tmp_path: Path, cache: Path) -> Refuse:
    """Expects that a file cannot be had, for a reason that matches a pattern."""
    folder = tmp_path / "models"
    folder.mkdir()

    def check(file: WeightsFile, reason: str) -> None:
        with pytest.raises(InputError) as caught:
            locate(file, folders=(folder,))
        why, *advice = str(caught.value).splitlines()
        assert re.search(reason, why.removeprefix(f"{file.filename} cannot be fetched: ")), why
        path = f"someone/tiny/blob/{file.revision}/{file.filename}"
        assert advice == [
            f"Looked for in {folder} (it is not there)",
            f"Page: {constants.ENDPOINT}/{path}",
            f"To do without the Hub, put the file into {folder}",
            f"sha256: {file.sha256}",
        ]
        assert verify(file, folders=(folder,)) == []
        assert not cache.is_dir() or not list(cache.rglob(file.filename))

    return check


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("GatedRepo", r"^HTTP 403: .* terms to be accepted and a login \(hf auth login\)$"),
        ("RepoNotFound", "^HTTP 404: there is no someone/tiny at .*, or it is private"),
        ("RevisionNotFound", "^HTTP 404: there is no .*: no such revision$"),
        ("EntryNotFound", "^HTTP 404: .* has no such file$"),
    ],
)
def test_what_the_hub_refuses_is_said(
    hub: HubServer, large: WeightsFile, refuse: Refuse, code: str, reason: str
) -> None:
    hub.error = code
    refuse(large, reason)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "or it is private and needs a login"),
        (403, "needs a login with more rights"),
        (404, "has no such file"),
        (418, "the server refuses"),
        (429, "too many requests"),
        (500, "the server has failed"),
        (503, "the server has failed"),
    ],
)
def test_what_any_server_refuses_is_said_with_its_status(
    hub: HubServer, large: WeightsFile, refuse: Refuse, status: int, reason: str
) -> None:
    """Clients from 0.31 to 0.36 ask again for 23 s if the server has failed."""
    hub.status = status
    refuse(large, f"^HTTP {status}: .*{reason}")


def test_a_login_page_in_place_of_the_hub_is_said(
    hub: HubServer, large: WeightsFile, refuse: Refuse
) -> None:
    hub.fault = "page"
    refuse(large, "^what answers is not the Hugging Face Hub: a login page")


def test_a_server_that_is_not_there_is_said(
    hub: HubServer, large: WeightsFile, refuse: Refuse
) -> None:
    hub.stop()
    refuse(large, "^the connection failed: Connection refused$")


def test_a_name_that_nobody_knows_is_said(
    large: WeightsFile, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "ENDPOINT", "http://name.invalid")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"http://name.invalid{template}")
    refuse(large, "^the connection failed: .*(name|Name|nodename|getaddrinfo)")


def test_offline_mode_is_said(
    hub: HubServer, large: WeightsFile, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refuse(large, r"^the Hub's client is offline \(HF_HUB_OFFLINE is set\)$")
    assert not hub.requests


def test_a_server_that_falls_silent_is_left(
    hub: HubServer, large: WeightsFile, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.5)
    hub.fault = "stall"
    refuse(large, r"^the server has sent nothing for 0\.5 s$")


def test_a_server_that_sends_more_than_it_said_is_stopped(
    hub: HubServer, large: WeightsFile, refuse: Refuse
) -> None:
    hub.fault = "more"
    refuse(large, f"^the server sends more than the {large.size} bytes of the file$")
    hub.fault = None
    assert file_sha256(locate(large, folders=())) == large.sha256


@pytest.mark.parametrize("bytes_more", [-1, 1])
def test_a_file_of_another_size_is_not_fetched(
    hub: HubServer, large: WeightsFile, refuse: Refuse, bytes_more: int
) -> None:
    other = replace(large, size=large.size + bytes_more)
    refuse(other, f"^the server has {large.size} bytes, the file has {other.size}$")
    assert not hub.requests["GET"]


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_connection_that_breaks_is_resumed_or_said(
    hub: HubServer, large: WeightsFile, refuse: Refuse, fault: Fault
) -> None:
    """Clients from 1.0 on resume a body that ends in the middle; older ones when asked again."""
    hub.fault, hub.faults = fault, 1
    if not (RESUMES_AT_ONCE and fault == "cut"):
        refuse(large, "^the connection failed: .*(reset by peer|IncompleteRead)")
    assert file_sha256(locate(large, folders=())) == large.sha256
    assert hub.requests["GET"] == 2
    assert fault == "reset" or hub.sent == large.size  # a reset discards what is on the way


def test_a_file_that_does_not_fit_on_the_disk_is_said(large: WeightsFile, refuse: Refuse) -> None:
    with files_limited(large.size // 2):
        refuse(large, "^it cannot be written: File too large$")


def test_a_cache_that_cannot_be_written_is_said(
    large: WeightsFile, refuse: Refuse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    refuse(large, "^it cannot be written: Not a directory$")


def test_a_damaged_cache_is_said_when_the_hub_cannot_be_asked(
    hub: HubServer, large: WeightsFile
) -> None:
    path = locate(large, folders=())
    spoil(path)
    hub.status = 503
    with pytest.raises(InputError) as caught:
        locate(large, folders=())
    why, looked, *_ = str(caught.value).splitlines()
    assert "HTTP 503" in why
    assert looked.startswith(f"Looked for in {path}, which is damaged or another file (sha256 ")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"damaged", "is damaged or another file .*; restore it with `git checkout`, or install"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer .*`git lfs pull`"),
    ],
    ids=["damaged", "pointer"],
)
def test_a_damaged_copy_in_the_package_is_said(
    published: Path, package: Path, use_manifest: UseManifest, content: bytes, fault: str
) -> None:
    model = describe_model("tiny", published, published=False, embedded=True)
    use_manifest(Manifest((model,)))
    (package / "tiny-encoder.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="this machine has no sound copy") as caught:
        locate(model.encoder, folders=())
    looked = f"Looked for in {package}/tiny-encoder.safetensors, which {fault}"
    assert re.search(looked, str(caught.value))


@pytest.mark.usefixtures("manifest")
def test_the_command_says_it_and_exits_with_2(
    hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.status = 503
    assert main(["models", "fetch", "tiny"]) == 2
    message = capsys.readouterr().err
    assert "error: tiny-encoder.safetensors cannot be fetched: HTTP 503" in message
    assert "Traceback" not in message

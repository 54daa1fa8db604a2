"""Publishing to a Hub on the loopback interface by its real client."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights import manifest as manifest_module
from adain_nodes.models.weights.manifest import Manifest, load_manifest, write_manifest
from adain_nodes.models.weights.publish import CARD_HEADER, publish, refreshed
from adain_nodes.models.weights.search import locate
from adain_nodes.models.weights.tensors import file_sha256

from ..hub_server import COMMIT, HubServer
from ..tiny_models import describe_model, write_model

pytestmark = pytest.mark.usefixtures("hub")

FILES = ("tiny-encoder.safetensors", "tiny-decoder.safetensors")


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")


@pytest.fixture
def clone(package: Path, tmp_path: Path) -> Path:
    """A manifest with an embedded model, and what lies beside it in a clone."""
    write_model(*(package / name for name in FILES), seed=1)
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("LICENSE", "NOTICE"):
        (folder / name).write_text(f"{name} of a test")
    (folder / "card.md").write_text("# Größe\n", encoding="utf-8")
    entry = describe_model("tiny", package, published=False, embedded=True)
    write_manifest(folder / "manifest.json", Manifest((entry,)))
    return folder


def publish_tiny(clone: Path, name: str = "tiny") -> str:
    return publish(
        name,
        "somebody/new",
        card=clone / "card.md",
        manifest_path=clone / "manifest.json",
    )


def test_what_was_published_can_be_fetched(clone: Path, package: Path, hub: HubServer) -> None:
    # Trained on since the manifest was written.
    write_model(*(package / name for name in FILES), seed=2)
    assert publish_tiny(clone) == COMMIT
    manifest = load_manifest(clone / "manifest.json")
    for name, file in manifest.files().items():
        assert (file.repo_id, file.revision) == ("somebody/new", COMMIT)
        assert file.sha256 == file_sha256(package / name)
        (package / name).rename(package / f"former-{name}")
    for name, file in manifest.files().items():
        fetched = locate(file, folders=())
        assert fetched.read_bytes() == (package / f"former-{name}").read_bytes()
    repository = hub.root / "somebody/new"
    card = (repository / "README.md").read_text(encoding="utf-8")
    assert card == CARD_HEADER + "# Größe\n"
    assert (repository / "NOTICE").read_text() == "NOTICE of a test"


def test_models_with_the_same_encoder_share_its_place(clone: Path, package: Path) -> None:
    path = clone / "manifest.json"
    write_model(*(package / name.replace("tiny", "other") for name in FILES), seed=1)
    other = describe_model("other", package, published=False, embedded=True)
    (tiny,) = load_manifest(path).models
    write_manifest(path, Manifest((tiny, replace(other, encoder=tiny.encoder))))
    publish_tiny(clone)
    tiny, other = load_manifest(path).models
    assert other.encoder == tiny.encoder
    assert other.encoder.revision == COMMIT
    assert other.decoder.revision is None


@pytest.mark.parametrize(
    ("error", "message"),
    [("Unauthorized", "hf auth login"), ("RepoNotFound", "somebody/new cannot be written to")],
)
def test_what_the_hub_refuses_leaves_the_manifest(
    clone: Path, hub: HubServer, error: str, message: str
) -> None:
    before = (clone / "manifest.json").read_bytes()
    hub.error = error
    with pytest.raises(InputError, match=message) as caught:
        publish_tiny(clone)
    assert "\n" not in str(caught.value)
    assert (clone / "manifest.json").read_bytes() == before


def test_a_hub_out_of_reach_is_one_line(clone: Path, hub: HubServer) -> None:
    hub.stop()
    with pytest.raises(InputError, match="somebody/new cannot be written to") as caught:
        publish_tiny(clone)
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_refused_by_name(clone: Path, hub: HubServer) -> None:
    with pytest.raises(InputError, match="no model 'huge' to publish; there are tiny"):
        publish_tiny(clone, "huge")
    assert not hub.requests


def test_an_installed_package_publishes_nothing(
    clone: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_module, "_PACKAGE", clone)
    with pytest.raises(InputError, match="publish from a clone"):
        publish_tiny(clone)
    assert not hub.requests


def test_the_manifest_is_true_to_the_embedded_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_module, "PACKAGE_FOLDER", Path(manifest_module.__file__).parent)
    manifest = load_manifest()
    true = refreshed(manifest)
    changes = [
        f"{name}: sha256 {new.sha256}, size {new.size}"
        for name, new in true.files().items()
        if new != manifest.files()[name]
    ] + [
        f"{new.encoder.filename}: identity {new.identity}"
        for new, old in zip(true.models, manifest.models, strict=True)
        if new.identity != old.identity
    ]
    assert not changes, "bring weights_manifest.json up to date: " + "; ".join(changes)


def test_refreshing_follows_the_embedded_files(package: Path) -> None:
    encoder, decoder = (package / name for name in FILES)
    write_model(encoder, decoder, seed=0)
    old = Manifest((describe_model("tiny", package, published=False, embedded=True),))
    assert refreshed(old) == old
    write_model(encoder, decoder, seed=1)
    new = Manifest((describe_model("tiny", package, published=False, embedded=True),))
    assert refreshed(old) == new != old
    decoder.unlink()
    with pytest.raises(InputError, match="says that it is embedded"):
        refreshed(old)

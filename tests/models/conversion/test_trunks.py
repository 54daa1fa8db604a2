"""Encoders made of a repository of others: a small VGG in the naming of timm on a loopback Hub."""

from __future__ import annotations

import hashlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import Tensor

from adain_nodes.cli import main
from adain_nodes.files.pictures import write_picture
from adain_nodes.host import surroundings
from adain_nodes.host.errors import InputError
from adain_nodes.host.plain import Host
from adain_nodes.models.conversion.foreign import IMAGENET_MEAN, IMAGENET_STD
from adain_nodes.models.conversion.trunks import drawn_pictures, find_files, trunk_encoder
from adain_nodes.models.model import load_model
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.manifest import Manifest, TrunkEntry, load_manifest
from adain_nodes.models.weights.passed_over import passed_over
from adain_nodes.models.weights.store import list_models
from adain_nodes.models.weights.tensors import file_sha256, read_tensors, write_tensors
from adain_nodes.pipeline.transfer import decode, encode

from ..conftest import UseManifest
from ..hub_server import BLOCK, COMMIT, HubServer
from ..tiny_models import describe_model, spoil

PLACES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21)
"""Convolutions of a VGG-19; the last is one too many."""

WIDTHS = (8, 8, 12, 12, 16, 16, 16, 16, 24, 24)
FILE = "model.safetensors"


def vgg() -> dict[str, Tensor]:
    """Its tensors, and a classifier that is larger than all of them."""
    tensors: dict[str, Tensor] = {"classifier.0.weight": torch.rand(500, 400)}
    inputs = 3
    for place, outputs in zip(PLACES, WIDTHS, strict=True):
        kernel = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        tensors[f"features.{place}.weight"] = kernel
        tensors[f"features.{place}.bias"] = 0.1 * torch.randn(outputs)
        inputs = outputs
    return tensors


def publish(path: Path, tensors: dict[str, Tensor]) -> TrunkEntry:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    needed = [f"features.{place}.{kind}" for place in PLACES[:-1] for kind in ("weight", "bias")]
    return TrunkEntry(
        name="vgg",
        repo_id="others/vgg",
        revision=COMMIT,
        filename=FILE,
        sha256=file_sha256(path),
        size=sum(4 * tensors[name].numel() for name in needed),
        tensors=dict.fromkeys(needed),
        license="BSD-3-Clause",
        provenance="random",
    )


@pytest.fixture
def place(hub: HubServer) -> Path:
    """The file in its repository."""
    return hub.root / "others" / "vgg" / FILE


@pytest.fixture
def trunk(place: Path) -> TrunkEntry:
    return publish(place, vgg())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's model folder, where the client's assets are far away."""
    monkeypatch.setattr(constants, "HF_ASSETS_CACHE", str(tmp_path / "assets"))
    folder = tmp_path / "models" / "adain"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def known(trunk: TrunkEntry, published: Path, use_manifest: UseManifest) -> TrunkEntry:
    """The same in the package's manifest."""
    tiny = describe_model("tiny", published, published=True, embedded=False)
    use_manifest(Manifest((tiny,), (trunk,)))
    return trunk


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_first_use_fetches_the_layers_alone_and_the_second_asks_nobody(
    hub: HubServer, place: Path, trunk: TrunkEntry, folder: Path
) -> None:
    calls: list[tuple[int, int]] = []
    path = trunk_encoder(
        trunk, folders=(folder,), progress=lambda done, total: calls.append((done, total))
    )
    assert path == folder / "vgg-encoder.safetensors"
    assert listing(folder) == [path.name]
    assert trunk.size < hub.sent < trunk.size + 10_000 < place.stat().st_size
    assert calls[0][0] == 0
    assert calls[-1][0] == calls[-1][1] >= trunk.size
    hub.stop()
    assert trunk_encoder(trunk, folders=(folder,)) == path
    metadata = read_tensors(path)[1]
    assert metadata["license"] == "BSD-3-Clause"
    assert f"others/vgg@{COMMIT} (sha256 {trunk.sha256})" in metadata["provenance"]


@torch.no_grad()
def test_the_encoder_computes_what_the_vgg_does_up_to_a_factor_for_each_channel(
    trunk: TrunkEntry, place: Path, folder: Path
) -> None:
    encoder = Encoder.from_tensors(read_tensors(trunk_encoder(trunk, folders=(folder,)))[0])
    picture = torch.rand(1, 3, 48, 40)
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    x = (picture - mean) / std
    tensors = read_tensors(place)[0]
    for number in PLACES[:-1]:
        if number in (5, 10, 19):
            x = F.max_pool2d(x, 2)
        kernel, bias = (tensors[f"features.{number}.{kind}"] for kind in ("weight", "bias"))
        x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, bias))
    result = encoder(picture)
    assert result.shape == x.shape
    factors = (result * x).sum((0, 2, 3)) / x.square().sum((0, 2, 3)).clamp(min=1e-9)
    torch.testing.assert_close(result, x * factors[:, None, None], rtol=0.02, atol=0.02)
    # On what it was calibrated on, the channels that are alive have unit RMS.
    rms = encoder(drawn_pictures().float()).square().mean((0, 2, 3)).sqrt()
    torch.testing.assert_close(
        rms[rms > 0.9], torch.ones(int((rms > 0.9).sum())), rtol=0.01, atol=0
    )
    assert (rms > 0.9).sum() > 10


def test_a_server_that_sends_whole_files_gives_the_same_encoder(
    hub: HubServer, trunk: TrunkEntry, folder: Path
) -> None:
    tensors, metadata = read_tensors(trunk_encoder(trunk, folders=(folder,)))
    (folder / "vgg-encoder.safetensors").unlink()
    hub.parts = False
    others, other_metadata = read_tensors(trunk_encoder(trunk, folders=(folder,)))
    assert other_metadata == metadata
    assert all(torch.equal(others[name], tensor) for name, tensor in tensors.items())
    assert listing(folder) == ["vgg-encoder.safetensors"]


def test_what_was_fetched_before_a_cancel_is_not_fetched_again(
    hub: HubServer, place: Path, folder: Path
) -> None:
    tensors = vgg()
    tensors["features.19.weight"] = torch.randn(4000, 16, 3, 3) / 12
    tensors["features.19.bias"] = torch.zeros(4000)
    trunk = publish(place, tensors)
    cancelled = threading.Event()
    hub.pace = lambda sent: sent < 8 * BLOCK or cancelled.wait(60)

    def cancel(done: int, _: int) -> None:
        if done >= 6 * BLOCK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trunk_encoder(trunk, folders=(folder,), progress=cancel)
    (partial,) = (path for path in folder.iterdir() if path.suffix == ".incomplete")
    there = partial.stat().st_size
    assert there >= 6 * BLOCK
    # What was on its way to the first client waits, and does not count.
    hub.sent, hub.pace = 0, lambda _: None
    trunk_encoder(trunk, folders=(folder,))
    assert hub.sent < trunk.size + 10_000 - there
    cancelled.set()
    assert listing(folder) == ["vgg-encoder.safetensors"]


@pytest.mark.parametrize("step", [1, 3, 6, 12, 20])
def test_a_conversion_is_cancelled_between_layers_and_the_tensors_are_kept(
    hub: HubServer, trunk: TrunkEntry, folder: Path, step: int
) -> None:
    """After the download, progress is called for each picture that is drawn, and each layer."""
    ends = 0

    def cancel(done: int, total: int) -> None:
        nonlocal ends
        ends += done == total
        if ends > step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trunk_encoder(trunk, folders=(folder,), progress=cancel)
    assert [Path(name).suffix for name in listing(folder)] == [".incomplete"]
    hub.sent = 0
    assert trunk_encoder(trunk, folders=(folder,)).is_file()
    assert hub.sent < 10_000  # the header
    assert listing(folder) == ["vgg-encoder.safetensors"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("other file", r"the server has another file \(sha256 [0-9a-f]{64}, expected 0{64}\)"),
        ("pinned", r"its tensor features\.0\.bias has sha256 [0-9a-f]{64}, expected 0{64}"),
        ("nan", r"tensor features\.7\.weight holds nan"),
        ("shape", r"tensor conv2_2\.weight has shape"),
        ("status", r"HTTP 503: the server has failed.*\nPage: .*/others/vgg/blob/"),
    ],
)
def test_what_is_not_the_trunk_is_refused_and_leaves_nothing(
    hub: HubServer, trunk: TrunkEntry, folder: Path, fault: str, reason: str
) -> None:
    place = hub.root / trunk.repo_id / FILE
    tensors = read_tensors(place)[0]
    if fault == "nan":
        tensors["features.7.weight"][0, 0, 0, 0] = float("nan")
        trunk = publish(place, tensors)
    if fault == "shape":
        tensors["features.7.weight"] = tensors["features.7.weight"][:, 1:].contiguous()
        trunk = publish(place, tensors)
    if fault == "other file":
        trunk = replace(trunk, sha256="0" * 64)
    if fault == "pinned":
        trunk = replace(trunk, tensors={**trunk.tensors, "features.0.bias": "0" * 64})
    if fault == "status":
        hub.status = 503
    with pytest.raises(InputError) as caught:
        trunk_encoder(trunk, folders=(folder,))
    assert re.search(reason, str(caught.value), re.DOTALL)
    assert listing(folder) == []


def test_the_sha256_of_tensors_can_be_noted_and_is_then_checked(
    known: TrunkEntry, place: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "pin", known.name]) == 0
    assert "commit it" in capsys.readouterr().out
    (pinned,) = load_manifest().trunks
    tensors = read_tensors(place)[0]
    assert pinned.tensors == {
        name: hashlib.sha256(tensors[name].numpy().tobytes()).hexdigest() for name in known.tensors
    }
    assert replace(pinned, tensors=known.tensors) == known
    assert trunk_encoder(pinned, folders=(folder,)).is_file()
    assert main(["models", "pin", "tiny"]) == 2
    assert "there is no trunk 'tiny' to pin; there are vgg" in capsys.readouterr().err


def test_a_picture_is_not_stylised_with_it(
    known: TrunkEntry, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        write_picture(folder / name, torch.rand(20, 24, 3))
    paths = [str(folder / name) for name in ("a.png", "b.png", "out.png")]
    command = ["stylize", paths[0], "--style", paths[1], "--model", known.name, "-o", paths[2]]
    assert main(command) == 2
    assert "vgg is an encoder alone" in capsys.readouterr().err
    assert not (folder / "out.png").exists()


def test_no_token_goes_to_another_host_with_a_part(
    hub: HubServer, trunk: TrunkEntry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HubServer(hub.root) as other:
        hub.redirect = other.endpoint.replace("127.0.0.1", "localhost")
        trunk_encoder(trunk, folders=(folder,))
        assert other.sent > trunk.size
        assert other.authorized == []
    assert set(hub.authorized) == {"Bearer hf_secret"}


@pytest.mark.parametrize("where", ["first", "second"])
def test_another_file_by_its_name_is_not_touched(
    trunk: TrunkEntry, folder: Path, where: str
) -> None:
    second = folder.parent / "second"
    second.mkdir()
    other = (folder if where == "first" else second) / "vgg-encoder.safetensors"
    write_tensors(other, {"a": torch.ones(1)}, {})
    before = other.read_bytes()
    if where == "first":
        with pytest.raises(InputError, match=r"vgg-encoder\.safetensors is in the way"):
            trunk_encoder(trunk, folders=(folder, second))
    else:
        assert trunk_encoder(trunk, folders=(folder, second)).parent == folder
    assert other.read_bytes() == before


def test_two_that_want_it_at_the_same_time_make_it_once(
    hub: HubServer, trunk: TrunkEntry, folder: Path
) -> None:
    both = threading.Barrier(2)

    def make() -> Path:
        both.wait(60)
        return trunk_encoder(trunk, folders=(folder,), progress=lambda *_: None)

    with ThreadPoolExecutor(2) as pool:
        (path, other) = (future.result() for future in [pool.submit(make), pool.submit(make)])
    assert path == other
    assert hub.sent < trunk.size + 10_000


def test_whole_files_come_with_progress_too(
    hub: HubServer, trunk: TrunkEntry, place: Path, folder: Path
) -> None:
    hub.parts = False
    calls: list[tuple[int, int]] = []
    trunk_encoder(trunk, folders=(folder,), progress=lambda *call: calls.append(call))
    assert calls[-1] == (place.stat().st_size, place.stat().st_size)


def test_a_damaged_encoder_is_refused(trunk: TrunkEntry, folder: Path) -> None:
    spoil(trunk_encoder(trunk, folders=(folder,)))
    with pytest.raises(InputError, match=r"vgg-encoder\.safetensors is damaged: remove it"):
        trunk_encoder(trunk, folders=(folder,))


def test_without_a_model_folder_it_is_kept_with_the_client_s_assets(
    trunk: TrunkEntry, tmp_path: Path, folder: Path
) -> None:
    path = trunk_encoder(trunk, folders=())
    assert path.is_relative_to(tmp_path / "assets")
    assert trunk_encoder(trunk, folders=(folder,)) == path


def test_it_is_a_model_without_a_decoder(
    known: TrunkEntry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = list_models((folder,))[-1]
    assert (status.name, status.encoder.where, status.decoder.where, status.usable) == (
        "vgg", "downloads on first use", "none", True,
    )  # fmt: skip
    monkeypatch.setattr(Host, "model_folders", lambda _: [folder])
    monkeypatch.setattr(surroundings, "current", Host)
    model = load_model("vgg", precision="fp32", device="cpu")
    assert list_models((folder,))[-1].encoder.where == "folder"
    assert passed_over((folder,)) == {}
    features = encode(model, torch.rand(1, 24, 32, 3))
    with pytest.raises(InputError, match=r"vgg is an encoder alone.*Choose adain-vgg16"):
        decode(model, features)
    assert known.name == model.name


def test_a_users_decoder_finds_it(known: TrunkEntry, folder: Path) -> None:
    path = trunk_encoder(known, folders=(folder,))
    tensors, metadata = read_tensors(path)
    decoder = Decoder(Encoder.from_tensors(tensors).architecture)
    about = {"format": "adain-decoder", "encoder": metadata["identity"], "encoder_name": "vgg"}
    write_tensors(folder / "mine.safetensors", decoder.state_dict(), about)
    files = find_files("mine.safetensors", folders=(folder,))
    assert (files.encoder, files.encoder_name) == (path, "vgg")


def test_the_command_fetches_it(
    known: TrunkEntry, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "fetch", "vgg", "--models-dir", str(folder.parent)]) == 0
    encoder = folder / f"{known.name}-encoder.safetensors"
    assert capsys.readouterr().out == f"encoder  {encoder}\ndecoder  none\n"

"""`adain-nodes models`, on the weights that the package carries."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from adain_nodes.cli import main
from adain_nodes.files.pictures import write_picture
from adain_nodes.models.model import load_model
from adain_nodes.models.weights import manifest, publish
from adain_nodes.models.weights.manifest import PACKAGE_FOLDER, load_manifest
from adain_nodes.models.weights.store import list_models
from adain_nodes.models.weights.tensors import identify, read_tensors

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's weights, to be damaged."""
    for path in PACKAGE_FOLDER.glob("*.safetensors"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(manifest, "PACKAGE_FOLDER", tmp_path)
    return tmp_path


def test_list_names_models_and_where_their_files_are(capsys: Capture) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "adain-vgg16"
    assert lines[1].startswith("  encoder  package, ")


def test_list_as_json(capsys: Capture) -> None:
    assert main(["models", "list", "--json"]) == 0
    model = json.loads(capsys.readouterr().out)["models"][0]
    size = load_manifest().models[0].encoder.size
    assert model["name"] == "adain-vgg16"
    assert model["encoder"] == {"where": "package", "size": size}


def test_fetch_says_where_the_files_are(capsys: Capture) -> None:
    assert main(["models", "fetch", "adain-vgg16"]) == 0
    encoder = PACKAGE_FOLDER / load_manifest().models[0].encoder.filename
    assert f"encoder  {encoder}" in capsys.readouterr().out


def test_the_models_folder_of_a_comfyui_is_searched_first(tmp_path: Path, capsys: Capture) -> None:
    entry = load_manifest().models[0]
    folder = tmp_path / "models" / "adain"
    folder.mkdir(parents=True)
    for file in (entry.encoder, entry.decoder):
        shutil.copy(PACKAGE_FOLDER / file.filename, folder)
    place = ["--models-dir", str(folder.parent), "--json"]
    assert main(["models", "fetch", entry.name, *place]) == 0
    files = json.loads(capsys.readouterr().out)
    assert files == {
        "encoder": str(folder / entry.encoder.filename),
        "decoder": str(folder / entry.decoder.filename),
    }
    assert main(["models", "list", *place]) == 0
    first = json.loads(capsys.readouterr().out)["models"][0]
    assert first["encoder"]["where"] == "folder"
    (folder / entry.decoder.filename).write_bytes(b"damaged")
    assert main(["models", "verify", entry.name, *place]) == 2
    broken = [file for file in json.loads(capsys.readouterr().out)["files"] if not file["sound"]]
    assert [file["path"] for file in broken] == [str(folder / entry.decoder.filename)]


def test_a_models_folder_that_is_not_there_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert main(["models", "list", "--models-dir", str(tmp_path / "absent")]) == 2
    assert (
        f"--models-dir {tmp_path / 'absent'} is not an existing folder" in capsys.readouterr().err
    )


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_name_exits_with_2_and_lists_the_models(capsys: Capture, command: str) -> None:
    assert main(["models", command, "nobody"]) == 2
    assert "there are adain-vgg16" in capsys.readouterr().err


def test_verify_passes_what_is_sound(package: Path, capsys: Capture) -> None:
    assert main(["models", "verify", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert {Path(file["path"]).parent for file in files} == {package}
    assert all(file["sound"] for file in files)


def test_verify_exits_with_2_for_what_is_broken_or_missing(package: Path, capsys: Capture) -> None:
    model = load_manifest().models[0]
    with (package / model.decoder.filename).open("ab") as file:
        file.write(b"?")
    (package / model.encoder.filename).unlink()
    assert main(["models", "verify", model.name]) == 2
    captured = capsys.readouterr()
    assert captured.out.count("BROKEN") == 2
    assert model.encoder.filename in captured.err
    assert model.decoder.filename in captured.err


def test_publish_uploads_and_notes_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path, card = tmp_path / "manifest.json", tmp_path / "card.md"
    shutil.copy(manifest.own_path(), path)
    for file in (card, tmp_path / "LICENSE", tmp_path / "NOTICE"):
        file.write_text(file.name)
    uploads: list[tuple[str, set[str]]] = []

    def upload(repo_id: str, files: dict[str, bytes], _message: str, **_: object) -> str:
        uploads.append((repo_id, set(files)))
        return "c" * 40

    monkeypatch.setattr(manifest, "own_path", lambda: path)
    monkeypatch.setattr(publish, "upload", upload)
    assert main(["models", "publish", "adain-vgg16", "someone/art", "--card", str(card)]) == 0
    entry = load_manifest(path).models[0]
    names = {entry.encoder.filename, entry.decoder.filename}
    assert uploads == [("someone/art", names | {"README.md", "LICENSE", "NOTICE"})]
    assert {file.revision for file in (entry.encoder, entry.decoder)} == {"c" * 40}
    assert "commit it" in capsys.readouterr().out


def test_a_dry_run_says_what_would_be_uploaded_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path, card = tmp_path / "manifest.json", tmp_path / "card.md"
    shutil.copy(manifest.own_path(), path)
    for file in (card, tmp_path / "LICENSE", tmp_path / "NOTICE"):
        file.write_text(file.name)
    before = path.read_bytes()
    monkeypatch.setattr(manifest, "own_path", lambda: path)
    monkeypatch.delattr(publish, "upload")  # it is not called
    command = ["models", "publish", "adain-vgg16", "someone/art", "--card", str(card), "--dry-run"]
    assert main([*command, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    entry = load_manifest(path).models[0]
    assert about["repo_id"] == "someone/art"
    for weights in (entry.encoder, entry.decoder):
        expected = {"size": weights.size, "sha256": weights.sha256}
        assert about["files"][weights.filename] == expected
    assert set(about["files"]) >= {"README.md", "LICENSE", "NOTICE"}
    assert main(command) == 0
    assert f"sha256 {entry.decoder.sha256}" in capsys.readouterr().out
    assert path.read_bytes() == before


def test_export_decoder_takes_checkpoints_only(tmp_path: Path, capsys: Capture) -> None:
    encoder = str(PACKAGE_FOLDER / load_manifest().models[0].encoder.filename)
    output = tmp_path / "decoder.safetensors"
    command = ["models", "export-decoder", encoder, "--encoder", encoder, "-o", str(output)]
    assert main(command) == 2
    assert "not a training checkpoint" in capsys.readouterr().err
    assert not output.exists()


def write_port(folder: Path) -> tuple[nn.Sequential, nn.Sequential]:
    """vgg_normalised.pth and decoder.pth of pytorch-AdaIN, of two channels but for their ends."""

    def layer(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.ReLU()]

    pool, up = nn.MaxPool2d(2, ceil_mode=True), nn.Upsample(scale_factor=2)
    encoder = nn.Sequential(
        nn.Conv2d(3, 3, 1), *layer(3, 2), *layer(2, 2), pool, *layer(2, 2), *layer(2, 2), pool,
        *layer(2, 2), *layer(2, 2), *layer(2, 2), *layer(2, 2), pool, *layer(2, 2),
    )  # fmt: skip
    decoder = nn.Sequential(
        *layer(2, 2), up, *layer(2, 2), *layer(2, 2), *layer(2, 2), *layer(2, 2), up,
        *layer(2, 2), *layer(2, 2), up, *layer(2, 2), *layer(2, 3)[:2],
    )  # fmt: skip
    torch.save(encoder.state_dict(), folder / "vgg_normalised.pth")
    torch.save(decoder.state_dict(), folder / "decoder.pth")
    return encoder, decoder


@torch.no_grad()
def test_the_weights_of_pytorch_adain_become_a_model(tmp_path: Path, capsys: Capture) -> None:
    encoder, decoder = write_port(tmp_path)
    source, folder = tmp_path / "vgg_normalised.pth", tmp_path / "models" / "port"
    command = ["models", "convert", str(source), "--decoder", str(tmp_path / "decoder.pth")]
    assert main([*command, "-o", str(folder)]) == 0
    assert str(folder) in capsys.readouterr().out
    model = load_model(str(folder), precision="fp32", device=torch.device("cpu"))
    picture = torch.rand(1, 3, 24, 32)
    expected = decoder(encoder(picture))
    result = model.decoder.load()(model.encoder.load()(picture))
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    assert "port" in [choice.name for choice in list_models([folder.parent])]


def test_the_trunk_of_pytorch_adain_alone_becomes_an_encoder(tmp_path: Path) -> None:
    write_port(tmp_path)
    output = tmp_path / "encoder.safetensors"
    assert main(["models", "convert", str(tmp_path / "vgg_normalised.pth"), "-o", str(output)]) == 0
    tensors, metadata = read_tensors(output)
    assert metadata["identity"] == identify(tensors, "").sha256
    assert "vgg_normalised.pth (sha256 " in metadata["provenance"]


def test_conversion_as_json(tmp_path: Path, capsys: Capture) -> None:
    write_port(tmp_path)
    source, output = str(tmp_path / "vgg_normalised.pth"), tmp_path / "encoder.safetensors"
    assert main(["models", "convert", source, "-o", str(output), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["output"] == str(output)
    assert about["identity"] == read_tensors(output)[1]["identity"]
    decoder = ["--decoder", str(tmp_path / "decoder.pth")]
    folder = tmp_path / "port"
    assert main(["models", "convert", source, *decoder, "-o", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"output": str(folder)}


@pytest.mark.parametrize("fault", ["no calibration", "other trunk", "own encoder", "pickle"])
def test_a_conversion_that_cannot_be_is_one_line_and_no_file(
    tmp_path: Path, capsys: Capture, fault: str
) -> None:
    write_port(tmp_path)
    source = tmp_path / "source"
    decoder: list[str] = []
    if fault == "own encoder":
        tensors = {"conv1_1.weight": torch.rand(2, 3, 3, 3)}
    else:
        places = (0, 2, 5, 7, 10, 12, 14, 17)
        shapes = [(2, 3 if place == 0 else 2, 3, 3) for place in places]
        tensors = {
            f"features.{place}.weight": torch.rand(shape)
            for place, shape in zip(places, shapes, strict=True)
        }
        tensors |= {f"features.{place}.bias": torch.rand(2) for place in places}
    torch.save(tensors, source)
    if fault == "other trunk":
        decoder = ["--decoder", str(tmp_path / "decoder.pth")]
    if fault == "pickle":
        source.write_bytes(pickle.dumps(Path("code"), protocol=2))
    output = tmp_path / "output"
    assert main(["models", "convert", str(source), "-o", str(output), *decoder]) == 2
    message = capsys.readouterr().err
    assert "source" in message and message.count("\n") == 1
    assert not output.exists()


def test_conversion_tells_how_alive_each_layer_is(tmp_path: Path, capsys: Capture) -> None:
    source, output = tmp_path / "vgg.pth", tmp_path / "encoder.safetensors"
    places = {place: nn.Conv2d(2 if place else 3, 2, 3) for place in (0, 2, 5, 7, 10, 12, 14, 17)}
    torch.save(
        {
            f"features.{place}.{name}": tensor
            for place, layer in places.items()
            for name, tensor in layer.state_dict().items()
        },
        source,
    )
    (tmp_path / "photographs").mkdir()
    write_picture(tmp_path / "photographs" / "0.png", torch.rand(20, 24, 3))
    calibration = ["--calibration", str(tmp_path / "photographs")]
    assert main(["models", "convert", str(source), "-o", str(output), *calibration]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names[:3] == ["layer", "conv1_1", "conv1_2"]
    assert names[-2:] == ["conv4_1", "wrote"]
    assert lines[1].count("%") == 4

"""`adain-nodes models`, on the weights that the package carries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from adain_nodes.cli import main
from adain_nodes.weights import fetch
from adain_nodes.weights.manifest import PACKAGE_FOLDER, load_manifest

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's weights, to be damaged."""
    for path in PACKAGE_FOLDER.glob("*.safetensors"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(fetch, "PACKAGE_FOLDER", tmp_path)
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


def test_export_decoder_takes_checkpoints_only(tmp_path: Path, capsys: Capture) -> None:
    encoder = str(PACKAGE_FOLDER / load_manifest().models[0].encoder.filename)
    output = tmp_path / "decoder.safetensors"
    command = ["models", "export-decoder", encoder, "--encoder", encoder, "-o", str(output)]
    assert main(command) == 2
    assert "not a training checkpoint" in capsys.readouterr().err
    assert not output.exists()

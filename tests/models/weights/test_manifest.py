"""The manifest is read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.manifest import (
    NAME,
    SCHEMA,
    Manifest,
    known_models,
    load_manifest,
    own_path,
    write_manifest,
)

from ..hub_server import COMMIT

Table = dict[str, Any]


@pytest.fixture
def data() -> Table:
    """A valid manifest of one model, as JSON gives it."""
    file = {
        "repo_id": None,
        "revision": None,
        "filename": "tiny-decoder.safetensors",
        "sha256": "a" * 64,
        "size": 1,
        "embedded": False,
        "license": "MIT",
        "provenance": "random",
    }
    encoder = {**file, "filename": "tiny-encoder.safetensors", "identity": "b" * 64}
    return {"models": {"tiny": {"encoder": encoder, "decoder": file}}}


def load(data: object, folder: Path) -> Manifest:
    path = folder / "manifest.json"
    path.write_text(json.dumps(data))
    return load_manifest(path)


def fits_the_schema(data: object) -> bool:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return bool(jsonschema.Draft202012Validator(schema).is_valid(data))


def test_writing_the_manifest_changes_nothing_else(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.json", load_manifest())
    assert (tmp_path / "manifest.json").read_text() == own_path().read_text()


def test_the_schema_describes_the_manifest() -> None:
    assert fits_the_schema(json.loads(own_path().read_text(encoding="utf-8")))


def test_the_default_model_is_first_and_embedded() -> None:
    model = load_manifest().models[0]
    assert model.name == "adain-vgg16"
    assert model.encoder.embedded
    assert model.decoder.embedded


def test_a_valid_manifest_is_read(data: Table, tmp_path: Path) -> None:
    assert fits_the_schema(data)
    (model,) = load(data, tmp_path).models
    assert model.name == "tiny"
    assert model.identity == "b" * 64
    assert model.decoder.filename == "tiny-decoder.safetensors"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("repo_id", "someone/tiny"),  # without a revision
        ("revision", COMMIT),  # without a repository
        ("filename", "../tiny.safetensors"),
        ("filename", "tiny.pth"),
        ("sha256", "A" * 64),
        ("sha256", None),
        ("size", 0),
        ("size", True),
        ("embedded", "yes"),
        ("license", ""),
        ("provenance", None),
        ("colour", "blue"),
    ],
)
def test_what_is_wrong_is_named(data: Table, tmp_path: Path, key: str, value: object) -> None:
    data["models"]["tiny"]["decoder"][key] = value
    assert not fits_the_schema(data)
    with pytest.raises(InputError, match=rf"manifest\.json: tiny\.decoder.*{key}"):
        load(data, tmp_path)


def test_a_branch_is_no_pinned_revision(data: Table, tmp_path: Path) -> None:
    data["models"]["tiny"]["decoder"] |= {"repo_id": "someone/tiny", "revision": "main"}
    with pytest.raises(InputError, match=r"revision must match .* got 'main'"):
        load(data, tmp_path)


def test_a_missing_field_is_named(data: Table, tmp_path: Path) -> None:
    del data["models"]["tiny"]["encoder"]["identity"]
    assert not fits_the_schema(data)
    with pytest.raises(InputError, match=r"tiny\.encoder: identity missing"):
        load(data, tmp_path)


def test_one_file_cannot_be_described_in_two_ways(data: Table, tmp_path: Path) -> None:
    decoder = data["models"]["tiny"]["decoder"]
    data["models"]["other"] = {**data["models"]["tiny"], "decoder": {**decoder, "size": 2}}
    with pytest.raises(InputError, match="described in two ways"):
        load(data, tmp_path)


@pytest.mark.parametrize("data", [[], {}, {"models": {}}, {"models": {"../x": {}}}])
def test_another_structure_is_no_manifest(data: object, tmp_path: Path) -> None:
    assert not fits_the_schema(data)
    with pytest.raises(InputError, match=r"manifest\.json"):
        load(data, tmp_path)


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    with pytest.raises(InputError, match=r"manifest\.json cannot be read"):
        load_manifest(path)
    for text in ("{", "[" * 100_000, "\ufeff{}", '{"models": 1e999}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"manifest\.json") as caught:
            load_manifest(path)
        assert len(str(caught.value)) < 1000


def test_models_that_share_an_encoder_share_its_name(data: Table, tmp_path: Path) -> None:
    decoder = {**data["models"]["tiny"]["decoder"], "filename": "mild.safetensors"}
    data["models"]["mild"] = {**data["models"]["tiny"], "decoder": decoder}
    manifest = load(data, tmp_path)
    assert manifest.with_encoder(manifest.models[1].identity) is manifest.models[0]


def write_user_manifest(folder: Path, data: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / NAME).write_text(json.dumps(data), encoding="utf-8")


def test_a_manifest_in_a_model_folder_adds_models(data: Table, tmp_path: Path) -> None:
    data["models"]["tiny"]["encoder"]["embedded"] = True
    write_user_manifest(tmp_path / "a", {"$schema": "manifest.schema.json", **data})
    own = load_manifest().models
    *before, tiny = known_models((tmp_path / "absent", tmp_path / "a")).models
    assert tuple(before) == own
    assert tiny.name == "tiny"
    assert not tiny.encoder.embedded  # only the package carries files


def test_a_user_s_model_does_not_replace_another(
    data: Table, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = load_manifest().models[0].name
    data["models"][name] = data["models"].pop("tiny")
    write_user_manifest(tmp_path / "a", data)
    assert known_models((tmp_path / "a",)) == load_manifest()
    assert f"there is a model {name} already" in caplog.text


@pytest.mark.parametrize("fault", ["syntax", "field", "file"])
def test_a_user_s_manifest_that_is_wrong_is_left_out_with_a_warning(
    data: Table, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    if fault == "field":
        data["models"]["tiny"]["decoder"]["size"] = 0
    if fault == "file":  # another file by the name of one of the package's
        data["models"]["tiny"]["decoder"]["filename"] = load_manifest().models[0].decoder.filename
    write_user_manifest(tmp_path / "a", [] if fault == "syntax" else data)
    assert known_models((tmp_path / "a",)) == load_manifest()
    assert f"the models of {tmp_path / 'a' / NAME} are left out: " in caplog.text

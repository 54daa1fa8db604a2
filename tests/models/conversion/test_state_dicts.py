"""Weights files as training scripts of the ports write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from adain_nodes.host.errors import InputError
from adain_nodes.models.conversion.foreign import read_port_decoder, read_trunk
from adain_nodes.models.networks.vgg import Architecture

from .test_foreign import DEPTHS, WIDTHS, port_decoder, port_encoder, torchvision_vgg

VGG19 = Architecture(DEPTHS["vgg19"], WIDTHS)

Wrap = Callable[[Mapping[str, Tensor]], dict[str, Any]]

WRAPPINGS: dict[str, Wrap] = {
    "plain": dict,
    "DataParallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "state_dict": lambda state: {"epoch": 3, "state_dict": dict(state)},
    "both": lambda state: {"model": {f"module.{name}": tensor for name, tensor in state.items()}},
    "with an optimiser": lambda state: {
        "decoder": dict(state),
        "optimizer": {"state": {0: {"exp_avg": torch.rand(3)}}, "param_groups": [{"lr": 1e-4}]},
    },
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_decoder_is_found_however_it_is_wrapped(tmp_path: Path, wrap: Wrap) -> None:
    decoder, path = port_decoder().state_dict(), tmp_path / "decoder.pth"
    torch.save(decoder, path)
    expected = read_port_decoder(path, VGG19)
    torch.save(wrap(decoder), path)
    found = read_port_decoder(path, VGG19)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize("layout", ["torchvision", "pytorch-AdaIN"])
def test_so_is_a_trunk(tmp_path: Path, layout: str, wrap: Wrap) -> None:
    network: nn.Module = port_encoder(DEPTHS["vgg19"])
    if layout == "torchvision":
        network = torchvision_vgg(DEPTHS["vgg19"])
    path = tmp_path / "vgg.pth"
    torch.save(network.state_dict(), path)
    expected = read_trunk(str(path))
    torch.save(wrap(network.state_dict()), path)
    found = read_trunk(str(path))
    assert expected is not None and found is not None
    assert found.layout == layout
    assert all(torch.equal(found.tensors[name], expected.tensors[name]) for name in found.tensors)


def test_a_checkpoint_of_the_port_holds_both(tmp_path: Path) -> None:
    """Its network has the encoder in four slices, each numbered from 0."""
    encoder, decoder = port_encoder(DEPTHS["vgg19"]), port_decoder()
    path = tmp_path / "net.pth"
    torch.save(encoder.state_dict(), path)
    expected = read_trunk(str(path))
    slices = [list(encoder)[a:b] for a, b in ((0, 4), (4, 11), (11, 18), (18, 31))]
    net = nn.Module()
    for number, layers in enumerate(slices, 1):
        net.add_module(f"enc_{number}", nn.Sequential(*layers))
    net.add_module("decoder", decoder)
    torch.save({"state_dict": net.state_dict(), "iteration": 5}, path)
    found = read_trunk(str(path))
    assert expected is not None and found is not None
    assert all(torch.equal(found.tensors[name], expected.tensors[name]) for name in found.tensors)
    tensors = read_port_decoder(path, VGG19)
    assert torch.equal(tensors["conv4_1.weight"], decoder.get_parameter("1.weight"))


def test_names_of_safetensors_may_have_prefixes_too(tmp_path: Path) -> None:
    decoder, path = port_decoder().state_dict(), tmp_path / "decoder.safetensors"
    save_file({f"module.{name}": tensor for name, tensor in decoder.items()}, path)
    assert read_port_decoder(path, VGG19).keys() >= {"conv4_1.weight", "conv1_1.bias"}


@pytest.mark.parametrize(
    ("content", "nature"), [(b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
                            (b"<!doctype html>", "web page"), (b"", "is empty")]
)  # fmt: skip
def test_what_is_no_weights_file_is_called_what_it_is(
    tmp_path: Path, content: bytes, nature: str
) -> None:
    (tmp_path / "vgg.pth").write_bytes(content)
    with pytest.raises(InputError, match=rf"vgg\.pth .*{nature}"):
        read_trunk(str(tmp_path / "vgg.pth"))


def test_a_pytorch_file_that_cannot_be_read_is_not_sent_to_the_converter(tmp_path: Path) -> None:
    path = tmp_path / "decoder.pth"
    torch.save(port_decoder().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(
        InputError, match=r"decoder\.pth is a PyTorch file that is damaged"
    ) as caught:
        read_port_decoder(path, VGG19)
    assert "models convert" not in str(caught.value)

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from adain_nodes.host.errors import InputError
from adain_nodes.models.networks.vgg import VGG16, VGG19, Architecture, Encoder, grid_size

TINY16 = Architecture(VGG16.depths, (4, 6, 8, 10))
TINY19 = Architecture(VGG19.depths, (3, 5, 7, 9))


def random_encoder(architecture: Architecture) -> Encoder:
    return Encoder(architecture).requires_grad_(False)


def tensors_of(architecture: Architecture) -> dict[str, Tensor]:
    return dict(Encoder(architecture).state_dict())


def plain_vgg(encoder: Encoder) -> list[nn.Sequential]:
    """The same network, cut after relu1_1, relu2_1, relu3_1 and relu4_1."""
    state = encoder.state_dict()
    parts: list[nn.Sequential] = []
    layers: list[nn.Module] = []
    for block, depth in enumerate(encoder.architecture.depths, 1):
        for index in range(1, depth + 1):
            kernel = state[f"conv{block}_{index}.weight"]
            convolution = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3)
            convolution.load_state_dict(
                {"weight": kernel, "bias": state[f"conv{block}_{index}.bias"]}
            )
            layers += [nn.ReflectionPad2d(1), convolution, nn.ReLU()]
            if index == 1:
                parts.append(nn.Sequential(*layers))
                layers = []
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return parts


@pytest.mark.parametrize("architecture", [TINY16, TINY19])
@pytest.mark.parametrize("size", [(16, 24), (9, 9), (17, 31), (22, 13)])
def test_taps_equal_a_plain_vgg(architecture: Architecture, size: tuple[int, int]) -> None:
    encoder = random_encoder(architecture)
    x = pictures = torch.rand(2, 3, *size)
    taps = encoder.taps(pictures)
    assert len(taps) == 4
    for tap, part in zip(taps, plain_vgg(encoder), strict=True):
        x = part(x).detach()
        assert x.any()
        torch.testing.assert_close(tap, x)
    assert torch.equal(encoder(pictures), taps[-1])


def test_the_picture_is_left_as_it_is() -> None:
    pictures = torch.rand(1, 3, 16, 16)
    before = pictures.clone()
    random_encoder(TINY16)(pictures)
    assert torch.equal(pictures, before)


@pytest.mark.parametrize("side", range(9, 41))
def test_the_grid_has_one_cell_for_every_8_px(side: int) -> None:
    encoder = random_encoder(Architecture((1, 1, 1, 1), (2, 2, 2, 2)))
    for size in ((side, 9), (9, side)):
        assert tuple(encoder(torch.rand(1, 3, *size)).shape[2:]) == grid_size(size)


@pytest.mark.parametrize("side", range(1, 10))
def test_the_grid_has_at_least_two_cells_a_side(side: int) -> None:
    assert grid_size((side, 24)) == (2, 3)
    assert grid_size((24, side)) == (3, 2)


@pytest.mark.parametrize("architecture", [TINY16, TINY19, VGG16, VGG19])
def test_the_architecture_is_read_off_the_tensors(architecture: Architecture) -> None:
    with torch.device("meta"):
        tensors = tensors_of(architecture)
    assert Architecture.of(tensors) == architecture


@pytest.mark.parametrize(
    ("architecture", "count", "parameters"), [(VGG16, 8, 2_915_648), (VGG19, 9, 3_505_728)]
)
def test_vgg_has_its_published_layers(
    architecture: Architecture, count: int, parameters: int
) -> None:
    layers = list(architecture.encoder_layers())
    assert len(layers) == count
    assert sum((9 * layer.inputs + 1) * layer.outputs for layer in layers) == parameters
    firsts = [f"conv{block}_1" for block in range(1, 5)]
    assert [layer.name for layer in layers if layer.tapped] == firsts
    assert [layer.name for layer in layers if layer.pools] == firsts[1:]
    assert all(layer.relu and not layer.upsamples for layer in layers)


def test_the_decoder_mirrors_the_encoder() -> None:
    encoder, decoder = list(TINY16.encoder_layers()), list(TINY16.decoder_layers())
    for layer, mirror in zip(reversed(encoder), decoder, strict=True):
        assert (mirror.name, mirror.inputs, mirror.outputs, mirror.stride) == (
            layer.name, layer.outputs, layer.inputs, layer.stride,
        )  # fmt: skip
    assert [layer.name for layer in decoder if layer.upsamples] == ["conv3_3", "conv2_2", "conv1_2"]
    assert [layer.name for layer in decoder if not layer.relu] == ["conv1_1"]
    assert not any(layer.pools or layer.tapped for layer in decoder)


def test_the_stride_is_the_ratio_of_sides() -> None:
    picture = torch.rand(1, 3, 32, 32)
    sides = {layer.name: x.shape[3] for layer, x in Encoder(TINY16)._activations(picture)}
    for layer in TINY16.encoder_layers():
        assert sides[layer.name] * layer.stride == 32


@pytest.mark.parametrize(
    "name", ["conv1_1.weight", "conv2_2.weight", "conv2_1.bias", "conv4_1.weight"]
)
def test_a_missing_tensor_is_named(name: str) -> None:
    tensors = tensors_of(TINY16)
    del tensors[name]
    with pytest.raises(InputError, match=name.partition(".")[0]):
        Encoder.from_tensors(tensors)


@pytest.mark.parametrize("name", ["fc6.weight", "conv5_1.weight", "conv4_2.weight"])
def test_a_superfluous_tensor_is_named(name: str) -> None:
    tensors = {**tensors_of(TINY16), name: torch.zeros(1)}
    with pytest.raises(InputError, match=name):
        Encoder.from_tensors(tensors)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv2_2.weight", (6, 6, 1, 1)),
        ("conv3_1.weight", (8, 5, 3, 3)),
        ("conv4_1.bias", (9,)),
        ("conv1_2.weight", (4, 4)),
        ("conv1_1.weight", ()),
    ],
)
def test_a_tensor_of_the_wrong_shape_is_named(name: str, shape: tuple[int, ...]) -> None:
    tensors = {**tensors_of(TINY16), name: torch.zeros(shape)}
    with pytest.raises(InputError, match=name):
        Encoder.from_tensors(tensors)

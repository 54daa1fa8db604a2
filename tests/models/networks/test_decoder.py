from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from adain_nodes.host.errors import InputError
from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import VGG16, VGG19, Architecture

TINY16 = Architecture(VGG16.depths, (4, 6, 8, 10))
TINY19 = Architecture(VGG19.depths, (3, 5, 7, 9))


def random_decoder(architecture: Architecture) -> Decoder:
    return Decoder(architecture).requires_grad_(False)


def tensors_of(architecture: Architecture) -> dict[str, Tensor]:
    return dict(Decoder(architecture).state_dict())


def plain_decoder(decoder: Decoder, order: str) -> nn.Sequential:
    """The decoder of pytorch-AdaIN: c a convolution with its ReLU, u doubling, the last c bare."""
    state = list(decoder.state_dict().values())
    layers: list[nn.Module] = []
    for kernel, bias in zip(state[::2], state[1::2], strict=True):
        convolution = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3)
        convolution.load_state_dict({"weight": kernel, "bias": bias})
        layers.append(convolution)
    convolutions = iter(layers)
    result: list[nn.Module] = []
    for letter in order:
        if letter == "u":
            result.append(nn.Upsample(scale_factor=2, mode="nearest"))
        else:
            result += [nn.ReflectionPad2d(1), next(convolutions), nn.ReLU()]
    return nn.Sequential(*result[:-1])


@pytest.mark.parametrize(
    ("architecture", "order"), [(TINY16, "cucccuccucc"), (TINY19, "cuccccuccucc")]
)
@pytest.mark.parametrize("grid", [(2, 2), (3, 5)])
def test_decoder_equals_a_plain_one(
    architecture: Architecture, order: str, grid: tuple[int, int]
) -> None:
    decoder = random_decoder(architecture)
    features = torch.rand(2, architecture.widths[-1], *grid)
    before = features.clone()
    result = decoder(features)
    assert tuple(result.shape) == (2, 3, 8 * grid[0], 8 * grid[1])
    assert result.std() > 0
    torch.testing.assert_close(result, plain_decoder(decoder, order)(features).detach())
    assert torch.equal(features, before)


def test_pictures_are_not_clamped() -> None:
    decoder = random_decoder(TINY16)
    decoder.get_parameter("conv1_1.bias").copy_(torch.tensor([-5.0, 0.5, 5.0]))
    result = decoder(torch.rand(1, 10, 2, 2))
    assert result[:, 0].max() < 0
    assert result[:, 2].min() > 1


@pytest.mark.parametrize("name", ["conv1_1.bias", "conv4_1.weight"])
def test_a_missing_tensor_is_named(name: str) -> None:
    tensors = tensors_of(TINY16)
    del tensors[name]
    with pytest.raises(InputError, match=name):
        Decoder.from_tensors(tensors, TINY16)


@pytest.mark.parametrize("name", ["conv3_4.weight", "norm.weight"])
def test_a_superfluous_tensor_is_named(name: str) -> None:
    tensors = {**tensors_of(TINY16), name: torch.zeros(1)}
    with pytest.raises(InputError, match=name):
        Decoder.from_tensors(tensors, TINY16)


@pytest.mark.parametrize(
    ("name", "shape"), [("conv4_1.weight", (8, 20, 3, 3)), ("conv1_1.bias", (1,))]
)
def test_a_tensor_of_the_wrong_shape_is_named(name: str, shape: tuple[int, ...]) -> None:
    tensors = {**tensors_of(TINY16), name: torch.zeros(shape)}
    with pytest.raises(InputError, match=name):
        Decoder.from_tensors(tensors, TINY16)


def test_the_decoder_of_another_architecture_is_refused() -> None:
    with pytest.raises(InputError, match=r"conv3_4\.bias"):
        Decoder.from_tensors(tensors_of(TINY16), TINY19)

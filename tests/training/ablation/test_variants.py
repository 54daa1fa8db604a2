"""What tells the four decoders of the ablation apart, and what they share."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adain_nodes.models.networks.decoder import Decoder
from adain_nodes.models.networks.vgg import VGG16, Architecture
from adain_nodes.training.ablation.variants import VARIANTS, Variant
from adain_nodes.training.initialization import LAST_GAIN

ADAIN, CONCAT, BATCH, INSTANCE = VARIANTS


def kernels_of(decoder: nn.Module) -> list[Tensor]:
    """In the order of the layers."""
    return [m.weight for m in decoder.modules() if isinstance(m, nn.Conv2d)]


def features_of(architecture: Architecture, batch: int) -> Tensor:
    """Content features with a mean and a contrast of their own in every sample."""
    scale = torch.linspace(0.5, 2, batch)[:, None, None, None]
    return scale * (torch.randn(batch, architecture.widths[-1], 3, 4) + 1)


def test_they_are_the_papers() -> None:
    names = ["Enc-AdaIN-Dec", "Enc-Concat-Dec", "Enc-AdaIN-BNDec", "Enc-AdaIN-INDec"]
    assert [variant.name for variant in VARIANTS] == names


def test_the_first_is_the_plain_decoder(architecture: Architecture) -> None:
    decoder = ADAIN.decoder(architecture, seed=3)
    plain = Decoder.from_tensors(decoder.state_dict(), architecture)
    features = features_of(architecture, 2)
    assert torch.equal(decoder(features), plain(features))
    assert ADAIN.condition(features * 2, features * 3, features) is features


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_all_start_from_the_same_kernels(architecture: Architecture, variant: Variant) -> None:
    expected = kernels_of(ADAIN.decoder(architecture, seed=3))
    kernels = kernels_of(variant.decoder(architecture, seed=3))
    for index, (kernel, other) in enumerate(zip(kernels, expected, strict=True)):
        if variant is CONCAT and index == 0:
            assert kernel.shape[1] == 2 * other.shape[1]
        else:
            assert torch.equal(kernel, other)


def test_no_two_layers_or_seeds_share_their_draws() -> None:
    architecture = Architecture(depths=(2, 2, 3, 1), widths=(4, 4, 4, 4))
    drawn = [
        kernel
        for seed in range(3)
        for kernel in kernels_of(ADAIN.decoder(architecture, seed))
        if kernel.shape == (4, 4, 3, 3)
    ]
    assert len(drawn) == 3 * 7
    assert len({tuple(kernel.flatten().tolist()) for kernel in drawn}) == len(drawn)


@pytest.mark.parametrize("variant", [ADAIN, CONCAT], ids=lambda variant: variant.name)
def test_kernels_are_as_large_as_their_inputs_ask_for(variant: Variant) -> None:
    *kernels, last = kernels_of(variant.decoder(VGG16, seed=0))
    for kernel in (*kernels, last / LAST_GAIN):
        # Four standard deviations of an estimate from so many draws.
        tolerance = 4 / math.sqrt(2 * kernel.numel())
        wanted = math.sqrt(2 / (9 * kernel.shape[1]))
        assert kernel.std().item() == pytest.approx(wanted, rel=tolerance)


def test_concatenation_feeds_content_and_style_and_no_target(architecture: Architecture) -> None:
    content, style, target = (features_of(architecture, 2) for _ in range(3))
    fed = CONCAT.condition(content, style, target)
    channels = content.shape[1]
    assert torch.equal(fed[:, :channels], content)
    assert torch.equal(fed[:, channels:], style)
    decoder = CONCAT.decoder(architecture, seed=0)
    picture = decoder(fed)
    for changed in ((content, 2 * style), (2 * content, style)):
        other = decoder(CONCAT.condition(*changed, target))
        assert (other - picture).abs().max() > 0.02
    assert torch.equal(decoder(CONCAT.condition(content, style, 2 * target)), picture)


@pytest.mark.parametrize("variant", [BATCH, INSTANCE], ids=lambda variant: variant.name)
def test_every_convolution_but_the_last_is_normalised(
    architecture: Architecture, variant: Variant
) -> None:
    decoder = variant.decoder(architecture, seed=0)
    over = (0, 2, 3) if variant is BATCH else (2, 3)
    outputs: list[Tensor] = []
    for module in decoder.modules():
        if isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d):
            # A copy: ReLU works in place.
            module.register_forward_hook(lambda _m, _a, output: outputs.append(output.clone()))
    picture = decoder(features_of(architecture, 3))
    assert len(outputs) == sum(architecture.depths) - 1
    for output in outputs:
        mean, std = output.mean(over), output.std(over, correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
        torch.testing.assert_close(std, torch.ones_like(std), rtol=0, atol=0.02)
    contrast = picture.std((0, 2, 3), correction=0)
    assert (contrast < 0.5).all()  # an affine layer without training would have made it 1


def test_instance_normalisation_forgets_the_style_of_each_picture(
    architecture: Architecture,
) -> None:
    """What AdaIN sets, a scale for all channels here, is gone."""
    features = features_of(architecture, 2)
    scaled = features * torch.tensor([3.0, 1.0])[:, None, None, None]
    instance, batch, plain = (v.decoder(architecture, seed=0) for v in (INSTANCE, BATCH, ADAIN))
    torch.testing.assert_close(instance(scaled), instance(features), rtol=0, atol=1e-3)
    torch.testing.assert_close(batch(3 * features), batch(features), rtol=0, atol=1e-3)
    for decoder in (batch, plain):
        assert (decoder(scaled)[0] - decoder(features)[0]).abs().max() > 0.05


def test_batch_normalisation_is_evaluated_with_running_statistics(
    architecture: Architecture,
) -> None:
    decoder = BATCH.decoder(architecture, seed=0)
    with torch.no_grad():
        for _ in range(5):
            decoder(features_of(architecture, 4))
        decoder.eval()
        features = features_of(architecture, 2)
        result = decoder(features)
    tensors = {name: tensor.double() for name, tensor in decoder.state_dict().items()}
    x = features.double()
    for name in (layer.name for layer in architecture.decoder_layers()):
        x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        if name == "conv1_1":
            x = F.conv2d(x, tensors["conv1_1.weight"], tensors["conv1_1.bias"])
            continue
        x = F.conv2d(x, tensors[f"{name}.0.weight"], tensors[f"{name}.0.bias"])
        mean, variance = (tensors[f"{name}.1.running_{kind}"] for kind in ("mean", "var"))
        assert mean.abs().min() > 0
        x = (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        x = x.relu()
        if name.endswith("_1"):
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(result.double(), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_first_pictures_are_grey_of_little_contrast(
    architecture: Architecture, variant: Variant
) -> None:
    content, style, target = (torch.randn(8, 10, 4, 4) for _ in range(3))
    pictures = variant.decoder(architecture, seed=0)(variant.condition(content, style, target))
    assert pictures.mean().item() == pytest.approx(0.5, abs=0.1)
    assert 0.01 < pictures.std().item() < 0.2

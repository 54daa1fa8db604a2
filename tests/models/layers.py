"""An encoder layer by layer, in float64 and written apart from the package's."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor


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

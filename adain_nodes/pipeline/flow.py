"""Optical flow between frames of a film, by the DIS method (Kroeger et al. 2016) of OpenCV, which
the extra `video` installs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ..host.errors import InputError
from .scaling import scaled

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]

MIN_SIDE = 16
"""Px that the method needs; smaller frames are extended at the bottom and on the right."""

RELATIVE, ABSOLUTE = 0.01, 0.5
"""How far, squared and in px, the way there and back may lead from where it began: a share of the
squared ways, and a constant (Sundaram et al. 2010, equation 5)."""


@dataclass(frozen=True)
class Flow:
    """How a frame has come out of the one before it."""

    motion: Values
    """[H,W,2] in px to the right and down: how far what a pixel shows has moved."""

    visible: npt.NDArray[np.bool_]
    """[H,W]: whether the frame before shows it, too, so that forward and backward flow agree."""

    def warp(self, before: Values, *, sharp: bool = False) -> Values:
        """What belongs to the frame before, [H,W] or [H,W,C], brought along to this one; `sharp`
        interpolates by Lanczos' kernel of 8x8 px in place of linearly."""
        cv2 = cv2_module()
        height, width = self.visible.shape
        place = np.mgrid[:height, :width].astype(np.float32)
        source = place[::-1].transpose(1, 2, 0) - self.motion
        interpolation = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
        warped: Values = cv2.remap(
            before, source[..., 0], source[..., 1], interpolation, borderMode=cv2.BORDER_REPLICATE
        )
        return warped


def flow_between(before: Pixels, after: Pixels) -> Flow:
    """The flow from one grey frame, [H,W], to the next."""
    back, forth = -_displacement(after, before), _displacement(before, after)
    everywhere = np.ones(before.shape, np.bool_)
    there = Flow(back, everywhere).warp(forth)
    missed = np.square(there - back).sum(-1)
    ways = np.square(there).sum(-1) + np.square(back).sum(-1)
    height, width = before.shape
    rows, columns = np.mgrid[:height, :width]
    left, top = columns - back[..., 0], rows - back[..., 1]
    inside = (left >= 0) & (left <= width - 1) & (top >= 0) & (top <= height - 1)
    return Flow(back, inside & (missed <= RELATIVE * ways + ABSOLUTE))


def grey(frame: Tensor, size: tuple[int, int] | None = None) -> Pixels:
    """A frame [H,W,C] in 0..1 as the flow is measured on it: its luminance, at this height and
    width in px if given."""
    cv2 = cv2_module()
    if size is not None:
        frame = scaled(frame[None], size)[0][0]
    pixels = (frame[..., :3].detach().cpu().float().numpy() * 255).round().astype(np.uint8)
    if pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels[..., 0])
    luminance: Pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return luminance


def cv2_module() -> Any:
    """OpenCV, which is there only where the extra is installed.

    Raises:
        InputError: it is not.
    """
    try:
        import cv2  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "steadiness follows the motion of a film, for which OpenCV is needed: pip install "
            "'adain-nodes[video]', or opencv-python-headless"
        ) from error
    return cv2


def _displacement(before: Pixels, after: Pixels) -> Values:
    """Where each pixel goes, [H,W,2] in px."""
    cv2 = cv2_module()
    height, width = before.shape
    missing = (max(MIN_SIDE - height, 0), max(MIN_SIDE - width, 0))
    if any(missing):
        edges = ((0, missing[0]), (0, missing[1]))
        before, after = (np.pad(each, edges, mode="edge") for each in (before, after))
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Values = method.calc(before, after, None)
    return flow[:height, :width]

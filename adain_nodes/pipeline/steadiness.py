"""Results that hold still where the film does.

Networks see a grid of 8x8 px: what moves by a part of a cell comes out in other strokes, and a
film flickers however steady its statistics are. So each result is blended with the one before it,
brought along by the motion of the content:

    y_t = (1 - a) x_t + a warp(y_(t-1))        a = strength * trust

x is the fresh result. The trust is 0 where the frame before does not show what a pixel shows.

Means of strokes that differ are paler than the strokes. So the details of y_t, in two bands, are
given the energy that those of x_t have around; that also undoes what the interpolation blurs.

Networks colour what is around a thing, too. What has moved away would leave such a hue behind for
longer than eyes forgive, so coarse colours follow the fresh result faster than strokes do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .flow import Flow, Pixels, Values, cv2_module, flow_between, grey

STRONGEST = 0.93
"""a at steadiness 1. At 25 frames a second a new look is through, but for a quarter, after one."""

LIKE = 24.0
"""Mean difference in levels of 255 up to which two places show the same; from twice that on they
do not. Light may change, but what appears on a still ground moves nothing."""

CUT = 0.25
"""Share of trust below which a frame has nothing to do with the one before."""

BANDS = ((1.0, 15), (3.0, 45))
"""Deviation in px of the Gaussian below which details of a band lie, and side of the window in
which their energy is measured."""

MOST = 1.14
"""What details are multiplied by in one frame at most; its inverse is the least. That is as much as
blending and interpolation take away; with more, what is left where fresh results disagree would
grow into dots."""


HUE = 0.65
"""Share of a for coarse colours: at steadiness 1 they are through within half a second."""

COARSE = 39
"""Side in px of the window, applied twice, whose means are coarse colours."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luminance (BT.601)."""


class Steadied:
    """Follows the frames of a film, of which it keeps one with its results.

    Args:
        steadiness: 0 leaves results as they are, 1 is as steady as the film itself, nearly.
    """

    def __init__(self, steadiness: float) -> None:
        self._strength = STRONGEST * steadiness
        self._frame: Pixels | None = None
        self._results: Sequence[Values] = ()

    def follow(self, frame: Tensor, results: Sequence[Tensor]) -> list[Tensor]:
        """The next frame's results, steadied.

        Args:
            frame: the content, [H,W,C] in 0..1.
            results: the frame in each look, [H',W',3 or 4] in 0..1; a fourth channel is kept.
        """
        if not self._strength:
            return list(results)
        fresh = [result[..., :3].float().cpu().numpy() for result in results]
        height, width = fresh[0].shape[:2]
        now, before = grey(frame, (height, width)), self._frame
        if before is not None:
            flow = flow_between(before, now)
            trust = _trust(flow, before, now)
            if trust.mean() >= CUT:
                share = self._strength * trust[..., None]
                pairs = zip(fresh, self._results, strict=True)
                fresh = [_blended(new, flow.warp(old, sharp=True), share) for new, old in pairs]
        self._frame, self._results = now, fresh
        steadied = []
        for result, values in zip(results, fresh, strict=True):
            color = torch.from_numpy(values).to(result.device)
            steadied.append(torch.cat([color, result[..., 3:]], dim=-1))
        return steadied


def _trust(flow: Flow, before: Pixels, now: Pixels) -> Values:
    """How far a frame can be taken for the one before it, brought along: [H,W] in 0..1."""
    difference = np.abs(flow.warp(before.astype(np.float32)) - now)
    difference = cv2_module().GaussianBlur(difference, (0, 0), 1.5)
    trust: Values = flow.visible * np.clip(2 - difference / LIKE, 0, 1)
    return trust


def _blended(fresh: Values, warped: Values, share: Values) -> Values:
    """A fresh result with its share, [H,W,1] below 1, of the one before; [H,W,3] in 0..1."""
    blended = fresh + share * (warped - fresh)
    mended = _with_energy_of(fresh, blended)
    mended += _hue(HUE * share * (warped - fresh) - (mended - fresh))
    # Where nothing is blended there is nothing to mend.
    values: Values = np.clip(blended + (share > 0) * (mended - blended), 0, 1)
    return values


def _hue(difference: Values) -> Values:
    """The coarse part of a difference of colours, [H,W,3], without its luminance."""
    cv2 = cv2_module()
    window = (COARSE, COARSE)
    coarse = cv2.blur(cv2.blur(difference, window), window)
    hue: Values = coarse - (coarse @ LUMA)[..., None]
    return hue


def _with_energy_of(fresh: Values, blended: Values) -> Values:
    """A picture with details as strong as those of another are around there."""
    cv2 = cv2_module()
    mended = np.zeros_like(blended)
    for deviation, window in BANDS:
        details, energies = [], []
        coarse = [cv2.GaussianBlur(picture, (0, 0), deviation) for picture in (fresh, blended)]
        for picture, rest in zip((fresh, blended), coarse, strict=True):
            details.append(picture - rest)
            energies.append(cv2.blur(np.square(details[-1]), (window, window)) + 1e-5)
        gain = np.sqrt(energies[0] / energies[1]).clip(1 / MOST, MOST)
        mended += gain * details[1]
        fresh, blended = coarse
    values: Values = mended + blended
    return values

"""Light is checked against figures of BT.2100, BT.2390 and BT.2408."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adain_nodes.files.hdr import BT709, BT2020, HLG, PQ, needs_conversion, to_sdr


def shown(signal: tuple[float, float, float], transfer: int) -> list[float]:
    """A color, converted."""
    pixels = np.round(np.array(signal) * 65535).astype(np.uint16)[None, None]
    return to_sdr(pixels, transfer)[0, 0].tolist()


def grey(signal: float, transfer: int) -> float:
    red, green, blue = shown((signal,) * 3, transfer)
    assert red == pytest.approx(green, abs=2e-3)
    assert red == pytest.approx(blue, abs=2e-3)
    return green


@pytest.mark.parametrize(
    ("signal", "light"),
    [(0.0, 0.0), (0.2994, 10.0), (0.4400, 50.0)],  # PQ's signals of 10 and 50 cd/m2
)
def test_dark_greys_of_pq_are_shown_as_bright_as_they_are(signal: float, light: float) -> None:
    assert grey(signal, PQ) == pytest.approx((light / 203) ** (1 / 2.4), abs=3e-3)


@pytest.mark.parametrize("signal", [0.7518, 0.9, 1.0])
def test_1000_candelas_and_more_are_white(signal: float) -> None:
    assert grey(signal, PQ) == pytest.approx(1, abs=2e-3)


def test_a_white_page_keeps_room_for_lights() -> None:
    """203 cd/m2 are at 58 % in PQ and at 75 % in HLG."""
    page = grey(0.5807, PQ)
    assert 0.8 < page < 0.95
    assert grey(0.75, HLG) == pytest.approx(page, abs=3e-3)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_is_never_shown_darker(transfer: int) -> None:
    ramp = np.arange(0, 65536, 16, dtype=np.uint16)[None, :, None].repeat(3, axis=2)
    result = to_sdr(ramp, transfer)
    assert result.isfinite().all()
    assert (result[0, 1:] - result[0, :-1] > -1e-6).all()


def test_hlg_at_its_peak_is_white_and_at_0_black() -> None:
    assert grey(1, HLG) == pytest.approx(1, abs=2e-3)
    assert grey(0, HLG) == 0


def test_primaries_are_converted() -> None:
    """The red of BT.709 is (0.6274, 0.0691, 0.0164) in light of BT.2020."""
    light = np.array([0.6274, 0.0691, 0.0164])
    red = shown(tuple(light ** (1 / 2.4)), 14)
    assert red == pytest.approx([1, 0, 0], abs=0.08)
    greens = shown((0.0, 1.0, 0.0), 14)  # more than BT.709 can show
    assert greens == pytest.approx([0, 1, 0], abs=1e-6)
    assert grey(0.6, 14) == pytest.approx(0.6, abs=1e-3)


def test_hues_of_lights_are_kept() -> None:
    """An orange light of more than 203 cd/m2 stays orange."""
    red, green, blue = torch.tensor(shown((0.68, 0.60, 0.45), PQ)) ** 2.4
    assert red > 0.7
    assert red > 1.8 * green > 3 * blue


def test_what_needs_it() -> None:
    assert needs_conversion(BT2020, PQ)
    assert needs_conversion(BT2020, 14)
    assert needs_conversion(2, HLG)
    assert not needs_conversion(BT709, BT709)
    assert not needs_conversion(2, 2)

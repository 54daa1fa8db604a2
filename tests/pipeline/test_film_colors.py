"""Pictures and films that keep their colours."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import COLOR_METHODS, ColorMethod
from adain_nodes.models.model import Model
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.colors import match_color
from adain_nodes.pipeline.engine import cells
from adain_nodes.pipeline.stylize import stylize

RECOLORING = [method for method in COLOR_METHODS if method != "luminance"]


@pytest.fixture
def frames() -> Tensor:
    """Three frames with a transparent part, each in a colour of its own."""
    tints = torch.tensor([[1, 0.6, 0.2, 1], [0.2, 0.7, 1, 1], [0.3, 0.3, 0.9, 1]])
    return torch.rand(3, 20, 31, 4) * tints[:, None, None]


@pytest.fixture
def art() -> Tensor:
    return torch.rand(1, 18, 24, 3) * torch.tensor([0.5, 1, 0.5])


@pytest.mark.parametrize("method", RECOLORING)
@pytest.mark.parametrize("styles", [1, 3])
def test_styles_are_recoloured_to_the_first_frame(
    model: Model, frames: Tensor, art: Tensor, method: ColorMethod, styles: int
) -> None:
    arts = torch.cat([art, art.flip(-1), art.roll(1, -1)])[:styles]
    result = stylize(frames, arts, model=model, style_size=16, alpha=0.8, preserve_color=method)
    matched = match_color(arts, frames[:1], method)
    style = transfer.style_statistics(transfer.encode(model, matched, shorter_side=16))
    torch.testing.assert_close(result, stylize(frames, style, model=model, alpha=0.8))


@pytest.mark.parametrize("styles", [1, 3])
def test_luminance_gives_each_frame_its_own_chroma(
    model: Model, frames: Tensor, art: Tensor, styles: int
) -> None:
    arts = art.expand(styles, -1, -1, -1)
    result = stylize(
        frames, arts, model=model, style_size=16, content_size=10, preserve_color="luminance"
    )
    plain = stylize(frames, arts, model=model, style_size=16, content_size=10)
    torch.testing.assert_close(result, match_color(plain, frames, "luminance"))
    assert torch.equal(result[..., 3], plain[..., 3])


def test_luminance_of_one_picture_in_several_styles(
    model: Model, frames: Tensor, art: Tensor
) -> None:
    arts = torch.cat([art, art.flip(-1)])
    result = stylize(frames[:1], arts, model=model, preserve_color="luminance")
    plain = stylize(frames[:1], arts, model=model)
    torch.testing.assert_close(result, match_color(plain, frames[:1], "luminance"))


@pytest.mark.parametrize("method", RECOLORING)
def test_statistics_cannot_be_recoloured(
    model: Model, frames: Tensor, art: Tensor, method: ColorMethod
) -> None:
    style = transfer.style_of(model, art)
    with pytest.raises(InputError, match=f"{method} recolours the style picture"):
        stylize(frames, style, model=model, preserve_color=method)


def test_luminance_goes_with_statistics(model: Model, frames: Tensor, art: Tensor) -> None:
    style = transfer.style_of(model, art, shorter_side=512)
    of_statistics = stylize(frames, style, model=model, preserve_color="luminance")
    assert torch.equal(of_statistics, stylize(frames, art, model=model, preserve_color="luminance"))


def test_pictures_of_style_are_scaled_as_asked(model: Model, frames: Tensor, art: Tensor) -> None:
    for size in (0, 30):
        style = transfer.style_of(model, art, shorter_side=size)
        expected = stylize(frames, style, model=model)
        assert torch.equal(stylize(frames, art, model=model, style_size=size), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preserve_color": "lab"}, "got 'lab'"),
        ({"style": torch.rand(1, 5, 5, 2)}, "style must be"),
        ({"style": torch.rand(2, 5, 5, 3)}, "content has 3 .* style has 2|style has 2 .* has 3"),
    ],
)
def test_bad_input_is_refused_before_anything_is_encoded(
    model: Model, frames: Tensor, art: Tensor, change: dict[str, object], message: str
) -> None:
    def progress(_done: int, _total: int) -> None:
        pytest.fail("encoded something")

    inputs: dict[str, object] = {"style": art, **change}
    with pytest.raises(InputError, match=message):
        stylize(frames, model=model, progress=progress, **inputs)  # type: ignore[arg-type]


def test_progress_counts_the_style_pictures_too(model: Model, frames: Tensor, art: Tensor) -> None:
    seen: list[tuple[int, int]] = []
    stylize(
        frames,
        art,
        model=model,
        style_size=16,
        progress=lambda done, total: seen.append((done, total)),
    )
    steps, totals = zip(*seen, strict=True)
    total = cells(art.shape[1:3], 16) + len(frames) * 2 * cells(frames.shape[1:3])
    assert set(totals) == {total}
    assert steps[0] == cells(art.shape[1:3], 16) and steps[-1] == total
    assert list(steps) == sorted(set(steps))

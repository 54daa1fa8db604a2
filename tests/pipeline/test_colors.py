from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.host.options import COLOR_METHODS, ColorMethod
from adain_nodes.ops.color import (
    LINEAR_MAPS,
    ColorStatistics,
    match_chroma,
    match_histograms,
    match_statistics,
)
from adain_nodes.pipeline import colors
from adain_nodes.pipeline.colors import match_color, recolors_style, result_for, style_for

RECOLORING = [method for method in COLOR_METHODS if method != "luminance"]


def pictures_of(batch: int, height: int = 12, width: int = 17, channels: int = 3) -> Tensor:
    """Of narrow contrast, so that matching them to one another leaves little to clamp."""
    mixing = torch.eye(channels) + 0.3 * torch.rand(channels, channels)
    return 0.35 + 0.2 * torch.rand(batch, height, width, channels) @ mixing


def by_definition(picture: Tensor, reference: Tensor, method: ColorMethod) -> Tensor:
    """One RGB picture by another, [H,W,3], clamped."""
    pixels, wanted = picture.reshape(-1, 3), reference.reshape(-1, 3)
    if method == "luminance":
        result = match_chroma(pixels, wanted)
    elif method == "histogram":
        result = match_histograms(pixels, pixels, wanted)
    else:
        statistics = ColorStatistics.of(pixels), ColorStatistics.of(wanted)
        result = match_statistics(pixels, *statistics, LINEAR_MAPS[method](*statistics))
    return result.clamp(0, 1).view_as(picture)


@pytest.mark.parametrize("method", COLOR_METHODS)
@pytest.mark.parametrize(("pictures", "references"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_batches_pair(method: ColorMethod, pictures: int, references: int) -> None:
    picture, reference = pictures_of(pictures), pictures_of(references)
    result = match_color(picture, reference, method)
    assert result.dtype == torch.float32
    assert tuple(result.shape) == (max(pictures, references), 12, 17, 3)
    for index in range(len(result)):
        expected = by_definition(picture[index % pictures], reference[index % references], method)
        torch.testing.assert_close(result[index], expected)
        assert not torch.allclose(result[index], picture[index % pictures], atol=0.02)


@pytest.mark.parametrize(("pictures", "references"), [(2, 3), (3, 2)])
def test_other_batches_are_refused_by_both_sizes(pictures: int, references: int) -> None:
    with pytest.raises(InputError) as error:
        match_color(pictures_of(pictures), pictures_of(references))
    assert f"picture has {pictures}" in str(error.value)
    assert f"reference has {references}" in str(error.value)


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_strength_leads_from_the_picture_to_the_match(method: ColorMethod) -> None:
    picture, reference = pictures_of(1), pictures_of(1)
    full = match_color(picture, reference, method)
    assert torch.equal(match_color(picture, reference, method, strength=0), picture)
    assert torch.equal(match_color(picture, reference, method, strength=1), full)
    partly = match_color(picture, reference, method, strength=0.3)
    inside = (full > 0) & (full < 1)
    assert inside.float().mean() > 0.9
    torch.testing.assert_close(partly[inside], (0.7 * picture + 0.3 * full)[inside])


@pytest.mark.parametrize("method", COLOR_METHODS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("others", [1, 3, 4])
def test_grey_and_transparent_pictures(method: ColorMethod, channels: int, others: int) -> None:
    picture, reference = pictures_of(1, channels=channels), pictures_of(1, channels=others)
    result = match_color(picture, reference, method)
    color = picture[..., :3].expand(-1, -1, -1, 3)
    expected = match_color(color, reference[..., :3].expand(-1, -1, -1, 3), method)
    torch.testing.assert_close(result[..., :3], expected)
    assert result.shape[3] == (4 if channels == 4 else 3)
    if channels == 4:
        assert torch.equal(result[..., 3], picture[..., 3])


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_a_grey_reference_takes_the_colours_away(method: ColorMethod) -> None:
    result = match_color(pictures_of(1), pictures_of(1, channels=1), method)
    if method in ("mean_std", "histogram"):  # these know nothing of how channels go together
        torch.testing.assert_close(result.mean((0, 1, 2)), result.mean().expand(3))
    else:
        torch.testing.assert_close(result, result[..., :1].expand_as(result))
    assert result.std() > 0.02


@pytest.mark.parametrize("method", RECOLORING)
@pytest.mark.parametrize("which", ["picture", "reference"])
def test_hidden_colours_do_not_count(method: ColorMethod, which: str) -> None:
    pair = {"picture": pictures_of(1, channels=4), "reference": pictures_of(1, channels=4)}
    pair[which][:, :, 10:, 3] = 0
    first = match_color(pair["picture"], pair["reference"], method)
    pair[which][:, :, 10:, :3] = torch.rand(3)
    second = match_color(pair["picture"], pair["reference"], method)
    torch.testing.assert_close(second[:, :, :10], first[:, :, :10])
    assert torch.isfinite(second).all()
    pair[which][:, :, 10:, 3] = 0.01
    third = match_color(pair["picture"], pair["reference"], method)
    assert not torch.allclose(third[:, :, :10], first[:, :, :10])


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_pictures_that_are_all_transparent_count_as_a_whole(method: ColorMethod) -> None:
    picture, reference = pictures_of(1, channels=4), pictures_of(1, channels=4)
    picture[..., 3] = reference[..., 3] = 0
    expected = match_color(picture[..., :3], reference[..., :3], method)
    torch.testing.assert_close(match_color(picture, reference, method)[..., :3], expected)


@pytest.mark.parametrize("method", COLOR_METHODS)
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_constants_give_numbers(method: ColorMethod, value: float) -> None:
    constant, picture = torch.full((1, 5, 6, 3), value), pictures_of(1, 5, 6)
    for pair in ((constant, picture), (picture, constant), (constant, 1 - constant)):
        result = match_color(*pair, method)
        assert torch.isfinite(result).all()
        if method != "luminance":
            mean = pair[1].mean((0, 1, 2))
            torch.testing.assert_close(result.mean((0, 1, 2)), mean, atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", COLOR_METHODS)
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (33, 8)])
def test_references_of_any_size(method: ColorMethod, size: tuple[int, int]) -> None:
    result = match_color(pictures_of(1), pictures_of(1, *size), method)
    assert tuple(result.shape) == (1, 12, 17, 3)
    assert torch.isfinite(result).all()


def test_luminance_stretches_the_reference_over_the_picture() -> None:
    reference = torch.zeros(1, 20, 40, 3)
    reference[:, :, :20, 0] = reference[:, :, 20:, 2] = 0.6
    result = match_color(torch.full((1, 10, 10, 3), 0.3), reference, "luminance")[0]
    assert (result[:, :4, 0] > result[:, :4, 2] + 0.3).all()
    assert (result[:, 6:, 2] > result[:, 6:, 0] + 0.3).all()


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_results_and_what_goes_in_are_within_0_and_1(method: ColorMethod) -> None:
    wild = 3 * torch.randn(1, 12, 17, 3)
    result = match_color(wild, 1 - 2 * wild.flip(1), method)
    assert result.min() >= 0 and result.max() <= 1
    expected = match_color(wild.clamp(0, 1), (1 - 2 * wild.flip(1)).clamp(0, 1), method)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_blocks_of_rows_make_up_the_whole(
    monkeypatch: pytest.MonkeyPatch, method: ColorMethod
) -> None:
    picture, reference = torch.rand(1, 13, 7, 3), torch.rand(1, 9, 8, 3)
    whole = match_color(picture, reference, method)
    monkeypatch.setattr(colors, "_BLOCK_PIXELS", 15)
    torch.testing.assert_close(match_color(picture, reference, method), whole)


def test_progress_is_told_of_every_picture() -> None:
    told: list[tuple[int, int]] = []
    match_color(
        torch.rand(3, 4, 4, 3), torch.rand(1, 4, 4, 3), progress=lambda *now: told.append(now)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_half_precision_is_matched_in_full() -> None:
    picture, reference = pictures_of(1).half(), pictures_of(1).half()
    result = match_color(picture, reference)
    torch.testing.assert_close(result, match_color(picture.float(), reference.float()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "lab"}, "linear, mean_std, coral, histogram or luminance, got 'lab'"),
        ({"strength": 1.5}, r"strength must be a number from 0 .* got 1\.5"),
        ({"strength": float("nan")}, "got nan"),
        ({"picture": torch.rand(5, 5, 3)}, "picture must be"),
        ({"reference": torch.rand(1, 5, 5, 2)}, "reference must be"),
        ({"reference": torch.full((1, 5, 5, 3), float("inf"))}, "reference holds inf"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, object], message: str) -> None:
    inputs: dict[str, object] = {"picture": pictures_of(1), "reference": pictures_of(1)}
    with pytest.raises(InputError, match=message):
        match_color(**{**inputs, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("method", RECOLORING)
def test_a_style_is_matched_to_the_first_frame_alone(method: ColorMethod) -> None:
    content, style = pictures_of(3), pictures_of(2, 9, 9)
    assert recolors_style(method)
    assert torch.equal(style_for(content, style, method), match_color(style, content[:1], method))
    assert result_for(content, style, method) is style


def test_luminance_leaves_the_style_and_changes_the_result() -> None:
    content, picture = pictures_of(3), pictures_of(3, 9, 9)
    assert not recolors_style("luminance")
    assert style_for(content, picture, "luminance") is picture
    expected = match_color(picture, content, "luminance")
    assert torch.equal(result_for(content, picture, "luminance"), expected)


def test_no_method_leaves_both() -> None:
    content, picture = pictures_of(1), pictures_of(1)
    assert not recolors_style(None)
    assert style_for(content, picture, None) is picture
    assert result_for(content, picture, None) is picture

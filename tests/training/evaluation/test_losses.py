"""The losses of a picture against plain arithmetic in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adain_nodes.host.options import Reference
from adain_nodes.host.plain import Resident
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.ops.statistics import Moments
from adain_nodes.pipeline.scaling import to_network
from adain_nodes.training.evaluation.losses import LossMeter

CPU = torch.device("cpu")


def statistics(tap: Tensor) -> tuple[Tensor, Tensor]:
    """Of [1,C,h,w]: mean, and biased deviation with 1e-5 under the root."""
    values = tap[0].flatten(1)
    return values.mean(1), (values.var(1, correction=0) + 1e-5).sqrt()


@pytest.mark.parametrize("reference", ["pytorch", "torch"])
def test_losses_follow_the_paper(encoder: Encoder, reference: Reference) -> None:
    content, style, result = (
        torch.rand(1, 24, 32, 3),
        torch.rand(1, 20, 17, 3),
        torch.rand(1, 24, 32, 3),
    )
    meter = LossMeter(Resident(encoder, CPU), torch.float32, reference)
    c, s, r = (meter.view(picture) for picture in (content, style, result))
    losses = meter.losses(r, meter.target(c, s), s)

    taps = {
        name: encoder.double().taps(picture.double().movedim(-1, 1))
        for name, picture in (("c", content), ("s", style), ("r", result))
    }
    (mean_c, std_c), (mean_s, std_s) = statistics(taps["c"][-1]), statistics(taps["s"][-1])
    normalised = (taps["c"][-1] - mean_c[:, None, None]) / std_c[:, None, None]
    target = normalised * std_s[:, None, None] + mean_s[:, None, None]
    layers = []
    for own, wanted in zip(taps["r"], taps["s"], strict=True):
        squares = [
            (a - b).square() for a, b in zip(statistics(own), statistics(wanted), strict=True)
        ]
        reduced = [s.sum() if reference == "torch" else s.mean() for s in squares]
        layers.append(sum(value.item() for value in reduced))

    expected = (taps["r"][-1] - target).square().mean().item()
    assert losses.content.item() == pytest.approx(expected, rel=1e-4)
    assert losses.layers.tolist() == pytest.approx(layers, rel=1e-4)
    assert losses.style.item() == pytest.approx(sum(layers), rel=1e-4)


@pytest.mark.parametrize("size", [(77, 50), (9, 30), (5, 12)])
@pytest.mark.parametrize("tile_size", [8, 24, 400])
def test_tiles_do_not_change_what_is_measured(
    encoder: Encoder, size: tuple[int, int], tile_size: int
) -> None:
    picture = torch.rand(1, *size, 3)
    view = LossMeter(Resident(encoder, CPU), torch.float32, tile_size=tile_size).view(picture)
    taps = encoder.taps(to_network(picture, size)[0])
    torch.testing.assert_close(view.features, taps[-1], rtol=1e-4, atol=1e-5)
    for found, tap in zip(view.statistics, taps, strict=True):
        mean, std = statistics(tap)
        torch.testing.assert_close(found.mean[0], mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.std[0], std, rtol=1e-4, atol=1e-5)


def test_no_more_than_a_tile_is_encoded_at_once(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = []
    of = Moments.of

    def noted(features: Tensor, weights: Tensor | None = None) -> Moments:
        heights.append(features.shape[2])
        return of(features, weights)

    monkeypatch.setattr(Moments, "of", noted)
    done: list[int] = []
    meter = LossMeter(Resident(encoder, CPU), torch.float32, tile_size=16)
    meter.view(torch.rand(1, 77, 30, 3), report=done.append)
    assert max(heights) <= 16
    assert sum(done) == 10 * 4 and len(done) > 1


def test_the_unchanged_content_is_as_far_from_the_target_as_its_statistics_are(
    encoder: Encoder,
) -> None:
    """t moves each channel by an affine map: its mean square is that of mean and deviation."""
    meter = LossMeter(Resident(encoder, CPU), torch.float32)
    content, style = meter.view(torch.rand(1, 40, 40, 3)), meter.view(torch.rand(1, 40, 40, 3) ** 2)
    losses = meter.losses(content, meter.target(content, style), style)
    assert losses.content.item() == pytest.approx(losses.layers[-1].item(), rel=1e-2)


def test_a_picture_in_its_own_style_has_no_loss(encoder: Encoder) -> None:
    meter = LossMeter(Resident(encoder, CPU), torch.float32)
    view = meter.view(torch.rand(1, 24, 24, 3))
    losses = meter.losses(view, meter.target(view, view), view)
    assert losses.content.item() == pytest.approx(0, abs=1e-9)
    assert losses.layers.tolist() == [0, 0, 0, 0]


def test_transparency_is_ignored_and_grey_is_repeated(encoder: Encoder) -> None:
    meter = LossMeter(Resident(encoder, CPU), torch.float32)
    grey = torch.rand(1, 16, 16, 1)
    expected = meter.view(grey.expand(-1, -1, -1, 3)).features
    transparent = torch.cat([grey.expand(-1, -1, -1, 3), torch.rand(1, 16, 16, 1)], -1)
    for picture in (grey, transparent):
        torch.testing.assert_close(meter.view(picture).features, expected)


def test_a_batch_is_measured_picture_by_picture_and_averaged(encoder: Encoder) -> None:
    meter = LossMeter(Resident(encoder, CPU), torch.float32)
    content, results = torch.rand(1, 16, 24, 3), torch.rand(2, 16, 24, 3)
    styles = torch.rand(2, 20, 20, 4)
    told: list[tuple[int, int]] = []
    both = meter.measure(content, styles, results, progress=lambda *now: told.append(now))
    for made, found in zip((results, content.expand(2, -1, -1, -1)), both, strict=True):
        singles = []
        for index in range(2):
            c, s, r = (meter.view(one[index % len(one)][None]) for one in (content, styles, made))
            singles.append(meter.losses(r, meter.target(c, s), s))
        content_loss = sum(one.content.item() for one in singles) / 2
        layers = torch.stack([one.layers for one in singles]).mean(0)
        assert found.content == pytest.approx(content_loss, rel=1e-6)
        assert found.layers == pytest.approx(layers.tolist(), rel=1e-6)
        assert found.style == pytest.approx(sum(found.layers))
    # Cells: a content, two styles and two results, each encoded once.
    assert told[-1] == (3 * 6 + 2 * 9, 3 * 6 + 2 * 9)

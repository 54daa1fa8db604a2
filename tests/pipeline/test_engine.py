"""Pictures in bands: the same pictures, and what happens when memory runs out."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import adain_nodes
from adain_nodes.host.plain import Host
from adain_nodes.models.model import Model
from adain_nodes.models.networks.bands import bands
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.pipeline import engine
from adain_nodes.pipeline.engine import cells, collected, counter, stacked
from adain_nodes.pipeline.transfer import decode, encode, style_of, style_statistics, transfer
from adain_nodes.pipeline.types import Features

ONE = EncoderIdentity("1" * 64, "one")

SIZES = [(1, 1), (9, 40), (40, 9), (61, 30), (64, 24)]


def in_tiles_of(model: Model, size: int) -> Model:
    return replace(model, tile_size=size)


def everything(model: Model, picture: Tensor) -> tuple[Tensor, ...]:
    """What each step gives for a picture, masked and not."""
    style = style_of(model, picture.flip(1))
    content = encode(model, picture)
    mask = torch.linspace(0, 1, 50).expand(30, 50)
    whole = decode(model, transfer(content, style, alpha=0.8))
    region = decode(model, transfer(content, style, mask=mask))
    frames = adain_nodes.stylize(picture, style, model=model, mask=mask)
    return style.statistics.mean, style.statistics.std, content.values, whole, region, frames


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(1, 3), (2, 4), (1, 1)])
def test_tiles_do_not_show(model: Model, size: tuple[int, int], shape: tuple[int, int]) -> None:
    batch, channels = shape
    picture = torch.rand(batch, *size, channels)
    expected = everything(in_tiles_of(model, 1000), picture)
    for tile in (8, 16):
        for result, whole in zip(
            everything(in_tiles_of(model, tile), picture), expected, strict=True
        ):
            span = whole.max() - whole.min()
            assert result.shape == whole.shape
            assert (result - whole).abs().max() <= 1e-5 * span


def test_statistics_are_those_of_the_features(model: Model) -> None:
    picture = torch.rand(2, 61, 30, 3)
    expected = style_statistics(encode(model, picture)).statistics
    result = style_of(in_tiles_of(model, 8), picture).statistics
    torch.testing.assert_close(result.mean, expected.mean)
    torch.testing.assert_close(result.std, expected.std)


def test_progress_is_told_of_every_tile(model: Model) -> None:
    seen: list[int] = []
    picture = torch.rand(1, 160, 16, 3)
    encode(in_tiles_of(model, 16), picture, progress=lambda done, _: seen.append(done))
    assert len(seen) >= 8
    assert seen[-1] == cells(picture.shape[1:3]) == 40


def test_cancel_takes_effect_within_a_picture(model: Model) -> None:
    def cancel(done: int, total: int) -> None:
        assert done < total
        raise InterruptedError

    tiled, picture = in_tiles_of(model, 16), torch.rand(1, 160, 16, 3)
    features = encode(model, picture)
    for call in (
        lambda: encode(tiled, picture, progress=cancel),
        lambda: style_of(tiled, picture, progress=cancel),
        lambda: decode(tiled, features, progress=cancel),
    ):
        with pytest.raises(InterruptedError):
            call()


@pytest.mark.parametrize("size", [0, 200])
def test_tiles_are_halved_until_memory_suffices(
    model: Model, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A machine on which bands of more than 20 rows fail, in the middle of the picture."""
    tried: list[int] = []

    def failing(height: int, rows: int) -> object:
        tried.append(rows)
        for number, tile in enumerate(bands(height, rows)):
            if rows > (20 if height > 20 else 2) and number == 1:
                raise torch.cuda.OutOfMemoryError("out of memory")
            yield tile

    monkeypatch.setattr(Host, "free_memory", lambda *_: None)
    monkeypatch.setattr(engine, "automatic_rows", lambda *_, **__: 80)
    picture = torch.rand(1, 160, 16, 3)
    features = encode(model, picture)
    expected = decode(model, features)
    monkeypatch.setattr(engine, "bands", failing)
    seen: list[tuple[int, int]] = []
    chosen = in_tiles_of(model, size and 80)
    result = encode(chosen, picture, progress=lambda *report: seen.append(report))
    torch.testing.assert_close(result.values, features.values)
    assert tried == [80, 40, 16]
    assert seen[-1] == (40, 40)
    tried.clear()
    torch.testing.assert_close(decode(chosen, features), expected)
    assert tried == [10, 5, 2]


def test_other_errors_and_the_smallest_tile_end_it(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = torch.rand(1, 16, 16, 3)
    for error, attempts in ((MemoryError(), 2), (ValueError(), 1)):
        tried = 0

        def failing(*_: object, error: Exception = error) -> object:
            nonlocal tried
            tried += 1
            raise error

        monkeypatch.setattr(engine, "bands", failing)
        with pytest.raises(type(error)):
            encode(in_tiles_of(model, 16), picture)
        assert tried == attempts


def test_little_memory_gives_small_tiles(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    heights: list[int] = []

    def noted(height: int, rows: int) -> object:
        heights.append(rows)
        return bands(height, rows)

    monkeypatch.setattr(engine, "bands", noted)
    picture = torch.rand(1, 300, 16, 3)
    for free in (1 << 40, 1 << 20):
        monkeypatch.setattr(Host, "free_memory", lambda *_, free=free: free)
        encode(model, picture)
    assert heights == [304, 24]


def test_a_counter_adds_up() -> None:
    seen: list[tuple[int, int]] = []
    report: Callable[[int], None] = counter(lambda *both: seen.append(both), 10)
    for more in (3, -3, 7):
        report(more)
    assert seen == [(3, 10), (0, 10), (7, 10)]
    counter(None, 10)(3)


@pytest.mark.parametrize("alpha", [False, True])
def test_features_split_and_stack_to_themselves(alpha: bool) -> None:
    features = Features(
        torch.randn(3, 4, 2, 3), (16, 24), torch.rand(3, 16, 24, 1) if alpha else None, ONE
    )
    assert len(features) == 3
    parts = [features[i] for i in range(3)]
    assert [len(part) for part in parts] == [1, 1, 1]
    again = stacked(iter(parts), 3)
    assert torch.equal(again.values, features.values)
    assert (again.size, again.encoder) == (features.size, features.encoder)
    if features.alpha is None:
        assert again.alpha is None
    else:
        assert again.alpha is not None
        assert torch.equal(again.alpha, features.alpha)


def test_pictures_come_together_without_being_kept() -> None:
    made: list[weakref.ref[Tensor]] = []
    alive: list[int] = []

    def pictures() -> Iterator[Tensor]:
        for value in range(9):
            picture = torch.full((2, 3, 4), float(value))
            made.append(weakref.ref(picture))
            alive.append(sum(reference() is not None for reference in made))
            yield picture

    batch = collected(pictures(), 9)
    assert batch[:, 0, 0, 0].tolist() == list(range(9))
    # The first, the one before and the one that is being made.
    assert max(alive) <= 3


def test_a_single_picture_is_not_copied() -> None:
    picture = torch.rand(2, 3, 4)
    assert collected(iter([picture]), 1).data_ptr() == picture.data_ptr()

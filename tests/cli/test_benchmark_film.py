"""What the benchmark of films measures; how long anything takes is not tested."""

from __future__ import annotations

import pytest

from adain_nodes.cli import benchmark_film
from adain_nodes.cli.benchmark_film import measure_film
from adain_nodes.models.model import Model

pytest.importorskip("av")
pytest.importorskip("cv2")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_film, "FRAME", (18, 32))
    monkeypatch.setattr(benchmark_film, "SETTLED", 3)


def test_a_film_is_watched_from_where_it_should_be_settled(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([100, 140, 200, 300])
    monkeypatch.setattr(benchmark_film, "process_memory", lambda _: next(readings))
    film = measure_film(model, 5, 2)
    assert (film["frames"], film["memory_growth"]) == (5, 40)
    assert measure_film(model, 2, 1)["memory_growth"] is None


def test_the_ratio_is_that_of_the_times(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    networks, whole = iter([9.0, 2.0, 4.0, 5.0]), iter([(3.0, None), (5.0, None), (5.0, None)])
    monkeypatch.setattr(benchmark_film, "_networks", lambda *_: next(networks))
    monkeypatch.setattr(benchmark_film, "_from_file_to_file", lambda *_: next(whole))
    assert measure_film(model, 10, 3) == {
        "frames": 10,
        "frames_per_second": 3.333,
        "networks_per_second": 5,
        "ratio": 1.25,
        "memory_growth": None,
    }

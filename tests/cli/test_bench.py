"""`adain-nodes bench`, on tiny networks and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adain_nodes.cli import benchmark, benchmark_film, benchmark_refine, main
from adain_nodes.cli.bench import HEADER, cells, film_line, row
from adain_nodes.cli.benchmark import PLAIN, Setting, Timing

KEYS = {
    "size", "method", "precision", "seconds", "fastest", "slowest", "first", "ratio", "flops",
    "peak_fraction", "folded_peak_fraction", "memory",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_film, "FRAME", (18, 32))
    monkeypatch.setattr(benchmark, "peak_flops", lambda *_: 1e9)
    monkeypatch.setattr(benchmark, "memory_in_a_fresh_process", lambda _: 3 << 20)


def timing(*seconds: float) -> Timing:
    return Timing(Setting("m", "cpu", "auto", PLAIN, 64), 600, 400, 9.0, list(seconds))


def test_a_row_relates_to_plain_networks_and_to_the_peak() -> None:
    entry = row(timing(2.0, 1.0, 4.0), plain=8.0, peak=1000.0, memory=None)
    assert entry.keys() == KEYS
    assert (entry["seconds"], entry["fastest"], entry["slowest"], entry["first"]) == (2, 1, 4, 9)
    assert entry["ratio"] == 4
    assert (entry["peak_fraction"], entry["folded_peak_fraction"]) == (0.3, 0.2)
    assert entry["memory"] is None


@pytest.mark.parametrize(("memory", "text"), [(None, "unknown"), (5 << 20, "5 MiB")])
def test_a_row_as_cells(memory: int | None, text: str) -> None:
    assert cells(row(timing(2.0), 8.0, 1000.0, memory)) == [
        "64", "plain", "auto", "2.000", "2.000", "2.000", "9.000", "4.00", "30%", "20%", text,
    ]  # fmt: skip


def test_a_film_in_words() -> None:
    film = {
        "frames": 3, "frames_per_second": 0.5, "networks_per_second": 0.6, "ratio": 1.2,
        "memory_growth": 1 << 20,
    }  # fmt: skip
    line = film_line(film)
    assert "0.50 frames a second, 1.20 times as long as the networks alone (0.60)" in line
    assert line.endswith("memory after frame 30: +1.0 MiB")
    assert film_line({**film, "memory_growth": None}).endswith("unknown")


def test_refinement(
    tiny_model_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_refine, "measure_memory", lambda *_: 5 << 20)
    options = ["--refine", "--sizes", "16,24", "--rounds", "2", "--device", "cpu"]
    assert main(["bench", "--model", str(tiny_model_folder), *options, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "rows" not in report
    assert report["refine"]["error"] < 1e-4
    assert [entry["size"] for entry in report["refine"]["rows"]] == [16, 24]
    for entry in report["refine"]["rows"]:
        assert entry.keys() == {"size", "encoding", "step", "ratio", "memory"}
        assert min(entry["encoding"], entry["step"], entry["ratio"]) > 0
    assert main(["bench", "--model", str(tiny_model_folder), *options]) == 0
    text = capsys.readouterr().out
    assert "largest relative difference" in text
    assert "24 px: an encoding" in text and text.count("memory 5 MiB") == 2


def test_json(tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--sizes", "16,24", "--rounds", "2", "--frames", "3", "--device", "cpu", "--json"]
    assert main(["bench", "--model", str(tiny_model_folder), *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report.keys() == {
        "date", "device", "processor", "threads", "torch", "model", "auto", "peak_flops", "rows",
        "film",
    }  # fmt: skip
    assert report["processor"]
    assert report["peak_flops"].keys() == {"fp32", report["auto"]}
    assert all(entry.keys() == KEYS for entry in report["rows"])
    assert [entry["size"] for entry in report["rows"]] == sorted(
        [16, 24] * (len(report["rows"]) // 2)
    )
    firsts = [entry for entry in report["rows"] if entry["method"] == PLAIN]
    assert [entry["ratio"] for entry in firsts] == [1, 1]
    assert report["rows"][0]["memory"] == 3 << 20
    assert report["film"]["frames"] == 3


def test_text(tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--sizes", "16,24", "--rounds", "1", "--device", "cpu"]
    assert main(["bench", "--model", str(tiny_model_folder), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "TFLOP/s" in lines[1]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    assert [cell[0] for cell in rows].count("size") == 2
    assert rows[0] == list(HEADER)
    assert [cell[1] for cell in rows].count("plain") == 2
    assert rows[-1][:2] == ["24", "style cached"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("--sizes", "0"), ("--sizes", "64,x"), ("--sizes", ""), ("--rounds", "0"), ("--frames", "1")],
)
def test_bad_numbers_are_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", option, value]) == 2
    assert option in capsys.readouterr().err

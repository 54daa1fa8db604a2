from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from adain_nodes.files.pictures import read_picture
from adain_nodes.training.plots import plot_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Of a run whose first steps reconstruct."""
    lines: list[dict[str, float]] = [{"step": 20, "loss": 1.0, "reconstruction": 1.0}]
    lines += [{"step": 20 * n, "loss": 3.0 / n, "range": 0.0} for n in range(2, 9)]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_log_becomes_a_picture(log: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    output = tmp_path / "plot.png"
    plot_log(log, output)
    picture = read_picture(output)
    assert min(picture.shape[1:3]) > 100
    assert picture.std() > 0.01
    assert {path.name for path in tmp_path.iterdir()} == {"log.jsonl", "plot.png"}


@pytest.mark.parametrize("exists", [False, True])
def test_an_empty_log_gives_no_plot(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "log.jsonl").touch()
    plot_log(tmp_path / "log.jsonl", tmp_path / "plot.png")
    assert not (tmp_path / "plot.png").exists()


@pytest.mark.usefixtures("without_matplotlib")
def test_without_matplotlib_one_line_says_so(
    log: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            plot_log(log, tmp_path / "plot.png")
    assert len(caplog.records) == 1
    assert "matplotlib" in caplog.text
    assert not (tmp_path / "plot.png").exists()

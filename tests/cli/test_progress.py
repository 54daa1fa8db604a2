"""Progress on a terminal and without one."""

from __future__ import annotations

import io
import sys

import pytest

from adain_nodes.cli.progress import StepProgress, terminal_progress

LINES = (
    {"step": 2, "loss": 1.5, "style": 0.123456, "learning_rate": 0.1, "pictures_per_second": 7.25},
    {"step": 4, "loss": 0.5, "gradient_norm": 3.0, "pictures_per_second": 12.0},
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_every_line_of_the_log_is_printed_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = StepProgress(5, 0)
    for step, latest in enumerate(({}, LINES[0], LINES[0], LINES[1], LINES[1]), 1):
        progress.update(step, latest)
    progress.close()
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "2/5  7.25 pictures/s  loss 1.5  style 0.123",
        "4/5  12 pictures/s  loss 0.5",
    ]
    assert captured.err == ""


def test_a_terminal_shows_a_bar_with_the_latest_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = StepProgress(5, 3)
    progress.update(4, LINES[0])
    progress.update(5, LINES[1])
    progress.close()
    shown = terminal.getvalue().split("\r")
    assert "60%" in shown[1] and "3/5" in shown[1]
    assert "100%" in shown[-1] and "5/5" in shown[-1] and "12 pictures/s  loss 0.5" in shown[-1]
    assert capsys.readouterr().out == ""


def test_work_with_a_label_has_its_bar_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with terminal_progress(1):
        assert terminal.getvalue() == ""
    with terminal_progress(1, "6 pairs at 16 px"):
        assert "6 pairs at 16 px:   0%" in terminal.getvalue()


def test_a_note_stands_behind_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with terminal_progress(2) as progress:
        assert progress is not None
        progress(3, 4)
        progress.note("frame 3 of 4, 1.5 frames/s")
        progress(4, 4)
    assert "left, frame 3 of 4, 1.5 frames/s" in terminal.getvalue()
    with monkeypatch.context() as patch:
        patch.setattr(terminal, "isatty", lambda: False)
        with terminal_progress(1) as absent:
            assert absent is None

"""What every subcommand has in common."""

from __future__ import annotations

import argparse

import pytest
import torch

from adain_nodes.cli import grid, main

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't allocate memory: 4 TB")])
def test_memory_that_does_not_suffice_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def run(_options: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(grid, "run", run)
    assert main(["grid", "--content", "a.png", "--style", "b.png", "-o", "c.png"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("adain-nodes: error: not enough memory: ")


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_options: argparse.Namespace) -> None:
        torch.zeros(2) @ torch.zeros(3)

    monkeypatch.setattr(grid, "run", run)
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        main(["grid", "--content", "a.png", "--style", "b.png", "-o", "c.png"])

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.training.run_log import RunLog, read_log


def test_a_line_averages_what_its_steps_have(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl", batch=4)
    log.add({"loss": 9.0})
    log.add({"loss": 1.0, "style": 2.0})
    log.add({"loss": 2.0, "style": 4.0})
    log.write(3)
    log.add({"loss": 5.0})
    log.write(4)
    first, second = read_log(log.path)
    assert first.pop("pictures_per_second") > 0
    assert first == {"step": 3, "loss": 4.0, "style": 3.0}
    assert (second["step"], second["loss"]) == (4, 5.0)
    assert log.last == second


def test_resuming_drops_lines_of_later_steps_and_torn_ones(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"step": step}) + "\n" for step in (1, 2, 3)) + '{"st')
    assert [line["step"] for line in read_log(path)] == [1, 2, 3]
    RunLog(path, batch=1).resume(2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


@pytest.mark.parametrize("step", [0, 5])
def test_a_run_without_a_log_starts_one(tmp_path: Path, step: int) -> None:
    log = RunLog(tmp_path / "log.jsonl", batch=1)
    log.resume(step)
    assert log.last == {}
    assert not log.path.exists()


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", "3", '{"step": "2"}', '{"step": 1, "loss": null}']
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"step": 1}}\n{line}\n{{"step": 3}}\n')
    with pytest.raises(InputError, match=r"log\.jsonl is damaged: line 2"):
        RunLog(path, batch=1).resume(3)

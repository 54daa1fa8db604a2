"""A run that is killed in the middle ends as one that is not, bit for bit.

Run as a script, this file is a process that trains and tells of every step.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import adain_nodes
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.models.weights.tensors import read_tensors
from adain_nodes.training import trainer as trainer_module
from adain_nodes.training.checkpoint import NAME
from adain_nodes.training.data import RandomCrops, find_pictures
from adain_nodes.training.options import TrainingOptions
from adain_nodes.training.trainer import Trainer

ROOT = Path(adain_nodes.__path__[0]).parent
ENCODER = "encoder.safetensors"
INTERVAL = 5
SURVIVED = 12
"""Steps that the killed process lives to tell of: two checkpoints and some more."""
MORE = 8
"""Steps after the last checkpoint of the killed process at which both runs end."""


def train(folder: Path, name: str, steps: int) -> None:
    options = TrainingOptions(
        steps=steps,
        batch=2,
        crop=16,
        schedule="constant",  # of all of them, it alone does not depend on where the run ends
        reconstruction_steps=8,
        photographs_as_styles=0.2,
    )
    contents, styles = (
        RandomCrops(find_pictures(folder / "pictures" / kind), size=16, seed=(0, index))
        for index, kind in enumerate(("content", "style"))
    )
    encoder = Encoder.from_tensors(load_file(folder / ENCODER))
    trainer = Trainer(encoder, contents, styles, options, folder / name)
    for _ in trainer.run():
        print("done", trainer.step, flush=True)


def run_script(folder: Path, name: str, steps: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, __file__, str(folder), name, str(steps)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_run_goes_on_from_its_checkpoint_and_ends_the_same(
    tmp_path: Path, encoder: Encoder, pictures: Path
) -> None:
    save_file(encoder.state_dict(), tmp_path / ENCODER)
    assert pictures == tmp_path / "pictures"
    with ExitStack() as processes:

        def start(name: str, steps: int) -> subprocess.Popen[str]:
            process = processes.enter_context(run_script(tmp_path, name, steps))
            processes.callback(process.kill)
            return process

        killed = start("killed", 1_000_000)
        assert killed.stdout is not None
        assert f"done {SURVIVED}\n" in killed.stdout
        killed.kill()
        assert killed.wait(timeout=300) == -signal.SIGKILL
        step = int(read_tensors(tmp_path / "killed" / NAME)[1]["step"])
        assert step > SURVIVED - INTERVAL
        assert step % INTERVAL == 0
        runs = [start(name, step + MORE) for name in ("straight", "killed")]
        outputs = [run.communicate(timeout=300)[0].splitlines() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    for output, first in zip(outputs, (0, step), strict=True):
        assert output == [f"done {n}" for n in range(first + 1, step + MORE + 1)]

    ends = [load_file(tmp_path / name / NAME) for name in ("straight", "killed")]
    assert ends[0].keys() == ends[1].keys()
    assert any(name.startswith("ema.") for name in ends[0])
    for name, tensor in ends[0].items():
        assert torch.equal(ends[1][name], tensor), name
    assert not list(tmp_path.glob("*/.*.partial"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    trainer_module.WARMUP_STEPS = 1
    trainer_module.CHECKPOINT_INTERVAL = INTERVAL
    trainer_module.LOG_INTERVAL = INTERVAL
    train(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

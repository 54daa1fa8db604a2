"""Run as a script, this file is one of the processes that its test compares with a single one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import adain_nodes
from adain_nodes.cli import main
from adain_nodes.host import processes
from adain_nodes.host.errors import InputError
from adain_nodes.host.processes import World, joined_world, local_device
from adain_nodes.models.networks.vgg import Encoder
from adain_nodes.training import trainer as trainer_module
from adain_nodes.training.data import RandomCrops, find_pictures
from adain_nodes.training.options import TrainingOptions
from adain_nodes.training.trainer import Trainer

ROOT = Path(adain_nodes.__path__[0]).parent
ENCODER, OTHER_ENCODER = "encoder.safetensors", "other.safetensors"
RATE = 1e-2
BATCHES = [4, 6]


def train(folder: Path, name: str, world: World) -> None:
    """Two steps, one of each phase, of every batch size; what they end with goes to files."""
    for batch in BATCHES:
        options = TrainingOptions(
            steps=2,
            batch=batch,
            crop=16,
            reconstruction_steps=1,
            learning_rate=RATE,
            balanced=False,
            photographs_as_styles=0,
        )
        contents, styles = (
            RandomCrops(find_pictures(folder / "pictures" / kind), size=16, seed=(0, index))
            for index, kind in enumerate(("content", "style"))
        )
        encoder = Encoder.from_tensors(load_file(folder / ENCODER))
        run = folder / f"{name}-{batch}"
        trainer = Trainer(encoder, contents, styles, options, run, world=world)
        steps = list(trainer.run())
        results = {key: p.detach().contiguous() for key, p in trainer.decoder.named_parameters()}
        results |= {f"ema.{key}": p.contiguous() for key, p in trainer.result.state_dict().items()}
        results["union"] = torch.tensor(sorted(map(int, world.union([str(world.rank)]))))
        first = torch.full((1,), float(world.rank))
        world.broadcast(first)
        results["broadcast"] = first
        for key in ("gradient_norm", "loss"):
            results[key] = torch.tensor([step[key] for step in steps])
        save_file(results, folder / f"{name}-{batch}-{world.rank}.safetensors")


def resume_apart(folder: Path, world: World) -> None:
    """As on hosts that share no disk: only the first process finds the checkpoint of a run."""
    options = TrainingOptions(steps=3, batch=2, crop=16)
    crops = RandomCrops(find_pictures(folder / "pictures" / "content"), size=16, seed=0)
    encoder = Encoder.from_tensors(load_file(folder / ENCODER))
    run = folder / (f"two-{BATCHES[0]}" if world.is_main else "elsewhere")
    with pytest.raises(InputError) as caught:
        Trainer(encoder, crops, crops, options, run, world=world)
    (folder / f"apart-{world.rank}.txt").write_text(str(caught.value))


def run_command(folder: Path, name: str, world: World) -> None:
    """A step of `adain-nodes train`, to which each process but the first gives another encoder."""
    pictures = folder / "pictures"
    inputs = ["--content", str(pictures / "content"), "--style", str(pictures / "style")]
    inputs += ["--encoder", str(folder / (ENCODER if world.is_main else OTHER_ENCODER))]
    settings = ["--steps", "1", "--batch", "4", "--crop", "16", "--reconstruction-steps", "0"]
    settings += ["--preview-interval", "0", "--device", "cpu"]
    with mock.patch.object(processes, "joined_world", lambda: nullcontext(world)):
        assert main(["train", *inputs, *settings, "--output", str(folder / f"command-{name}")]) == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distributed")


@pytest.fixture
def trained(
    results: Path, encoder: Encoder, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Folder with the results of two processes, and of one on the joint batches."""
    if (results / ENCODER).exists():
        return results
    save_file(encoder.state_dict(), results / ENCODER)
    other = {name: tensor * 1.5 for name, tensor in encoder.state_dict().items()}
    save_file(other, results / OTHER_ENCODER)
    (results / "pictures").symlink_to(pictures)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "TORCHELASTIC_RUN_ID": "test",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": "2",
    }
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(results)], env={**environment, "RANK": str(rank)}
        )
        for rank in range(2)
    ]
    monkeypatch.setattr(trainer_module, "WARMUP_STEPS", 1)
    try:
        train(results, "one", World())
        run_command(results, "one", World())
        assert [process.wait(timeout=300) for process in started] == [0, 0]
    finally:
        for process in started:
            process.kill()
            process.wait()
    return results


def read(folder: Path, name: str, batch: int, rank: int) -> dict[str, Tensor]:
    return load_file(folder / f"{name}-{batch}-{rank}.safetensors")


@pytest.mark.parametrize("batch", BATCHES)
def test_two_processes_train_as_one_on_the_joint_batch(trained: Path, batch: int) -> None:
    one, two = read(trained, "one", batch, 0), read(trained, "two", batch, 0)
    for key in ("gradient_norm", "loss"):
        torch.testing.assert_close(two.pop(key), one.pop(key), rtol=1e-4, atol=0)
    assert two.pop("union").tolist() == [0, 1]
    assert two.pop("broadcast").tolist() == [0]
    for key, parameter in two.items():
        # Adam moves every weight by about the rate, whatever the size of its gradient.
        torch.testing.assert_close(parameter, one[key], rtol=0, atol=0.02 * RATE)


@pytest.mark.parametrize("batch", BATCHES)
def test_all_processes_end_with_the_same_weights(trained: Path, batch: int) -> None:
    first, second = read(trained, "two", batch, 0), read(trained, "two", batch, 1)
    assert first.keys() == second.keys()
    for key, values in first.items():
        assert torch.equal(second[key], values), key


@pytest.mark.parametrize("batch", BATCHES)
def test_only_the_first_process_writes_the_log(trained: Path, batch: int) -> None:
    assert len((trained / f"two-{batch}" / "log.jsonl").read_text().splitlines()) == 1


def test_the_command_trains_with_the_encoder_of_the_first_process(trained: Path) -> None:
    one, two = (
        json.loads((trained / f"command-{name}" / "log.jsonl").read_text())
        for name in ("one", "two")
    )
    for key in ("content", "style", "gradient_norm"):
        assert two[key] == pytest.approx(one[key], rel=1e-3)


@pytest.mark.parametrize("rank", range(2))
def test_processes_that_find_different_checkpoints_say_so(trained: Path, rank: int) -> None:
    message = (trained / f"apart-{rank}.txt").read_text()
    assert "from steps 0 and 2" in message


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="lists threads as Linux does")
@pytest.mark.parametrize("rank", range(2))
def test_threads_of_the_group_end_before_the_process(trained: Path, rank: int) -> None:
    names = (trained / f"threads-{rank}.txt").read_text().split()
    assert names
    assert not [name for name in names if "gloo" in name]


def test_one_process_is_its_own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with joined_world() as world:
        assert (world.rank, world.size, world.is_main) == (0, 1, True)
        values = torch.tensor([1.0, 2.0])
        assert world.mean(values).tolist() == [1, 2]
        world.broadcast(values)
        assert values.tolist() == [1, 2]
        assert world.union(["a", "b", "a"]) == {"a", "b"}


def test_processes_of_a_host_take_a_gpu_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert local_device(torch.device("cuda")) == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert local_device(torch.device("cuda")) == torch.device("cuda:1")
    assert local_device(torch.device("cuda:0")) == torch.device("cuda:0")
    assert local_device(torch.device("cpu")) == torch.device("cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    trainer_module.WARMUP_STEPS = 1
    with joined_world() as joined:
        train(Path(sys.argv[1]), "two", joined)
        resume_apart(Path(sys.argv[1]), joined)
        run_command(Path(sys.argv[1]), "two", joined)
        report = Path(sys.argv[1]) / f"threads-{joined.rank}.txt"
    threads = [name.read_text() for name in Path("/proc/self/task").glob("*/comm")]
    report.write_text("".join(threads))

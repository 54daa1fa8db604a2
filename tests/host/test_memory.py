"""How much memory is free, read off files as Linux writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adain_nodes.host import memory
from adain_nodes.host.memory import free_memory, is_out_of_memory

CPU = torch.device("cpu")
MEMINFO = "MemTotal:       24000000 kB\nMemFree:  1 kB\nMemAvailable:   1000 kB\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 1000 KiB available, and a process in no group."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    write(tmp_path / "proc" / "meminfo", MEMINFO)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_it_is_what_linux_calls_available(machine: Path) -> None:
    assert free_memory(CPU) == 1000 << 10
    write(machine / "proc" / "self" / "cgroup", "0::/\n")
    assert free_memory(CPU) == 1000 << 10


@pytest.mark.parametrize("where", ["inner/most", "inner", ""])
def test_a_group_and_those_around_it_limit_it(machine: Path, where: str) -> None:
    write(machine / "proc" / "self" / "cgroup", "0::/inner/most\n")
    write(machine / "cgroup" / "inner" / "most" / "memory.max", "max\n")
    write(machine / "cgroup" / where / "memory.max", "5000\n")
    write(machine / "cgroup" / where / "memory.current", "2000\n")
    assert free_memory(CPU) == 3000


def test_groups_of_the_first_version_limit_it(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "7:cpu,cpuacct:/a\n4:memory:/a\n0::/\n")
    write(machine / "cgroup" / "memory" / "a" / "memory.limit_in_bytes", "700\n")
    write(machine / "cgroup" / "memory" / "a" / "memory.usage_in_bytes", "800\n")
    assert free_memory(CPU) == 0


def test_a_wide_group_does_not_add_memory(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "0::/\n")
    write(machine / "cgroup" / "memory.max", str(1 << 62))
    write(machine / "cgroup" / "memory.current", "0")
    assert free_memory(CPU) == 1000 << 10


def test_nobody_knows_on_other_machines(machine: Path) -> None:
    (machine / "proc" / "meminfo").unlink()
    assert free_memory(CPU) is None
    assert free_memory(torch.device("meta")) is None


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    ],
)
def test_errors_of_memory_are_known(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_what_really_happens_is_such_an_error() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), ValueError("out of memory")])
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_out_of_memory(error)

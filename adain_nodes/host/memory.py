"""How much memory is free, and which errors say that it was not enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be allocated on a device; None if nobody knows.

    On CPUs the least of what Linux calls available and what the control groups of the process,
    those of its container, leave.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type == "cpu":
        return min([*_available(), *_left_by_control_groups()], default=None)
    return None


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory could not be allocated."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    texts = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, RuntimeError) and any(text in str(error) for text in texts)


def _available() -> Iterator[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in (PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) << 10


def _left_by_control_groups() -> Iterator[int]:
    """What each group that the process is in, and each group around it, may still take."""
    lines: list[str] = []
    with suppress(OSError):
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            folder, limit, usage = CGROUPS, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            folder, limit = CGROUPS / "memory", "memory.limit_in_bytes"
            usage = "memory.usage_in_bytes"
        else:
            continue
        group = Path(path.lstrip("/"))
        # In a container the path may be that outside, and the group mounted as the root.
        for inner in (group, *group.parents):
            with suppress(OSError, ValueError):  # "max" is no limit
                most = int((folder / inner / limit).read_text())
                yield max(0, most - int((folder / inner / usage).read_text()))

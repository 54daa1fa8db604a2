"""One process, or several under torchrun: who am I, and who writes the files."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed

# Imported late, as DistributedDataParallel does, it keeps the group for good (default arguments).
import torch.distributed.nn


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int = 0
    """0..size-1; rank 0 writes logs and checkpoints."""

    size: int = 1
    """Number of processes."""

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean of a tensor over all processes."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
            values /= self.size
        return values

    def broadcast(self, values: torch.Tensor) -> None:
        """Overwrites a contiguous tensor with what rank 0 has."""
        if self.size > 1:
            torch.distributed.broadcast(values, 0)

    def union(self, names: Iterable[str]) -> set[str]:
        """What any of the processes has."""
        own = set(names)
        if self.size == 1:
            return own
        everyone: list[set[str]] = [own] * self.size
        torch.distributed.all_gather_object(everyone, own)
        return set().union(*everyone)


@contextmanager
def joined_world() -> Iterator[World]:
    """Joins the other processes if torchrun started this one, and leaves them at the end.

    A `Trainer` must be out of scope by then, or its process may abort when it ends.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield World()
        return
    torch.distributed.init_process_group()
    try:
        yield World(torch.distributed.get_rank(), torch.distributed.get_world_size())
    finally:
        # Gloo's threads end when nothing refers to the group any more, and modules refer to it in
        # cycles. A thread that drops its last tensor while the interpreter ends aborts the process.
        gc.collect()
        torch.distributed.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """The device of this process: of several GPUs on a host, torchrun's processes take one each.

    Args:
        device: as chosen for all of them; a GPU with an index is taken as it is.
    """
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device

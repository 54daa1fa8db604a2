"""One process, or several under torchrun: who am I, and who writes the files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed


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


@contextmanager
def joined_world() -> Iterator[World]:
    """Joins the other processes if torchrun started this one, and leaves them at the end."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield World()
        return
    torch.distributed.init_process_group()
    try:
        yield World(torch.distributed.get_rank(), torch.distributed.get_world_size())
    finally:
        torch.distributed.destroy_process_group()

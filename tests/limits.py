"""Disks with little room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def files_limited(size: int) -> Iterator[None]:
    """No file can grow beyond a number of bytes, in this process and those that it starts: writing
    fails as on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows knows no such limit")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """An empty folder becomes a disk of so many bytes, rounded up to pages; where root may."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        process = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"there is no mount here: {error}")
    if process.returncode:
        pytest.skip(f"no disk can be mounted here: {process.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)

"""Which host this process runs in: a running ComfyUI, or none."""

from __future__ import annotations

import sys
from functools import cache

from .plain import Host


@cache
def current() -> Host:
    """The host that this process runs in.

    ComfyUI imports its own modules before any pack, so that they are there tells it apart.
    """
    if "comfy.model_management" not in sys.modules:
        return Host()
    from .comfy import ComfyHost  # noqa: PLC0415  there is no ComfyUI to import elsewhere

    return ComfyHost()

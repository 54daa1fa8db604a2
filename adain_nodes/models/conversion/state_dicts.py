"""Weights files as people have them: tensors by name, however a training script has wrapped them.

Names may carry what modules they were in, such as `module.` of DataParallel, and lie in a
dictionary beside optimisers and step counts, such as `{"state_dict": ...}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...host.errors import InputError
from ..weights.tensors import check_values, is_pytorch, nature

_NAME = re.compile(r"(?:(.+?)\.)??((?:features\.)?\d+\.(?:weight|bias)|conv\d_\d\.(?:weight|bias))")

_CLASSIFIERS = ("classifier", "head")
"""What a trunk has behind its convolutions: nine tenths of its file, and of no use."""

_SLICE = re.compile(r"(?:(.+)\.)?enc_([1-4])")
_SLICE_STARTS = {"1": 0, "2": 4, "3": 11, "4": 18}
"""Where the four parts begin that pytorch-AdaIN cuts its encoder into."""


def read_state_dicts(path: Path) -> list[dict[str, Tensor]]:
    """The networks in a safetensors or PyTorch file, each as its convolutions by name, in fp32;
    those of a decoder first.

    Raises:
        InputError: the file is not one of these, or see `weights.tensors.check_values`.
    """
    networks: dict[str, dict[str, Tensor]] = {}
    for full_name, tensor in _tensors(path):
        match = _NAME.fullmatch(full_name)
        if match is None or not _of_interest(full_name):
            continue
        prefix, name = match[1] or "", match[2]
        part = _SLICE.fullmatch(prefix)
        if part is not None:
            index, _, kind = name.partition(".")
            prefix, name = f"{part[1] or ''}.enc", f"{int(index) + _SLICE_STARTS[part[2]]}.{kind}"
        networks.setdefault(prefix, {})[name] = check_values(path, full_name, tensor).float()
    return [networks[prefix] for prefix in sorted(networks, key=lambda p: "dec" not in p.lower())]


def _of_interest(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.startswith(_CLASSIFIERS)


def _tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            wanted = [name for name in file.keys() if _of_interest(name)]  # noqa: SIM118
            yield from ((name, file.get_tensor(name)) for name in wanted)
            return
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    except SafetensorError:
        pass
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    # Unpickling anything but tensors raises all kinds of exceptions.
    except Exception as error:
        reason = "is neither safetensors nor a PyTorch file of nothing but tensors"
        if is_pytorch(path):
            reason = (
                "is a PyTorch file that is damaged or holds more than tensors: download it again, "
                "or save its state_dict() alone by torch.save"
            )
        elif (known := nature(path)) is not None:
            reason = known
        raise InputError(f"{path} {reason}") from error
    if not isinstance(state, Mapping):
        raise InputError(f"{path} holds a {type(state).__name__}, tensors by name are expected")
    yield from _flat(state)


def _flat(state: Mapping[object, object], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in state.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")

"""Style files in a host's style folders, which go by name: paths below their folder, with / between
the parts on every system."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from ..host.errors import InputError
from .folders import names_below
from .styles import STYLE_SUFFIX

_FORBIDDEN = frozenset('\\:*?"<>|')  # in names, by one file system or another
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)  # by Windows, whatever their suffix
_LISTED = 10  # names in a message


def list_styles(folders: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Names of the style files in folders and their subfolders: sorted, those of the first folder
    first.

    Args:
        folders: those that do not exist count as empty.
    """
    names = (sorted(names_below(folder, [STYLE_SUFFIX]), key=str.casefold) for folder in folders)
    return list(dict.fromkeys(chain(*names)))


def find_style(name: str, folders: Sequence[str | os.PathLike[str]]) -> Path:
    """The file of a style by its name, which is looked up among those listed and never joined to a
    path: no name leads out of the folders.

    Args:
        name: as `list_styles` gives it.
        folders: where to look, in this order.

    Raises:
        InputError: there is none with this name; the message lists what there is.
    """
    for folder in folders:
        if name in names_below(folder, [STYLE_SUFFIX]):
            return Path(folder, name)
    known = list_styles(folders)
    searched = ", ".join(map(str, folders)) or "no folder (none is known here)"
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    there = f"there are {', '.join(known[:_LISTED])}{more}" if known else "there are none yet"
    raise InputError(f"there is no style {name!r} in {searched}; {there}")


def new_style_path(prefix: str, folders: Sequence[str | os.PathLike[str]]) -> Path:
    """A new file in the first folder: PREFIX_00001_.safetensors and so on, as ComfyUI numbers
    pictures. The number is new in every folder, so that `find_style` finds it.

    Args:
        prefix: name without number and suffix; it may name subfolders.
        folders: the host's style folders.

    Raises:
        InputError: there is no folder, or the name would lead out of it or is not one that every
            file system takes.
    """
    if not folders:
        raise InputError("there is no folder for styles here; save_style takes the path of a file")
    _check_prefix(prefix)
    pattern = re.compile(rf"{re.escape(prefix)}_(\d+)_{re.escape(STYLE_SUFFIX)}", re.IGNORECASE)
    matches = [pattern.fullmatch(name) for name in list_styles(folders)]
    number = max((int(match[1]) for match in matches if match), default=0) + 1
    return Path(folders[0], f"{prefix}_{number:05}_{STYLE_SUFFIX}")


def _check_prefix(prefix: str) -> None:
    for part in prefix.split("/"):
        if not part:
            problem = "has an empty part"
        elif part.startswith(".") or part.endswith((".", " ")):
            problem = (
                f"has the part {part!r}, which starts with a dot or ends with a dot or a space"
            )
        elif bad := [c for c in part if c in _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cs")]:
            problem = f"has the character {bad[0]!r}"
        elif part.partition(".")[0].rstrip().casefold() in _RESERVED:
            problem = f"has the part {part!r}, which Windows reserves"
        else:
            continue
        raise InputError(
            f"the style name {prefix!r} {problem}: a plain name is expected, or one in subfolders, "
            "such as art/oil"
        )

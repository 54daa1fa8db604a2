"""Styles on the command line: pictures, and style files in their place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..image_files import picture_size
from ..style_files import STYLE_SUFFIX, describe_style


@dataclass(frozen=True)
class StyleInput:
    """One style. Those of a bank are told apart by number."""

    path: Path
    """A picture, or a style file."""

    number: int | None = None
    """Which style of a bank, from 1; None where the file has but one."""

    @property
    def is_picture(self) -> bool:
        """Whether it has to be encoded."""
        return not is_style_file(self.path)

    @property
    def label(self) -> str:
        """For the names of results."""
        return self.path.stem if self.number is None else f"{self.path.stem}-{self.number}"

    def __str__(self) -> str:
        return str(self.path) if self.number is None else f"{self.path} {self.number}"


def style_inputs(paths: Iterable[Path]) -> tuple[StyleInput, ...]:
    """The styles in files, in their order; a bank gives each of its styles.

    Raises:
        InputError: a file is missing, or neither a picture nor a style file.
    """
    styles: list[StyleInput] = []
    for path in paths:
        count = 1
        if is_style_file(path):
            count = describe_style(path).count
        else:
            picture_size(path)
        styles += [StyleInput(path, n) for n in (range(1, count + 1) if count > 1 else (None,))]
    return tuple(styles)


def is_style_file(path: Path) -> bool:
    """Whether a name is that of a style file; anything else is taken for a picture."""
    return path.suffix.lower() == STYLE_SUFFIX

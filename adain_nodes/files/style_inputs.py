"""Where styles come from: pictures, and style files in their place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .pictures import picture_size
from .styles import STYLE_SUFFIX, describe_style


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
    def index(self) -> int:
        """Its place, from 0, in what `load_style` gives of a style file."""
        return (self.number or 1) - 1

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
        if not is_style_file(path):
            picture_size(path)
        styles += styles_in(path)
    return tuple(styles)


def styles_in(path: Path) -> list[StyleInput]:
    """The styles in one file, of which there are several in a bank.

    Raises:
        InputError: a style file is missing or unusable. Pictures are not looked into.
    """
    count = describe_style(path).count if is_style_file(path) else 1
    if count == 1:
        return [StyleInput(path)]
    return [StyleInput(path, number) for number in range(1, count + 1)]


def is_style_file(path: Path) -> bool:
    """Whether a name is that of a style file; anything else is taken for a picture."""
    return path.suffix.lower() == STYLE_SUFFIX

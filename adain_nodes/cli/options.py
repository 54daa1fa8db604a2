"""Options that several subcommands have. Free of torch: `--help` must not wait for it."""

from __future__ import annotations

import argparse
import glob
import os
from pathlib import Path
from typing import Any

from ..files.ready_made import named_style, ready_made_styles
from ..host.errors import InputError
from ..host.options import DEFAULT_MODEL, PRECISIONS


def add_contents(parser: argparse.ArgumentParser, text: str) -> None:
    """Contents, named first or after --content; see `contents_of`.

    Args:
        parser: of the subcommand.
        text: what they are.
    """
    # Behind --style they would be taken for styles; argparse's own usage shows them last.
    parser.usage = "%(prog)s CONTENT [CONTENT ...] --style STYLE [STYLE ...] [options]"
    add_several(parser, "content", text, metavar="CONTENT")
    add_several(parser, "--content", "the same, for when they do not come first", metavar="CONTENT")


def contents_of(options: argparse.Namespace) -> list[Path]:
    """What `add_contents` has read.

    Raises:
        InputError: nothing is named.
    """
    if not options.content:
        raise InputError("no content is given: name contents before --style, or after --content")
    contents: list[Path] = options.content
    return contents


def add_several(
    parser: argparse.ArgumentParser, name: str, text: str, *, metavar: str, required: bool = False
) -> None:
    """An option that takes several files, together or one at a time. Patterns such as *.jpg that
    the shell has left alone, as those of Windows do, are expanded."""
    option = parser.add_argument(name, nargs="+", action=_Files, metavar=metavar, help=text)
    option.required = required


def add_styles(
    parser: argparse.ArgumentParser, name: str, text: str, *, required: bool = False
) -> None:
    """The same for styles, which may also be ready-made ones, by their names."""
    option = parser.add_argument(name, nargs="+", action=_Styles, metavar="STYLE", help=text)
    option.required = required


def add_output(parser: argparse.ArgumentParser, text: str, *, metavar: str = "OUT") -> None:
    """-o and --output; `output_is_folder` is set where it ends in a slash."""
    parser.add_argument("-o", "--output", action=_Output, required=True, metavar=metavar, help=text)


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """--size and --style-size."""
    parser.add_argument(
        "--size", type=int, default=0, metavar="PX",
        help="scale the shorter side of contents to this; 0 keeps their size (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--style-size", type=int, default=512, metavar="PX",
        help="the same for styles: smaller gives finer strokes (default: 512)",
    )  # fmt: skip


def add_model(parser: argparse.ArgumentParser) -> None:
    """--precision, --device and --model, as `load_model` takes them."""
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto",
        help="to compute in; auto is the fastest without visible loss (default: auto)",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:N, mps (default: auto)"
    )
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="NAME|FOLDER",
        help=f"name of a model, or folder with an encoder and a decoder (default: {DEFAULT_MODEL})",
    )  # fmt: skip


class _Files(argparse.Action):
    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        files = list(getattr(namespace, self.dest) or ())
        for value in values:
            # A file may well have brackets in its name.
            found = [] if Path(value).exists() else sorted(glob.glob(value))  # noqa: PTH207
            files += map(Path, found or [value])
        setattr(namespace, self.dest, files)


class _Styles(_Files):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        super().__call__(parser, namespace, values, option)
        styles = [named_style(path) for path in getattr(namespace, self.dest)]
        for path in styles:
            if path.name == str(path) and not path.suffix and not path.exists():
                known = ", ".join(ready_made_styles())
                raise InputError(
                    f"{path} does not exist and is no ready-made style: there are {known}"
                )
        setattr(namespace, self.dest, styles)


class _Output(argparse.Action):
    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        namespace.output = Path(values)
        namespace.output_is_folder = values.endswith(("/", os.sep))

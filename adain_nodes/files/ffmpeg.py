"""PyAV, which the extra `video` installs: FFmpeg for Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..host.errors import InputError, one_line


def av_module() -> Any:
    """PyAV, which is there only where the extra is installed."""
    import av  # noqa: PLC0415

    return av


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A video file for reading."""
    try:
        av = av_module()
    except ImportError as error:
        raise InputError(
            f"{path} is a video, for which PyAV is needed: pip install 'adain-nodes[video]'"
        ) from error
    if not path.is_file():
        raise InputError(f"{path} {'is a folder' if path.exists() else 'does not exist'}")
    try:
        container = av.open(f"file:{path}")  # a name such as 12:30.mp4 is no protocol
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a video: {one_line(error)}") from error
    with container:
        yield container


def first_encoder(names: Iterable[str]) -> str:
    """The first of these encoders that this FFmpeg has."""
    for name in names:
        try:
            av_module().codec.Codec(name, "w")
        except ValueError:  # PyAV's for an unknown codec
            continue
        return name
    raise InputError(f"the FFmpeg in PyAV can encode none of {', '.join(names)}")

"""Writes what `adain-nodes stylize` makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..files.films import PictureSequence, write_film
from ..files.metadata import Metadata, read_metadata
from ..files.pictures import write_picture
from ..host.threads import behind
from .stylize_plan import Job

Note = Callable[[str], None]
"""Told how far a film is, in words."""


@dataclass(frozen=True)
class Result:
    """One file that has been written."""

    content: str
    """Path of the content."""

    styles: list[str]
    """Paths of its style; or of all that are mixed, or have a region each."""

    output: str
    """Path of the file."""

    width: int
    """In px."""

    height: int
    """In px."""

    frames: int
    """In the file; 1 for a picture."""

    seconds: float
    """Spent on it. The first result of a content bears the encoding of the content, and of styles
    that are recoloured to it."""

    def __str__(self) -> str:
        styles = " + ".join(Path(style).name for style in self.styles)
        frames = f", {self.frames} frames" if self.frames > 1 else ""
        return (
            f"{self.output}: {Path(self.content).name} in the style of {styles}, "
            f"{self.width}x{self.height} px, {self.seconds:.1f} s{frames}"
        )


def write_pictures(
    film: PictureSequence,
    jobs: Sequence[Job],
    frames: Iterator[list[Tensor]],
    started: float,
    *,
    keep_metadata: bool,
) -> Iterator[Result]:
    """Writes the frames of a sequence, each in the look of every job, from what was started at a
    time of `time.perf_counter`."""
    for index, results in enumerate(frames):
        metadata = read_metadata(film.paths[index]) if keep_metadata else None
        for job, picture in zip(jobs, results, strict=True):
            yield _picture(
                job, film.paths[index], job.outputs[index], picture, started, metadata=metadata
            )
            started = time.perf_counter()


def write_one_film(job: Job, frames: Iterator[Tensor], started: float, note: Note | None) -> Result:
    """Writes a film in one look, into one file or into numbered pictures. The note is told after
    each frame how far it is."""
    [output] = job.outputs
    output.parent.mkdir(parents=True, exist_ok=True)
    count = 0

    def counted() -> Iterator[Tensor]:
        nonlocal count
        for frame in frames:
            count += 1
            if note is not None:
                rate = count / (time.perf_counter() - started)
                note(f"frame {count} of {len(job.film)}, {rate:.3g} frames/s")
            yield frame

    def write(numbered: tuple[int, Tensor]) -> None:
        number, frame = numbered
        write_picture(output.with_name(output.name % number), frame)

    if job.form == "frames":
        for _ in behind(write, enumerate(counted(), 1)):
            pass
    else:
        write_film(output, job.film, counted(), job.size)
    if note is not None:
        note("")
    return _result(job, job.film.path, output, count, time.perf_counter() - started)


def write_stills(
    jobs: Sequence[Job], results: Sequence[Tensor], started: float
) -> Iterator[Result]:
    """Writes one frame of a film in the look of every job."""
    for job, result in zip(jobs, results, strict=True):
        yield _picture(job, job.film.path, job.outputs[0], result, started)
        started = time.perf_counter()


def _picture(
    job: Job,
    content: Path,
    output: Path,
    picture: Tensor,
    started: float,
    *,
    metadata: Metadata | None = None,
) -> Result:
    output.parent.mkdir(parents=True, exist_ok=True)
    write_picture(output, picture, metadata=metadata)
    return _result(job, content, output, 1, time.perf_counter() - started)


def _result(job: Job, content: Path, output: Path, frames: int, seconds: float) -> Result:
    height, width = job.size
    styles = [str(style) for style in job.styles]
    return Result(str(content), styles, str(output), width, height, frames, round(seconds, 3))

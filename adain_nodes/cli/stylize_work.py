"""Carries out what `adain-nodes stylize` has planned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from torch import Tensor

from .. import host
from ..errors import InputError
from ..features import Features, Style
from ..image_files import read_mask, read_picture, write_picture
from ..model import Model
from ..ops.masks import remainder
from ..pipeline import compose, decode, encode, interpolate_styles, style_statistics, transfer
from .stylize_plan import Job, Plan


@dataclass(frozen=True)
class Inputs:
    """Pictures that every content shares."""

    styles: Mapping[Path, Tensor]
    """Style pictures, each [1,H,W,C] in 0..1."""

    masks: Sequence[Tensor]
    """Masks of a plan, each [1,H,W] in 0..1; empty: the whole picture."""


@dataclass(frozen=True)
class Result:
    """One file that has been written."""

    content: str
    """Path of the content."""

    styles: list[str]
    """Paths of its style; or of all that are interpolated, or have a region each."""

    output: str
    """Path of the file."""

    width: int
    """In px."""

    height: int
    """In px."""

    seconds: float
    """Spent on it; the content's encoding counts for its first result."""

    def __str__(self) -> str:
        styles = " + ".join(Path(style).name for style in self.styles)
        return (
            f"{self.output}: {Path(self.content).name} in the style of {styles}, "
            f"{self.width}x{self.height} px, {self.seconds:.1f} s"
        )


def read_inputs(plan: Plan) -> Inputs:
    """Reads styles and masks.

    Raises:
        InputError: one cannot be read, or a mask is empty.
    """
    masks = []
    for path in plan.masks:
        mask = read_mask(path)
        if not mask.any():
            raise InputError(
                f"the mask {path} is black everywhere: it must be white where its style goes"
            )
        masks.append(mask)
    return Inputs({path: read_picture(path) for path in plan.styles}, masks)


def stylized(
    plan: Plan,
    inputs: Inputs,
    model: Model,
    *,
    alpha: float,
    size: int,
    style_size: int,
    progress: host.Progress | None,
) -> Iterator[Result]:
    """Computes and writes one result after the other.

    Args:
        plan: what to do.
        inputs: what `read_inputs` gave for it.
        model: what to use.
        alpha: 0 keeps the content, 1 is the full style.
        size: px to scale the shorter side of contents to; 0 keeps their size.
        style_size: the same for styles.
        progress: told of every layer; each of `plan.pieces` counts from 0.

    Raises:
        InputError: a content cannot be read, or a result not written.
    """
    styles = {
        path: style_statistics(encode(model, picture, shorter_side=style_size, progress=progress))
        for path, picture in inputs.styles.items()
    }
    for content, jobs in groupby(plan.jobs, key=lambda job: job.content):
        started = time.perf_counter()
        features = encode(model, read_picture(content), shorter_side=size, progress=progress)
        for job in jobs:
            chosen = [styles[path] for path in job.styles]
            if inputs.masks:
                target = _regions(features, chosen, inputs.masks, alpha)
            elif plan.weights is not None:
                target = transfer(features, interpolate_styles(chosen, plan.weights), alpha=alpha)
            else:
                target = transfer(features, chosen[0], alpha=alpha)
            picture = decode(model, target, progress=progress)[0]
            job.output.parent.mkdir(parents=True, exist_ok=True)
            write_picture(job.output, picture)
            now = time.perf_counter()
            yield _result(job, picture, now - started)
            started = now


def _regions(
    content: Features, styles: Sequence[Style], masks: Sequence[Tensor], alpha: float
) -> Features:
    """Each style within its mask, by the content's statistics there; one more takes the rest."""
    masks = list(masks)
    if len(masks) < len(styles):
        masks.append(remainder(masks, content.size))
    regions = [
        (transfer(content, style, alpha=alpha, mask=mask, apply_mask=False), mask)
        for style, mask in zip(styles, masks, strict=True)
        if mask.any()  # the rest may be nothing
    ]
    return compose(regions, content)


def _result(job: Job, picture: Tensor, seconds: float) -> Result:
    height, width = picture.shape[:2]
    styles = [str(style) for style in job.styles]
    return Result(str(job.content), styles, str(job.output), width, height, round(seconds, 3))

"""Carries out what `adain-nodes stylize` has planned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from torch import Tensor

from ..files.pictures import read_mask, read_picture, write_picture
from ..files.style_inputs import StyleInput
from ..files.styles import load_style
from ..host.errors import InputError
from ..host.plain import Progress
from ..models.model import Model
from ..ops.masks import remainder
from ..pipeline.colors import recolors_style, result_for, style_for
from ..pipeline.film import FilmOptions
from ..pipeline.transfer import compose, decode, encode, interpolate_styles, style_of, transfer
from ..pipeline.types import Features, Style, check_same_encoder
from .stylize_plan import Job, Plan


@dataclass(frozen=True)
class Inputs:
    """Styles and masks, which every content shares."""

    pictures: Mapping[StyleInput, Tensor]
    """Style pictures, each [1,H,W,C] in 0..1."""

    styles: Mapping[StyleInput, Style]
    """Styles from style files."""

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
    """Spent on it; the content's encoding, and that of styles in its colours, counts for its
    first result."""

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
    pictures = {style: read_picture(style.path) for style in plan.styles if style.is_picture}
    files = [style for style in plan.styles if not style.is_picture]
    banks = {path: load_style(path) for path in {style.path for style in files}}
    styles = {style: banks[style.path][style.index] for style in files}
    return Inputs(pictures, styles, masks)


class EncodedStyles:
    """The styles of a plan, ready to be applied.

    Args:
        plan: what to do.
        inputs: what `read_inputs` gave for it.
        model: what to use.
        style_size: px to scale the shorter side of style pictures to; 0 keeps their size.
        progress: told of each style picture, from 0.

    Raises:
        InputError: another encoder made a style file.
    """

    def __init__(
        self,
        plan: Plan,
        inputs: Inputs,
        model: Model,
        style_size: int,
        progress: Progress | None,
    ) -> None:
        encoders = {str(name): style.encoder for name, style in inputs.styles.items()}
        check_same_encoder(**{"the model": model.identity}, **encoders)
        self._method = plan.preserve_color
        self._inputs = inputs
        self._model = model
        self._style_size = style_size
        self._progress = progress
        self._for_all = None if recolors_style(self._method) else self._encoded(inputs.pictures)

    def for_content(self, content: Tensor) -> Mapping[StyleInput, Style]:
        """Each style, in the colours of a content, [1,H,W,C], if it is to keep them."""
        if self._for_all is not None:
            return self._for_all
        pictures = self._inputs.pictures
        return self._encoded(
            {name: style_for(content, art, self._method) for name, art in pictures.items()}
        )

    def _encoded(self, pictures: Mapping[StyleInput, Tensor]) -> Mapping[StyleInput, Style]:
        encoded = {
            name: style_of(
                self._model, picture, shorter_side=self._style_size, progress=self._progress
            )
            for name, picture in pictures.items()
        }
        return {**encoded, **self._inputs.styles}


def stylized(
    plan: Plan,
    inputs: Inputs,
    model: Model,
    styles: EncodedStyles,
    options: FilmOptions,
    *,
    progress: Progress | None,
) -> Iterator[Result]:
    """Computes and writes one result after the other; films are left to `stylize_film`.

    Args:
        plan: what to do.
        inputs: what `read_inputs` gave for it.
        model: what to use.
        styles: of the plan.
        options: how; of a picture, the statistics over time are its own.
        progress: told of every layer; each of `plan.pieces` counts from 0.

    Raises:
        InputError: a content cannot be read, or a result not written.
    """
    method = options.preserve_color
    for path, jobs in groupby(plan.jobs, key=lambda job: job.content):
        started = time.perf_counter()
        content = read_picture(path)
        encoded = styles.for_content(content)
        features = encode(model, content, shorter_side=options.content_size, progress=progress)
        for job in jobs:
            chosen = [encoded[name] for name in job.styles]
            if inputs.masks:
                target = _regions(features, chosen, inputs.masks, options)
            elif plan.weights is not None:
                mixture = interpolate_styles(chosen, plan.weights)
                target = transfer(features, mixture, alpha=options.alpha)
            else:
                target = transfer(features, chosen[0], alpha=options.alpha)
            picture = result_for(content, decode(model, target, progress=progress), method)[0]
            job.output.parent.mkdir(parents=True, exist_ok=True)
            write_picture(job.output, picture)
            now = time.perf_counter()
            yield _result(job, picture, now - started)
            started = now


def _regions(
    content: Features, styles: Sequence[Style], masks: Sequence[Tensor], options: FilmOptions
) -> Features:
    """Each style within its mask; one more takes the rest."""
    resize = options.mask_resize
    styled = partial(
        transfer, content, alpha=options.alpha,
        mask_statistics=options.mask_statistics, mask_resize=resize, apply_mask=False,
    )  # fmt: skip
    regions = [
        (styled(style, mask=mask), mask)
        for style, mask in zip(styles, with_rest(masks, len(styles), content.size), strict=True)
        if mask.any()  # the rest may be nothing
    ]
    return compose(regions, content, mask_resize=resize)


def with_rest(masks: Sequence[Tensor], count: int, size: tuple[int, int]) -> list[Tensor]:
    """Masks of so many styles for a picture of a height and width in px: the last one may have
    none of its own, and takes the rest."""
    rest = [remainder(masks, size)] if len(masks) < count else []
    return [*masks, *rest]


def _result(job: Job, picture: Tensor, seconds: float) -> Result:
    height, width = picture.shape[:2]
    styles = [str(style) for style in job.styles]
    return Result(str(job.content), styles, str(job.output), width, height, round(seconds, 3))

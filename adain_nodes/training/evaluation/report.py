"""What an evaluation found, as Markdown, JSON and a plot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...files.tables import table
from ...host.writing import write_text
from ..plots import new_figure, save_figure
from .evaluate import Reconstruction, Row
from .losses import LAYERS
from .optimize import Curve


@dataclass(frozen=True)
class Crossing:
    """Where optimisation overtakes a model."""

    model: str
    """Name of the model."""

    start: str
    """Where the optimisation began."""

    style_loss: float
    """The model's style loss, mean over the pairs."""

    step: int | None
    """The first step at which the mean style loss is as low; None if it never is."""

    content_loss: float | None
    """The mean content loss at that step; None if it is never reached."""

    model_content_loss: float
    """The model's content loss, mean over the pairs."""


@dataclass(frozen=True)
class Optimization:
    """The second table: models beside the optimisation of pixels."""

    size: int
    """Side of the pictures in px."""

    pairs: int
    """Number of pairs."""

    rows: list[Row]
    """Content, style and models on these pairs, then the optimisation."""

    crossings: list[Crossing]
    """Where each start overtakes each model."""

    curves: list[Curve]
    """Mean losses step by step, for each start."""


@dataclass(frozen=True)
class Report:
    """All that was found, and how."""

    size: int
    """Side of the pictures in px."""

    pairs: int
    """Number of pairs of content and style."""

    contents: int
    """Number of different contents in the pairs."""

    styles: int
    """Number of different styles in the pairs."""

    reference: str
    """How the losses are read, see `ops.losses`."""

    encoder: str
    """The encoder that measured: name and start of its sha256."""

    measured_in: str
    """Floating type of that encoder: fp32, bf16 or fp16."""

    device: str
    """Device that all of it ran on."""

    rows: list[Row]
    """Content, style and models."""

    reconstructions: list[Reconstruction]
    """How well each model gives contents back; empty before that is measured."""

    optimization: Optimization | None
    """The second table, if it was asked for."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {**asdict(self), "layers": list(LAYERS)}


def crossings(
    models: Sequence[str], rows: Sequence[Row], curves: Sequence[Curve]
) -> list[Crossing]:
    """Where each curve comes down to each row, on the same pairs, that is one of the models."""
    found = []
    for curve in curves:
        for row in rows:
            if row.name in models:
                step = curve.step_reaching(row.style_loss)
                there = None if step is None else curve.content[step]
                found.append(
                    Crossing(row.name, curve.start, row.style_loss, step, there, row.content_loss)
                )
    return found


def markdown(report: Report) -> str:
    """The report as Markdown."""
    parts = [
        f"{report.pairs} pairs of {report.contents} contents and {report.styles} styles, middle "
        f"squares of {report.size} px. Losses: the `{report.reference}` reading, measured with "
        f"the encoder {report.encoder} in {report.measured_in}. Seconds are medians on "
        f"{report.device}.",
        _rows(report.rows),
    ]
    if report.reconstructions:
        ratios = [
            (one.model, f"{one.psnr:.2f}", f"{one.lowest_psnr:.2f}")
            for one in report.reconstructions
        ]
        parts += [
            "Reconstruction of the contents at alpha 0, at their own sizes:",
            table(("model", "PSNR in dB", "lowest"), ratios),
        ]
    if report.optimization is not None:
        found = report.optimization
        header = ("model", "its style loss", "its content loss", "start", "steps", "content loss")
        places = [
            (
                one.model,
                *(f"{loss:.4f}" for loss in (one.style_loss, one.model_content_loss)),
                one.start,
                "never" if one.step is None else one.step,
                "" if one.content_loss is None else f"{one.content_loss:.4f}",
            )
            for one in found.crossings
        ]
        parts += [
            f"Optimisation of pixels by L-BFGS on {found.pairs} pairs at {found.size} "
            "px, a step being one evaluation of the gradient:",
            _rows(found.rows),
            "Where its mean style loss comes down to that of a model:",
            table(header, places),
        ]
    return "\n\n".join(parts)


def write_report(report: Report, folder: Path) -> None:
    """Writes evaluation.json and evaluation.md, each whole or not at all; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "evaluation.json", json.dumps(report.as_dict(), indent=2) + "\n")
    write_text(folder / "evaluation.md", f"# Evaluation\n\n{markdown(report)}\n")


def plot(report: Report, path: Path) -> None:
    """Draws a PNG file: bars of content loss and of style loss by layer, a row for each table."""
    tables = {f"{report.pairs} pairs at {report.size} px": report.rows}
    if report.optimization is not None:
        found = report.optimization
        tables[f"{found.pairs} pairs at {found.size} px"] = found.rows
    heights = [len(rows) + 2 for rows in tables.values()]
    figure = new_figure(11, 0.4 * sum(heights))
    grid = figure.subplots(len(tables), 2, sharey="row", squeeze=False, height_ratios=heights)
    for (content, style), (title, rows) in zip(grid, tables.items(), strict=True):
        names = [row.name for row in rows]
        content.barh(names, [row.content_loss for row in rows], color="0.5")
        left = [0.0] * len(rows)
        for index, layer in enumerate(LAYERS):
            widths = [row.layer_losses[index] for row in rows]
            style.barh(names, widths, left=left, label=layer)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        content.set(xlabel="content loss", title=title)
        content.invert_yaxis()
        style.set(xlabel="style loss")
        style.legend()
    save_figure(figure, path)


def _rows(found: Iterable[Row]) -> str:
    header = (
        "picture", "content loss", "style loss", *LAYERS, "SSIM", "seconds", "with style encoding"
    )  # fmt: skip
    rows = [
        (
            row.name,
            *(f"{loss:.4f}" for loss in (row.content_loss, row.style_loss, *row.layer_losses)),
            f"{row.ssim:.3f}",
            *("" if s is None else f"{s:.3f}" for s in (row.seconds, row.seconds_with_style)),
        )
        for row in found
    ]
    return table(header, rows)

"""What `adain-nodes evaluate` found, as Markdown, JSON and a plot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..host.writing import write_text
from ..training.evaluation.comparison import Curve
from ..training.evaluation.evaluate import Reconstruction, Row
from ..training.evaluation.losses import LAYERS
from ..training.plots import new_figure, save_figure


@dataclass(frozen=True)
class Crossing:
    """Where optimisation overtakes a model."""

    model: str
    """Its name."""

    start: str
    """Where the optimisation began."""

    style_loss: float
    """The model's, mean over the pairs."""

    step: int | None
    """The first step at which the mean style loss is as low; None if it never is."""

    content_loss: float | None
    """The mean content loss there."""

    model_content_loss: float
    """The model's, to compare with."""


@dataclass(frozen=True)
class Optimization:
    """The second table."""

    size: int
    """Side of the pictures in px."""

    pairs: int
    """How many."""

    optimizer: str
    """lbfgs or adam."""

    rows: list[Row]
    """Content, style and models on these pairs, then the optimisation."""

    crossings: list[Crossing]
    """For each start and model."""

    curves: list[Curve]
    """For each start."""


@dataclass(frozen=True)
class Report:
    """All that was found, and how."""

    size: int
    """Side of the pictures in px."""

    pairs: int
    """Of content and style."""

    contents: int
    """Different ones in the pairs."""

    styles: int
    """Likewise."""

    reference: str
    """How the losses are read, see `ops.losses`."""

    encoder: str
    """What measured them: name and start of its sha256."""

    measured_in: str
    """Floating type of that encoder: fp32, bf16 or fp16."""

    device: str
    """Where all of it ran."""

    rows: list[Row]
    """Content, style and models."""

    reconstructions: list[Reconstruction]
    """Of each model; none before they are measured."""

    optimization: Optimization | None
    """The second table, if it was asked for."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "layers": list(LAYERS)}


def crossings(
    models: Sequence[str], rows: Sequence[Row], curves: Sequence[Curve]
) -> list[Crossing]:
    """Where each curve comes down to each model.

    Args:
        models: names of the rows that are models.
        rows: on the pairs of the curves.
        curves: of the optimisation.
    """
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
    """The report as Markdown whose tables are aligned, so that they read well as they are."""
    parts = [
        f"{report.pairs} pairs of {report.contents} contents and {report.styles} styles, middle "
        f"squares of {report.size} px. Losses: the `{report.reference}` reading, measured with "
        f"the encoder {report.encoder} in {report.measured_in}. Seconds are medians on "
        f"{report.device}.",
        _rows(report.rows),
    ]
    if report.reconstructions:
        parts += [
            "Reconstruction of the contents at alpha 0, at their own sizes:",
            _table(
                ("model", "PSNR in dB", "lowest"),
                (
                    (one.model, f"{one.psnr:.2f}", f"{one.lowest_psnr:.2f}")
                    for one in report.reconstructions
                ),
            ),
        ]
    if report.optimization is not None:
        found = report.optimization
        parts += [
            f"Optimisation of pixels ({found.optimizer}) on {found.pairs} pairs at {found.size} "
            "px, a step being one evaluation of the gradient:",
            _rows(found.rows),
            "Where its mean style loss comes down to that of a model:",
            _table(
                ("model", "its style loss", "its content loss", "start", "steps", "content loss"),
                (
                    (
                        one.model,
                        f"{one.style_loss:.4f}",
                        f"{one.model_content_loss:.4f}",
                        one.start,
                        "never" if one.step is None else str(one.step),
                        "" if one.content_loss is None else f"{one.content_loss:.4f}",
                    )
                    for one in found.crossings
                ),
            ),
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


def _rows(rows: Iterable[Row]) -> str:
    header = (
        "picture", "content loss", "style loss", *LAYERS, "SSIM", "seconds", "with style encoding"
    )  # fmt: skip
    return _table(
        header,
        (
            (
                row.name,
                f"{row.content_loss:.4f}",
                f"{row.style_loss:.4f}",
                *(f"{loss:.4f}" for loss in row.layer_losses),
                f"{row.ssim:.3f}",
                *(
                    "" if seconds is None else f"{seconds:.3f}"
                    for seconds in (row.seconds, row.seconds_with_style)
                ),
            )
            for row in rows
        ),
    )


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Names to the left, figures to the right."""
    cells = [tuple(header), *(tuple(line) for line in lines)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [
        [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in cells
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (aligned[0], rule, *aligned[1:]))

"""What an ablation found: `results.json` and `.md`, `curves.json` and `.png`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files.tables import table
from ...host.errors import InputError
from ...host.writing import write_text
from ..plots import can_draw, new_figure, save_figure
from ..run_log import read_log
from .study import MeanLosses, read_options
from .variants import VARIANTS

LAST_STEPS = 200
"""Steps at the end of a run that the losses of training are averaged over."""

Curves = dict[str, dict[str, list[float]]]
"""Of each variant: `step`, and at each of them the `content` and the `style` loss of training."""


def read_curves(folder: Path) -> Curves:
    """The losses of training, as the logs of a study's runs have them: means of a few steps.

    Raises:
        InputError: a log is missing or damaged.
    """
    curves = {}
    for variant in VARIANTS:
        log = folder / variant.name / "log.jsonl"
        lines = read_log(log)
        if not lines or not all({"content", "style"} <= line.keys() for line in lines):
            raise InputError(f"{log} lacks the losses of its run: remove {log.parent} to train it")
        curves[variant.name] = {
            name: [line[name] for line in lines] for name in ("step", "content", "style")
        }
    return curves


def last_losses(curve: Mapping[str, Sequence[float]]) -> MeanLosses:
    """Mean losses over the last `LAST_STEPS` steps of one of the `Curves`."""
    steps = curve["step"]
    # A line covers the steps since the one before it; the last may cover fewer than the others.
    widths = [step - before for step, before in zip(steps, [0, *steps], strict=False)]
    shares = [
        width if step > steps[-1] - LAST_STEPS else 0
        for step, width in zip(steps, widths, strict=True)
    ]
    content, style = (
        sum(share * loss for share, loss in zip(shares, curve[name], strict=True)) / sum(shares)
        for name in ("content", "style")
    )
    return {"content": content, "style": style}


def write_report(folder: Path, held_out: Mapping[str, MeanLosses]) -> str:
    """Writes the report of the finished study in a folder, all but its pictures, and returns the
    table of `results.md`; `held_out` is what `Study.held_out_losses` gives."""
    curves = read_curves(folder)
    training = {name: last_losses(curve) for name, curve in curves.items()}
    options = read_options(folder)
    results = {
        "options": options,
        "last_steps": min(LAST_STEPS, options["steps"]),
        "results": [
            {
                "name": name,
                "training": training.get(name),
                "held_out": losses,
            }
            for name, losses in held_out.items()
        ],
    }
    write_text(folder / "curves.json", json.dumps(curves) + "\n")
    write_text(folder / "results.json", json.dumps(results, indent=2) + "\n")
    table = _table(held_out, training, results["last_steps"])
    write_text(folder / "results.md", f"{table}\n{_note(options)}\n")
    return table


def plot_curves(curves: Curves, path: Path) -> None:
    """Draws content and style loss over the steps, side by side as in the paper's figure 6, as a
    PNG file. Without matplotlib (extra `plot`) there is no plot, which is said once."""
    if not can_draw():
        return
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415

    figure = new_figure(11, 4.5)
    panels = dict(zip(("content", "style"), figure.subplots(1, 2), strict=True))
    # Style losses end far apart, content losses within a factor of two of each other.
    panels["style"].set_yscale("log")
    panels["style"].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels["style"].yaxis.set_major_formatter("{x:g}")
    panels["style"].yaxis.set_minor_formatter(NullFormatter())
    for name, axes in panels.items():
        for variant, curve in curves.items():
            axes.plot(curve["step"], curve[name], label=variant, linewidth=1)
        axes.set(xlabel="Step", ylabel=f"{name.capitalize()} loss")
        axes.grid(visible=True, which="both", alpha=0.3)
    panels["style"].legend()
    save_figure(figure, path)


def _table(
    held_out: Mapping[str, MeanLosses], training: Mapping[str, MeanLosses], last: int
) -> str:
    places = ("held out", f"last {last} steps")
    header = ["", *(f"{kind} loss, {place}" for place in places for kind in ("Content", "Style"))]
    rows = []
    for name, losses in held_out.items():
        figures = [*losses.values(), *training.get(name, {}).values()]
        cells = [f"{figure:.3f}" for figure in figures]
        rows.append([name, *cells, *["-"] * (4 - len(cells))])
    return table(header, rows) + "\n"


def _note(options: Mapping[str, Any]) -> str:
    """What the table's figures are of."""
    weight = options["style_weight"]
    return (
        f"{options['steps']} steps of {options['batch']} pairs of {options['crop']} px crops each, "
        f"learning rate {options['learning_rate']:g}, losses read as `{options['reference']}`"
        f"{'' if weight is None else f' with style weight {weight:g}'}, seed {options['seed']}, "
        f"{options['contents']} photographs and {options['styles']} works of art. Held out: all "
        f"pairs of {options['held_out_contents']} photographs and {options['held_out_styles']} "
        f"works, middle squares at {options['crop']} px, evaluation mode, fp32."
    )

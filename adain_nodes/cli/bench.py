"""`adain-nodes bench`: speed and memory on this machine, beside a plain implementation."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files.tables import table
from ..host.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from ..models.model import Model
    from .benchmark import Timing

DESCRIPTION = """\
Stylises random pictures, content and style of the same size, and compares

  plain: the same layers and tensors in an nn.Sequential, in fp32, as public ports run them, with
  the style encoded each time;
  this package, with the style encoded each time and with its statistics kept, at automatic
  precision and in fp32.

They take turns within one run. Speed-up is over plain. "of peak" relates the operations of the
networks as published to a product of matrices on this device; "folded" counts only the operations
that this package does. Peak memory is measured in a fresh process each time.
"""

HEADER = (
    "size", "method", "precision", "seconds", "from", "to", "first", "speed-up", "of peak",
    "folded", "memory",
)  # fmt: skip


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "bench",
        help="measure speed and memory on this machine",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--sizes", default="256,512,1024,2048", metavar="PX,PX,...",
        help="sides of the pictures (default: 256,512,1024,2048)",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N",
        help="timed calls of each kind, after a first one (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--frames", type=int, default=0, metavar="N",
        help="also stylise a film of this many frames of 512x288 px, from a video to a video with "
        "steadiness 1, beside the networks alone",
    )  # fmt: skip
    parser.add_argument(
        "--refine", action="store_true",
        help="measure refinement at these sizes instead: a step beside an encoding, peak memory, "
        "and how exact the gradient is that is put together from tiles",
    )  # fmt: skip
    parser.add_argument(
        "--model", default="adain-vgg16", metavar="NAME|FOLDER",
        help="name of a model, or folder with an encoder and a decoder (default: adain-vgg16)",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:N, mps (default: auto)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    sizes = _sizes(options.sizes)
    if options.rounds < 1:
        raise InputError(f"--rounds must be at least 1, got {options.rounds}")
    if options.frames < 0 or options.frames == 1:
        raise InputError(f"--frames must be 0 (no film) or at least 2, got {options.frames}")

    import torch

    from ..host.devices import chosen_device, name_of
    from ..models.model import load_model
    from .benchmark import measure, memory_in_a_fresh_process, peak_flops, settings

    device = chosen_device(options.device)
    model = load_model(options.model, device=device)
    automatic = name_of(model.dtype)
    peaks = {
        name_of(dtype): peak_flops(str(device), dtype) for dtype in {torch.float32, model.dtype}
    }
    report: dict[str, Any] = {
        **_machine(device),
        "model": model.name,
        "auto": automatic,
        "peak_flops": {precision: round(peak) for precision, peak in peaks.items()},
    }

    def show(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    show(_heading(report))
    if options.refine:
        report["refine"] = _refine(options, model, sizes, show)
        sizes = []
    else:
        report["rows"] = []
    for size in sizes:
        timings = measure(settings(options.model, str(device), size), options.rounds)
        rows = []
        for timing in timings:
            precision = timing.setting.precision
            peak = peaks[automatic if precision == "auto" else precision]
            memory = memory_in_a_fresh_process(timing.setting)
            rows.append(row(timing, timings[0].median, peak, memory))
        report["rows"] += rows
        show("\n" + table(HEADER, map(cells, rows)))
    if options.frames:
        from .benchmark_film import measure_film

        report["film"] = measure_film(model, options.frames, options.rounds)
        show("\n" + film_line(report["film"]))
    if options.json:
        print(json.dumps(report, indent=2))


def _refine(
    options: argparse.Namespace, model: Model, sizes: list[int], show: Callable[[str], None]
) -> dict[str, Any]:
    from ..models.model import load_model
    from .benchmark_refine import measure_error, measure_memory, measure_step

    device = str(model.encoder.device)
    exact = load_model(options.model, precision="fp32", device=device)
    error = measure_error(exact)
    show(f"\nGradient from tiles: largest relative difference to the whole picture's {error:.1e}")
    rows = []
    for size in sizes:
        entry = measure_step(model, size, options.rounds)
        entry["memory"] = measure_memory(options.model, device, "auto", size)
        rows.append(entry)
        shown = "unknown" if entry["memory"] is None else f"{entry['memory'] / 2**20:.0f} MiB"
        show(
            f"{size} px: an encoding {entry['encoding']:.3f} s, a step {entry['step']:.3f} s, "
            f"{entry['ratio']:.2f} times as long; memory {shown}"
        )
    return {"error": error, "rows": rows}


def row(timing: Timing, plain: float, peak: float, memory: int | None) -> dict[str, Any]:
    """One row of the report.

    Args:
        timing: what was timed.
        plain: median seconds of the plain networks.
        peak: floating point operations a second that the device reaches in this precision.
        memory: bytes at the peak, on top of a process that is ready; None if unknown.
    """
    setting, seconds = timing.setting, timing.median
    return {
        "size": setting.size,
        "method": setting.method,
        "precision": setting.precision,
        "seconds": round(seconds, 5),
        "fastest": round(min(timing.seconds), 5),
        "slowest": round(max(timing.seconds), 5),
        "first": round(timing.first, 5),
        "ratio": round(plain / seconds, 3),
        "flops": timing.flops,
        "peak_fraction": round(timing.flops / seconds / peak, 4),
        "folded_peak_fraction": round(timing.folded_flops / seconds / peak, 4),
        "memory": memory,
    }


def cells(entry: Mapping[str, Any]) -> list[str]:
    """A row of the report as cells under `HEADER`."""
    memory = entry["memory"]
    return [
        *(str(entry[key]) for key in ("size", "method", "precision")),
        *(f"{entry[key]:.3f}" for key in ("seconds", "fastest", "slowest", "first")),
        f"{entry['ratio']:.2f}",
        *(f"{entry[key]:.0%}" for key in ("peak_fraction", "folded_peak_fraction")),
        "unknown" if memory is None else f"{memory / 2**20:.0f} MiB",
    ]


def film_line(film: Mapping[str, Any]) -> str:
    """A line that says how a film went."""
    from .benchmark_film import FRAME, SETTLED

    growth = film["memory_growth"]
    return (
        f"Film of {film['frames']} frames of {FRAME[1]}x{FRAME[0]} px, from file to file with "
        f"steadiness 1: {film['frames_per_second']:.2f} frames a second, {film['ratio']:.2f} times "
        f"as long as the networks alone ({film['networks_per_second']:.2f}); memory after frame "
        f"{SETTLED}: {'unknown' if growth is None else f'{growth / 2**20:+.1f} MiB'}"
    )


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(size) for size in text.split(",")]
    except ValueError:
        sizes = [0]
    if min(sizes) < 1:
        raise InputError(
            f"--sizes takes numbers of px with commas between them, such as 256,512; got {text!r}"
        )
    return sizes


def _machine(device: torch.device) -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "date": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        "device": str(device),
        "processor": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """The model of the CPU, which Python itself knows on some systems only."""
    with suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found is not None:
            return found[1]
    return platform.processor() or platform.machine()


def _heading(report: Mapping[str, Any]) -> str:
    peaks = ", ".join(f"{peak / 1e12:.3f} {name}" for name, peak in report["peak_flops"].items())
    return (
        f"{report['processor']}, {report['device']}, {report['threads']} threads, "
        f"torch {report['torch']}, {report['date']}\n"
        f"{report['model']}, automatic precision {report['auto']}; peak of a matrix product in "
        f"TFLOP/s: {peaks}"
    )

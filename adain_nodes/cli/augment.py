"""`adain-nodes augment`: a tree of pictures in random styles."""

from __future__ import annotations

import argparse
import os
import time

from ..host.errors import InputError
from .options import add_contents, add_model, add_output, add_sizes, add_styles, contents_of

DESCRIPTION = """\
Gives every picture of a tree random styles, into a tree of the same paths, to augment a data set.

Which styles a content gets depends on --seed, its path and the list of styles alone. Run again, the
command makes what is missing and leaves what is there. Under torchrun each process takes its share:
  torchrun --nproc-per-node 2 -m adain_nodes augment ...
OUT/augmentation.jsonl says which style and alpha each result has. What cannot be read is skipped
and listed at the end; the exit code is 0 all the same, or torchrun would end the other processes.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "augment",
        help="give every picture of a tree random styles",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_contents(parser, "folder of pictures, searched with subfolders")
    add_styles(
        parser, "--style", "picture, style file (.safetensors), folder of both, searched with "
        "subfolders, or name of a ready-made style", required=True,
    )  # fmt: skip
    add_output(parser, "folder; it is created")
    parser.add_argument(
        "--styles-per-content", type=int, default=1, metavar="K",
        help="results for each content, CONTENT_1.jpg and so on, in different styles (default: 1, "
        "named like its content)",
    )  # fmt: skip
    parser.add_argument(
        "--alpha", default="1", metavar="A|A,A",
        help="0 keeps the content, 1 is the full style; of two, such as 0.5,1, each result draws "
        "its own between them (default: 1)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default: 0)")
    add_sizes(parser)
    add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    contents = contents_of(options)
    if len(contents) > 1:
        raise InputError(f"augment takes one folder of contents, got {len(contents)}")

    from ..files.folders import left_out
    from ..files.formats import READABLE_SUFFIXES
    from ..files.styles import STYLE_SUFFIX
    from ..host.devices import chosen_device
    from ..host.processes import local_device
    from ..models.model import load_model
    from ..training.augmentation import augment
    from ..training.augmentation_plan import make_plan
    from .progress import StepProgress

    rank, ranks = _share()
    plan = make_plan(
        contents[0],
        options.style,
        options.output,
        styles_per_content=options.styles_per_content,
        alpha=_alpha(options.alpha),
        seed=options.seed,
        size=options.size,
        style_size=options.style_size,
    )
    device = local_device(chosen_device(options.device))
    model = load_model(options.model, precision=options.precision, device=device)
    total = len(plan.contents[rank::ranks]) * plan.styles_per_content
    progress = StepProgress(total, 0) if rank == 0 else None
    counts = dict.fromkeys(("written", "found", "skipped"), 0)
    latest: dict[str, float] = {}
    problems: dict[str, None] = {}
    started = time.perf_counter()
    try:
        for done, outcome in enumerate(augment(model, plan, rank=rank, ranks=ranks), 1):
            counts[outcome.status] += 1
            if outcome.problem:
                problems[outcome.problem] = None
            if 100 * done // total > 100 * (done - 1) // total:
                rate = counts["written"] / (time.perf_counter() - started)
                latest = {"pictures_per_second": rate, "skipped": counts["skipped"]}
            if progress is not None:
                progress.update(done, latest)
    finally:
        if progress is not None:
            progress.close()
    process = f"process {rank} of {ranks}: " if ranks > 1 else ""
    lines = [
        f"{process}{options.output}: {counts['written']} results written, {counts['found']} found "
        f"there, {counts['skipped']} skipped"
    ]
    if problems:
        lines += [
            f"{process}cannot be read; contents are skipped, styles replaced by others:",
            *(f"  {text}" for text in problems),
        ]
    if rank == 0:
        lines += left_out(contents, READABLE_SUFFIXES)
        lines += left_out(options.style, READABLE_SUFFIXES | {STYLE_SUFFIX})
    print("\n".join(lines))


def _alpha(text: str) -> tuple[float, float]:
    try:
        low, high = (float(text),) * 2 if "," not in text else map(float, text.split(","))
    except ValueError:
        raise InputError(
            f"--alpha takes a number or a range of two, such as 0.5,1; got {text!r}"
        ) from None
    return low, high


def _share() -> tuple[int, int]:
    """Which process this is, of how many: what torchrun says, otherwise the only one."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return 0, 1
    rank, ranks = os.environ["RANK"], os.environ["WORLD_SIZE"]
    if not (rank.isdecimal() and ranks.isdecimal() and int(rank) < int(ranks)):
        raise InputError(
            f"RANK must be 0 or more and less than WORLD_SIZE, got RANK={rank}, WORLD_SIZE={ranks}"
        )
    return int(rank), int(ranks)

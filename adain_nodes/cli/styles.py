"""`adain-nodes styles`: keeps styles in files, and says what is in them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .options import add_model

if TYPE_CHECKING:
    from torch import Tensor

    from ..files.styles import StyleInfo
    from ..pipeline.types import Style


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("styles", help="keep styles in files, and list them")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    save = commands.add_parser(
        "save",
        help="encode pictures into a style file",
        description="Writes the styles of pictures into one file, which `adain-nodes stylize "
        "--style` and the node Load AdaIN Style take. Several make a bank: a batch of styles.",
    )
    save.add_argument(
        "style", type=Path, nargs="+", metavar="STYLE", help="picture, or style file to put in"
    )
    save.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="ends in .safetensors"
    )
    save.add_argument(
        "--mask", type=Path, action="append", default=[],
        help="picture, white where the style is taken from; first mask for first picture and so on",
    )  # fmt: skip
    save.add_argument(
        "--size", type=int, default=512, metavar="PX",
        help="scale the shorter side of pictures to this; 0 keeps their size (default: 512)",
    )  # fmt: skip
    add_model(save)
    save.set_defaults(run=run_save)
    listing = commands.add_parser("list", help="say what style files hold")
    listing.add_argument("path", type=Path, nargs="+", metavar="PATH", help="style file or folder")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=run_list)


def run_save(options: argparse.Namespace) -> None:
    from ..files.pictures import read_picture
    from ..files.style_inputs import is_style_file
    from ..files.styles import check_style_path, describe_style, load_style, save_style
    from ..models.model import load_model
    from ..pipeline.transfer import encode, stack_styles, style_of, style_statistics
    from .device import chosen_device
    from .progress import terminal_progress

    check_style_path(options.output)
    _check_save(options)
    device = chosen_device(options.device)
    masks: list[Tensor | None] = [_style_mask(path) for path in options.mask]
    masks = masks or [None] * len(options.style)
    infos = [describe_style(path) if is_style_file(path) else None for path in options.style]
    pictures = [
        read_picture(path) if info is None else None
        for path, info in zip(options.style, infos, strict=True)
    ]
    with terminal_progress(2) as progress:
        model = load_model(
            options.model, precision=options.precision, device=device, progress=progress
        )
    styles: list[Style] = []
    sources: list[str] = []
    with terminal_progress(infos.count(None)) as progress:
        for path, info, picture, mask in zip(options.style, infos, pictures, masks, strict=True):
            if picture is None:
                styles.append(load_style(path, encoder=model.identity))
            elif mask is None:
                styles.append(
                    style_of(model, picture, shorter_side=options.size, progress=progress)
                )
            else:
                features = encode(model, picture, shorter_side=options.size, progress=progress)
                styles.append(style_statistics(features, mask=mask))
            known = info.sources if info is not None else ()
            sources += known or [path.name] * len(styles[-1])
    shown = [picture[0] for picture in pictures if picture is not None]
    save_style(options.output, stack_styles(styles), sources=sources, preview=shown)
    print(f"{options.output}: {_summary(describe_style(options.output))}")


def run_list(options: argparse.Namespace) -> None:
    from ..files.styles import describe_style
    from ..host.errors import InputError

    broken = []
    entries = []
    for path in _style_files(options.path):
        try:
            info = describe_style(path)
        except InputError as error:
            broken.append(str(error))
            continue
        if not options.json:
            print(f"{path}: {_summary(info)}")
        encoder = {"name": info.encoder.name, "sha256": info.encoder.sha256}
        entries.append(
            {
                "path": str(path),
                "styles": info.count,
                "sources": list(info.sources),
                "encoder": encoder,
                "preview": info.preview is not None,
            }
        )
    if options.json:
        print(json.dumps({"styles": entries, "broken": broken}, indent=2))
    if broken:
        raise InputError("; ".join(broken))


def _check_save(options: argparse.Namespace) -> None:
    from ..files.style_inputs import is_style_file
    from ..host.errors import InputError

    if options.size < 0:
        raise InputError(f"--size must be 0 (keep) or more px, got {options.size}")
    if options.mask and len(options.mask) != len(options.style):
        raise InputError(
            f"--mask is needed once for each style or never: got {len(options.mask)} for "
            f"{len(options.style)}"
        )
    for path in options.style:
        if options.mask and is_style_file(path):
            raise InputError(f"--mask needs pictures, and the style file {path} has none")


def _style_mask(path: Path) -> Tensor:
    from ..files.pictures import read_mask
    from ..host.errors import InputError

    mask = read_mask(path)
    if not mask.any():
        raise InputError(
            f"the mask {path} is black everywhere: it must be white where the style is taken from"
        )
    return mask


def _style_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those in the folders named and below them."""
    from ..files.styles import STYLE_SUFFIX, list_styles
    from ..host.errors import InputError

    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        names = list_styles([path])
        if not names:
            raise InputError(f"{path} has no style file ({STYLE_SUFFIX})")
        files += [path / name for name in names]
    return files


def _summary(info: StyleInfo) -> str:
    count = "1 style" if info.count == 1 else f"{info.count} styles"
    of = f" of {', '.join(info.sources)}" if info.sources else ""
    return f"{count}{of}, encoder {info.encoder}"

"""`adain-nodes styles`: saves styles to files and lists what files hold."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import add_model, add_output, add_several, add_styles

if TYPE_CHECKING:
    from torch import Tensor

    from ..files.styles import StyleFile, StyleSource
    from ..pipeline.types import Style


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("styles", help="save styles to files and list them")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    save = commands.add_parser(
        "save",
        help="encode pictures into a style file",
        description="Writes the styles of pictures into one file, which `adain-nodes stylize "
        "--style` and the node Load AdaIN Style take. Several make a bank: a batch of styles.",
    )
    add_styles(save, "style", "picture, or style file or ready-made style whose styles are added")
    add_styles(save, "--style", "the same, for when they do not come first")
    add_output(save, "file to write (.safetensors); its folder is created", metavar="FILE")
    add_several(
        save, "--mask", "picture, white where the style is taken from; masks are paired with "
        "styles in order", metavar="MASK",
    )  # fmt: skip
    save.add_argument(
        "--size", type=int, default=512, metavar="PX",
        help="scale the shorter side of pictures to this; 0 keeps their size (default: 512)",
    )  # fmt: skip
    add_model(save)
    save.set_defaults(run=run_save)
    listing = commands.add_parser("list", help="show what style files hold")
    listing.add_argument(
        "path", type=Path, nargs="*", metavar="PATH",
        help="style file or folder (default: the ready-made styles)",
    )  # fmt: skip
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=run_list)


def run_save(options: argparse.Namespace) -> None:
    from ..files.pictures import read_picture
    from ..files.styles import check_style_path, read_style_file, save_style, style_sources
    from ..host.devices import chosen_device
    from ..host.options import check_size
    from ..models.model import load_model
    from ..pipeline.checks import check_same_encoder
    from ..pipeline.transfer import encode, stack_styles, style_of, style_statistics
    from .progress import terminal_progress

    check_style_path(options.output)
    check_size("--size", options.size)
    sources = style_sources(options.style or ())
    masked = options.mask or ()
    _check_masks(sources, masked)
    device = chosen_device(options.device)
    masks: list[Tensor | None] = [_style_mask(path) for path in masked]
    masks = masks or [None] * len(sources)
    pictures = {source: read_picture(source.path) for source in sources if source.is_picture}
    with terminal_progress(2) as progress:
        model = load_model(
            options.model, precision=options.precision, device=device, progress=progress
        )
    for source in sources:
        if source.style is not None:
            check_same_encoder(**{"the model": model.identity, str(source): source.style.encoder})
    styles: list[Style] = []
    with terminal_progress(sum(source.is_picture for source in sources)) as progress:
        settings: dict[str, Any] = {"shorter_side": options.size, "progress": progress}
        for source, mask in zip(sources, masks, strict=True):
            if source.style is not None:
                styles.append(source.style)
            elif mask is None:
                styles.append(style_of(model, pictures[source], **settings))
            else:
                features = encode(model, pictures[source], **settings)
                styles.append(style_statistics(features, mask=mask))
    save_style(
        options.output,
        stack_styles(styles),
        sources=[source.picture_name or source.path.name for source in sources],
        preview=[
            picture
            for source in sources
            if (picture := pictures.get(source, source.shown())) is not None
        ],
    )
    print(f"{options.output}: {_summary(read_style_file(options.output))}")


def run_list(options: argparse.Namespace) -> None:
    from ..files.folders import files_of
    from ..files.ready_made import FOLDER
    from ..files.styles import STYLE_SUFFIX, read_style_file
    from ..host.errors import InputError

    broken = []
    entries = []
    for path in files_of(options.path or [FOLDER], [STYLE_SUFFIX]):
        try:
            file = read_style_file(path)
        except InputError as error:
            broken.append(str(error))
            continue
        if not options.json:
            print(f"{path}: {_summary(file)}")
        encoder = file.style.encoder
        entries.append(
            {
                "path": str(path),
                "styles": len(file.style),
                "sources": list(file.sources),
                "encoder": {"name": encoder.name, "sha256": encoder.sha256},
                "preview": file.preview is not None,
            }
        )
    if options.json:
        print(json.dumps({"styles": entries, "broken": broken}, indent=2))
    if broken:
        raise InputError("; ".join(broken))


def _check_masks(sources: Sequence[StyleSource], masks: Sequence[Path]) -> None:
    from ..host.errors import InputError

    if not sources:
        raise InputError("give at least one style: a picture or a style file")
    for source in sources:
        if masks and not source.is_picture:
            raise InputError(f"--mask needs pictures; {source.path} is a style file")
    if masks and len(masks) != len(sources):
        raise InputError(f"give one --mask per style, or none: got {len(masks)} for {len(sources)}")


def _style_mask(path: Path) -> Tensor:
    from ..files.masks import read_mask
    from ..host.errors import InputError

    mask = read_mask(path)
    if not mask.any():
        raise InputError(
            f"the mask {path} is black everywhere: make it white where the style is taken from"
        )
    return mask


def _summary(file: StyleFile) -> str:
    count = "1 style" if len(file.style) == 1 else f"{len(file.style)} styles"
    of = f" of {', '.join(file.sources)}" if file.sources else ""
    return f"{count}{of}, encoder {file.style.encoder}"

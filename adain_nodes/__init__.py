"""Arbitrary style transfer with adaptive instance normalisation (Huang and Belongie, ICCV 2017).

    from adain_nodes import read_picture, stylize, write_picture
    write_picture("out.png", stylize(read_picture("photo.jpg"), read_picture("art.jpg"), alpha=0.8))

What stands here is the front door. Behind it are eight rooms, each built on those before it:

- `host`: what the surroundings give: devices, memory, progress, model folders; a plain process or
  ComfyUI.
- `ops`: the mathematics, each function with its equation.
- `models`: the encoder and the decoder, where their weights come from, and conversion.
- `pipeline`: pictures in, pictures out: encode, transfer, decode; films.
- `files`: pictures, animations, videos and styles on disk.
- `training`: how decoders are trained, evaluated and compared.
- `nodes`: the ComfyUI nodes.
- `cli`: the command `adain-nodes`.

A name is imported when it is first used, so that importing the package costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers
    from .files.masks import read_mask as read_mask
    from .files.metadata import Metadata as Metadata
    from .files.metadata import read_metadata as read_metadata
    from .files.pictures import read_picture as read_picture
    from .files.pictures import write_picture as write_picture
    from .files.ready_made import ready_made_styles as ready_made_styles
    from .files.styles import load_style as load_style
    from .files.styles import save_style as save_style
    from .host.errors import InputError as InputError
    from .models.model import Model as Model
    from .models.model import load_model as load_model
    from .pipeline.colors import match_color as match_color
    from .pipeline.curves import Curve as Curve
    from .pipeline.film_options import FilmOptions as FilmOptions
    from .pipeline.refine import refine as refine
    from .pipeline.stylize import stylize as stylize
    from .pipeline.stylize import stylize_frames as stylize_frames
    from .pipeline.transfer import compose as compose
    from .pipeline.transfer import decode as decode
    from .pipeline.transfer import encode as encode
    from .pipeline.transfer import interpolate_styles as interpolate_styles
    from .pipeline.transfer import stack_styles as stack_styles
    from .pipeline.transfer import style_of as style_of
    from .pipeline.transfer import style_statistics as style_statistics
    from .pipeline.transfer import transfer as transfer
    from .pipeline.types import Features as Features
    from .pipeline.types import Style as Style

_HOMES = {
    "read_mask": "files.masks",
    "Metadata": "files.metadata",
    "read_metadata": "files.metadata",
    "read_picture": "files.pictures",
    "write_picture": "files.pictures",
    "ready_made_styles": "files.ready_made",
    "load_style": "files.styles",
    "save_style": "files.styles",
    "InputError": "host.errors",
    "Model": "models.model",
    "load_model": "models.model",
    "match_color": "pipeline.colors",
    "Curve": "pipeline.curves",
    "FilmOptions": "pipeline.film_options",
    "refine": "pipeline.refine",
    "stylize": "pipeline.stylize",
    "stylize_frames": "pipeline.stylize",
    "compose": "pipeline.transfer",
    "decode": "pipeline.transfer",
    "encode": "pipeline.transfer",
    "interpolate_styles": "pipeline.transfer",
    "stack_styles": "pipeline.transfer",
    "style_of": "pipeline.transfer",
    "style_statistics": "pipeline.transfer",
    "transfer": "pipeline.transfer",
    "Features": "pipeline.types",
    "Style": "pipeline.types",
}
"""The module of each public name."""

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

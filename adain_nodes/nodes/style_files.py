"""Nodes that save and load styles."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from torch import Tensor

from ..files import ready_made
from ..files.style_folders import find_style, list_styles, new_style_path
from ..files.styles import load_style, read_style_file, save_style
from ..host import surroundings
from ..host.errors import InputError
from ..pipeline.types import Style
from . import schema

logger = logging.getLogger(__name__)


class AdaINSaveStyle:
    DESCRIPTION = (
        "Saves a style, a mixture or a bank into models/adain_styles, as a file of a few "
        "kilobytes. Load AdaIN Style loads it again, without the picture and without encoding."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases("keep style", "export style")
    FUNCTION = "save"
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    RETURN_NAMES = ()
    OUTPUT_TOOLTIPS = ()

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "style": schema.socket(schema.STYLE, "Style, mixture or bank to save."),
                "filename_prefix": (
                    "STRING",
                    {
                        "default": "style",
                        "tooltip": "Name of the file; a number is appended, so nothing is "
                        "overwritten. art/oil saves into the subfolder art; %year%, %month%, %day% "
                        "and the like are filled in.",
                    },
                ),
            },
            "optional": {
                "preview": schema.socket(
                    "IMAGE",
                    "Picture to show for the style in ComfyUI's model library, such as the style "
                    "picture. A small copy is saved in the file.",
                ),
            },
        }

    def save(
        self, *, style: Style, filename_prefix: str, preview: Tensor | None = None
    ) -> dict[str, Any]:
        host = surroundings.current()
        folders = host.style_folders()
        path = new_style_path(host.file_name(filename_prefix), folders)
        save_style(path, style, preview=() if preview is None else preview)
        logger.info("Saved the style %s", path)
        return {"ui": {"text": (path.relative_to(folders[0]).as_posix(),)}}


class AdaINLoadStyle:
    DESCRIPTION = (
        "Loads a ready-made style, or one saved by Save AdaIN Style or by the command `adain-nodes "
        "styles save`. It fits every model with the encoder that made it."
    )
    CATEGORY = schema.CATEGORY
    SEARCH_ALIASES = schema.aliases(
        "ready-made styles", "style preset", "style library", "artistic", "paint"
    )
    FUNCTION = "load"
    RETURN_TYPES = (schema.STYLE,)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ("The style or bank, for AdaIN or AdaIN Interpolate Styles.",)

    @classmethod
    def INPUT_TYPES(cls) -> schema.Inputs:  # noqa: N802  ComfyUI's name
        return {
            "required": {
                "style_name": schema.choice(
                    list_styles(_folders()),
                    "Ready-made styles, and files in models/adain_styles and its subfolders. Press "
                    "R to see new ones.",
                ),
            }
        }

    @classmethod
    def VALIDATE_INPUTS(cls, style_name: str | None = None) -> bool | str:  # noqa: N802
        # ComfyUI's own check would say "value not in list", and asks by position.
        if style_name is not None:
            try:
                _file(style_name)
            except InputError as error:
                return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, style_name: str | None) -> str | float:  # noqa: N802  ComfyUI's name
        if style_name is None:  # linked, and not known yet
            return float("nan")
        return hashlib.sha256(_file(style_name).read_bytes()).hexdigest()

    def load(self, *, style_name: str) -> tuple[Style]:
        return (load_style(_file(style_name)),)


def style_picture(name: str) -> bytes:
    """The preview in a style file: its picture, or all of a bank's.

    Raises:
        InputError: there is no such style, or none in its file.
    """
    preview = read_style_file(_file(name)).preview
    if preview is None:
        raise InputError(f"{name} has no preview")
    return preview


def _folders() -> list[Path]:
    """The user's folders, and behind them that of the package."""
    return [*surroundings.current().style_folders(), ready_made.FOLDER]


def _file(name: str) -> Path:
    return find_style(name, _folders())

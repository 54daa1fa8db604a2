"""The ready-made styles: style files that the package carries. Free of torch."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "ready_made_styles"
"""Where they lie, each as NAME.safetensors. Made by tools/art/build_styles.py."""


def ready_made_styles() -> dict[str, Path]:
    """The file of every ready-made style by its name, such as "swirls", sorted."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def named_style(path: Path) -> Path:
    """The file of the ready-made style of this name, or the path itself if there is none or if it
    is that of a file or folder."""
    return path if path.exists() else ready_made_styles().get(str(path), path)

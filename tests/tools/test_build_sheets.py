"""The pictures of the documentation can all be made, and are all shown."""

from __future__ import annotations

import re
from pathlib import Path

import build_sheets
import pytest
from PIL import Image

from adain_nodes.models.model import Model

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SIZE": 16, "CELL": 8, "FRAMES": 3, "SHOWN_FRAMES": (0, 2)}.items():
        monkeypatch.setattr(build_sheets, name, value)


def test_every_sheet_has_full_rows(model: Model) -> None:
    for name, make in build_sheets.SHEETS.items():
        assert len({len(row) for row in make(model)}) == 1, name


def test_sheets_are_written_under_their_names(tmp_path: Path, model: Model) -> None:
    build_sheets.build(["style-mask"], tmp_path, model)
    with Image.open(tmp_path / "style-mask.webp") as sheet:
        assert sheet.size == (4 * 8 + 3 * 6, 3 * 8 + 2 * 6)


def test_documents_show_every_sheet_and_no_other() -> None:
    documents = "".join(path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md")))
    shown = set(re.findall(r"!\[[^]]*]\((?:docs/)?([\w-]+)\.webp\)", documents))
    assert shown == {path.stem for path in ROOT.glob("docs/*.webp")}
    # Made by other scripts, or taken of ComfyUI's page.
    others = {name for name in shown if name == "styles" or name.startswith("workflow-")}
    assert shown - others == set(build_sheets.SHEETS)

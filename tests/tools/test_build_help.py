"""The help pages in other languages are those that the locales give, and each has its picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from build_help import DOCS, EFFECTS, LOCALES, PICTURES, WORDS, pages
from PIL import Image

from adain_nodes.nodes import NODE_CLASS_MAPPINGS

SIDEBAR = 480
"""Px that a picture may be wide; the page scales it to the sidebar, which is 300 px and more."""

PAGES = sorted(DOCS.rglob("*.md"))


def test_pages_are_those_of_the_locales() -> None:
    assert WORDS.keys() == {path.name for path in LOCALES.iterdir()}
    made = pages()
    assert {path for path in PAGES if path.parent != DOCS} == made.keys()
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, path


def test_every_node_has_a_page_in_every_language() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == NODE_CLASS_MAPPINGS.keys()
    for node in NODE_CLASS_MAPPINGS:
        assert {path.stem for path in (DOCS / node).iterdir()} == WORDS.keys()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_page_shows_its_picture(path: Path) -> None:
    node = path.stem if path.parent == DOCS else path.parent.name
    # The page resolves addresses from docs/, also those of docs/NODE/LOCALE.md.
    assert re.findall(r"\]\(([^)]*)\)", path.read_text(encoding="utf-8")) == [
        f"pictures/{node}.webp"
    ]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_page_has_nothing_that_the_sidebar_is_too_narrow_for(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        assert not line.startswith("|"), "a table"
        if line.startswith("    "):  # is not wrapped
            assert len(line) <= 50, line


@pytest.mark.parametrize("node", NODE_CLASS_MAPPINGS)
def test_pictures_are_small_and_fit_the_sidebar(node: str) -> None:
    path = PICTURES / f"{node}.webp"
    with Image.open(path) as picture:
        assert picture.width <= SIDEBAR
    assert path.stat().st_size < 40_000


def test_there_is_an_effect_for_every_node() -> None:
    assert EFFECTS.keys() == NODE_CLASS_MAPPINGS.keys()

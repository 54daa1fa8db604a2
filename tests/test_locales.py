"""The translations that ComfyUI shows, against the nodes: English is what the classes say. Options
are shown by web/adain.js."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.nodes.schema import CATEGORY

from .node_inputs import inputs_of

LOCALES = sorted((Path(__file__).parents[1] / "locales").iterdir())
Translation = dict[str, Any]

WITH_HELP = (
    "AdaINModelLoader",
    "AdaINTransfer",
    "AdaINStylize",
    "AdaINRefine",
    "AdaINStylizeVideo",
)
"""Nodes whose help page says more than what their inputs are: see tools/build_help.py."""

UNTRANSLATED = ("model_name", "image", "style_name", "precision")
"""Combos of names, which are the same in every language."""


def strings(translation: Translation) -> Iterator[str]:
    for value in translation.values():
        if isinstance(value, dict):
            yield from strings(value)
        else:
            yield value


@pytest.fixture(params=LOCALES, ids=lambda path: path.name)
def translation(request: pytest.FixtureRequest) -> Translation:
    result: Translation = json.loads((request.param / "nodeDefs.json").read_text(encoding="utf-8"))
    return result


def test_there_are_translations() -> None:
    languages = {"ar", "es", "fr", "ja", "ko", "pt-BR", "ru", "tr", "zh", "zh-TW"}
    assert {path.name for path in LOCALES} == languages


def test_everything_that_a_node_shows_is_translated_and_nothing_else(
    translation: Translation,
) -> None:
    assert list(translation) == list(NODE_CLASS_MAPPINGS)
    for name, node in NODE_CLASS_MAPPINGS.items():
        entry = translation[name]
        assert entry.keys() <= {"display_name", "description", "inputs", "help", "outputs"}, name
        assert ("help" in entry) == (name in WITH_HELP), name
        assert entry["inputs"].keys() == inputs_of(node).keys(), name
        outputs = entry.get("outputs", {})
        assert list(outputs) == [str(index) for index in range(len(node.RETURN_TYPES))], name  # type: ignore[attr-defined]
        for key, part in (*entry["inputs"].items(), *outputs.items()):
            assert part.keys() - {"options"} == {"name", "tooltip"}, f"{name}.{key}"
        for key, (kind, _) in inputs_of(node).items():
            options = kind if isinstance(kind, list) and key not in UNTRANSLATED else []
            assert list(entry["inputs"][key].get("options", {})) == options, f"{name}.{key}"


def test_no_text_is_empty_or_holds_what_the_frontend_takes_for_syntax(
    translation: Translation,
) -> None:
    for text in strings(translation):
        assert text
        assert text == text.strip()
        # vue-i18n: {argument}, @:link, plural | forms.
        assert not re.search(r"[{}@|$]", text), text


def test_options_are_explained_under_the_names_that_the_widget_shows(
    translation: Translation,
) -> None:
    for name, node in NODE_CLASS_MAPPINGS.items():
        for key, (kind, options) in inputs_of(node).items():
            if isinstance(kind, list):
                for option in kind:
                    if f"'{option}'" in options["tooltip"]:
                        tooltip = translation[name]["inputs"][key]["tooltip"]
                        assert f"'{option}'" in tooltip, f"{name}.{key}"


def test_numbers_and_names_in_texts_are_those_of_the_english_ones(translation: Translation) -> None:
    """What users are to type or find is not to be translated."""
    exact = re.compile(
        r"models/[a-z_]+|[a-z]+\.safetensors|adain-[\w-]+|0:[\d,: ./send]+\d|relu4_1|%\w+%"
    )
    for name, node in NODE_CLASS_MAPPINGS.items():
        for key, (_, options) in inputs_of(node).items():
            tooltip = translation[name]["inputs"][key]["tooltip"]
            for word in exact.findall(options["tooltip"]):
                assert word in tooltip, f"{name}.{key}: {word}"


@pytest.mark.parametrize("locale", LOCALES, ids=lambda path: path.name)
def test_the_category_is_translated(locale: Path) -> None:
    main = json.loads((locale / "main.json").read_text(encoding="utf-8"))
    (category,) = main["nodeCategories"]
    assert f"image/{category}" == CATEGORY  # "image" is one of ComfyUI's own
    assert main["nodeCategories"][category] != category

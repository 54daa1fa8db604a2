"""The translations that ComfyUI shows, against the nodes: English is what the classes say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adain_nodes.nodes import NODE_CLASS_MAPPINGS

from .node_inputs import inputs_of

LOCALES = sorted((Path(__file__).parents[1] / "locales").iterdir())
Translation = dict[str, Any]


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
    assert {"ja", "zh"} <= {path.name for path in LOCALES}


def test_everything_that_a_node_shows_is_translated_and_nothing_else(
    translation: Translation,
) -> None:
    assert list(translation) == list(NODE_CLASS_MAPPINGS)
    for name, node in NODE_CLASS_MAPPINGS.items():
        entry = translation[name]
        assert entry.keys() <= {"display_name", "description", "inputs", "outputs"}, name
        assert entry["inputs"].keys() == inputs_of(node).keys(), name
        outputs = entry.get("outputs", {})
        assert list(outputs) == [str(index) for index in range(len(node.RETURN_TYPES))], name  # type: ignore[attr-defined]
        for part in (*entry["inputs"].values(), *outputs.values()):
            assert part.keys() == {"name", "tooltip"}, name


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

"""What ComfyUI reads off the node classes."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import adain_nodes
from adain_nodes.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

from ..node_inputs import inputs_of

NODES: list[tuple[str, Any]] = sorted(NODE_CLASS_MAPPINGS.items())
HELP = Path(adain_nodes.__path__[0]) / "nodes" / "web" / "docs"


def test_every_node_has_a_display_name() -> None:
    assert NODE_DISPLAY_NAME_MAPPINGS.keys() == NODE_CLASS_MAPPINGS.keys()


@pytest.mark.parametrize("query", ["style transfer", "neural style"])
def test_every_node_is_found_by_what_people_search_for(query: str) -> None:
    assert all(query in node.SEARCH_ALIASES for _, node in NODES)


@pytest.mark.parametrize("query", ["artistic", "paint"])
def test_the_nodes_to_begin_with_are_found_by_what_they_are_for(query: str) -> None:
    found = {name for name, node in NODES if query in node.SEARCH_ALIASES}
    assert found == {"AdaINStylize", "AdaINStylizeVideo", "AdaINLoadStyle"}


def test_style_transfer_is_found_where_only_names_are_searched() -> None:
    found = {n for n, shown in NODE_DISPLAY_NAME_MAPPINGS.items() if "Style Transfer" in shown}
    assert found == {"AdaINStylize", "AdaINStylizeVideo"}


@pytest.mark.parametrize(("name", "node"), NODES)
class TestEveryNode:
    def test_describes_itself_and_has_a_help_page(self, name: str, node: Any) -> None:
        assert node.DESCRIPTION
        assert node.CATEGORY == "image/style transfer"
        assert (HELP / f"{name}.md").is_file()

    def test_has_a_tooltip_on_every_input_and_output(self, name: str, node: Any) -> None:
        for input_name, (_, options) in inputs_of(node).items():
            assert options.get("tooltip"), f"{name}.{input_name}"
        assert len(node.OUTPUT_TOOLTIPS) == len(node.RETURN_TYPES) == len(node.RETURN_NAMES)

    def test_has_a_function_that_takes_its_inputs_by_name(self, name: str, node: Any) -> None:
        parameters = inspect.signature(getattr(node(), node.FUNCTION)).parameters.values()
        assert all(
            parameter.kind.name in ("KEYWORD_ONLY", "VAR_KEYWORD") for parameter in parameters
        )
        takes_any = any(parameter.kind.name == "VAR_KEYWORD" for parameter in parameters)
        named = {
            parameter.name for parameter in parameters if parameter.kind.name == "KEYWORD_ONLY"
        }
        assert named <= inputs_of(node).keys(), name
        assert takes_any or named == inputs_of(node).keys()

    def test_requires_what_has_no_default(self, name: str, node: Any) -> None:
        parameters = inspect.signature(getattr(node(), node.FUNCTION)).parameters
        optional = node.INPUT_TYPES().get("optional", {})
        for parameter in parameters.values():
            if parameter.kind.name == "KEYWORD_ONLY":
                has_default = parameter.default is not inspect.Parameter.empty
                assert has_default == (parameter.name in optional), f"{name}.{parameter.name}"

    def test_offers_defaults_within_their_range(self, name: str, node: Any) -> None:
        for input_name, (kind, options) in inputs_of(node).items():
            if kind in ("INT", "FLOAT"):
                low, default, high = (options[key] for key in ("min", "default", "max"))
                assert low <= default <= high, f"{name}.{input_name}"
            elif isinstance(kind, list):
                # Only of styles there may be none: they are files of the user's.
                assert kind or input_name == "style_name", f"{name}.{input_name}"
                assert not kind or options["default"] == kind[0], f"{name}.{input_name}"


SNAPSHOT = Path(__file__).parent / "schema.json"
"""What workflows refer to, which never changes; inputs may be appended at the end of a group."""

FILES = ("model_name", "image", "style_name")
"""Combos of files, which differ from machine to machine."""


def test_nodes_sockets_and_widgets_are_those_that_workflows_know() -> None:
    assert schema_of_all() == json.loads(SNAPSHOT.read_text())


def schema_of_all() -> dict[str, Any]:
    """What a saved workflow or its API form depends on, of every node."""
    return {name: _schema_of(node) for name, node in NODE_CLASS_MAPPINGS.items()}


def _schema_of(node: Any) -> dict[str, Any]:
    groups = {
        group: [
            [
                name,
                *_without_files(name, kind),
                _without_texts(name, options),
            ]
            for name, (kind, options) in inputs.items()
        ]
        for group, inputs in node.INPUT_TYPES().items()
    }
    return {
        "inputs": groups,
        "outputs": [list(pair) for pair in zip(node.RETURN_NAMES, node.RETURN_TYPES, strict=True)],
        "output_node": getattr(node, "OUTPUT_NODE", False),
    }


def _without_files(name: str, kind: Any) -> list[Any]:
    return ["COMBO of files" if name in FILES and isinstance(kind, list) else kind]


def _without_texts(name: str, options: dict[str, Any]) -> dict[str, Any]:
    hidden = {"tooltip", *(["default"] if name in FILES else [])}
    return {key: value for key, value in options.items() if key not in hidden}

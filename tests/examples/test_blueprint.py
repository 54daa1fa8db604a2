"""The subgraph blueprint, checked against the nodes as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adain_nodes.nodes import NODE_CLASS_MAPPINGS

from ..node_inputs import inputs_of
from .test_workflows import is_widget

PATH = Path(__file__).parents[2] / "subgraphs" / "Stylise a picture.json"
INPUT, OUTPUT = -10, -20
"""Ids of what a subgraph has in place of a node for its own sockets."""


@pytest.fixture
def blueprint() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return data


@pytest.fixture
def subgraph(blueprint: dict[str, Any]) -> dict[str, Any]:
    (definition,) = blueprint["definitions"]["subgraphs"]
    assert isinstance(definition, dict)
    return definition


def test_its_node_has_the_sockets_of_its_graph(
    blueprint: dict[str, Any], subgraph: dict[str, Any]
) -> None:
    (node,) = blueprint["nodes"]
    assert node["type"] == subgraph["id"]
    assert node["title"] == subgraph["name"] == PATH.stem
    for group in ("inputs", "outputs"):
        sockets = [[(each["name"], each["type"]) for each in of[group]] for of in (node, subgraph)]
        assert sockets[0] == sockets[1]
    assert [each["name"] for each in node["inputs"] if "widget" in each] == ["alpha"]
    alpha = inputs_of(NODE_CLASS_MAPPINGS["AdaINStylize"])["alpha"]
    assert node["widgets_values"] == [alpha[1]["default"]]


def test_its_links_join_equal_sockets_and_both_ends_know_them(subgraph: dict[str, Any]) -> None:
    nodes = {node["id"]: node for node in subgraph["nodes"]}
    for link in subgraph["links"]:
        source, target = link["origin_id"], link["target_id"]
        outputs = subgraph["inputs"] if source == INPUT else nodes[source]["outputs"]
        inputs = subgraph["outputs"] if target == OUTPUT else nodes[target]["inputs"]
        output, socket = outputs[link["origin_slot"]], inputs[link["target_slot"]]
        assert output["type"] == socket["type"] == link["type"]
        assert link["id"] in output.get("linkIds", output.get("links"))
        assert link["id"] in socket.get("linkIds", [socket.get("link")])
    promoted = [each["name"] for each in nodes[2]["inputs"] if "widget" in each]
    assert promoted == ["alpha"]


def test_its_nodes_hold_a_value_for_each_widget(subgraph: dict[str, Any]) -> None:
    for node in subgraph["nodes"]:
        inputs = inputs_of(NODE_CLASS_MAPPINGS[node["type"]])
        widgets = [key for key, spec in inputs.items() if is_widget(spec)]
        for key, value in zip(widgets, node["widgets_values"], strict=True):
            options = inputs[key][1]
            assert value == options.get("default", value), key

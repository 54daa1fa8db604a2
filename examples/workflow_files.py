"""The graphs of `workflow_graphs.py` in ComfyUI's two formats: as its UI saves them, and as its
API runs them. Both follow what a running ComfyUI says of its nodes (/object_info)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from workflow_parts import Graph, Node, Output

WIDTH = 400
"""Of a node, px: what the newer node renderer makes of a node with widgets, or nearly."""

PITCH = 480
"""From column to column, px."""

STRETCH, GAP = 1.25, 120
"""Room below each other: a multiple of the height and so many px, since the newer node renderer
makes nodes taller."""

NOTE_HEIGHT = 420
SCALE = 0.62  # of the first view: five columns and the note fit a window of 1900 px
GROUP_COLOR = "#3f789e"
MARGIN = 20
TITLE = 30  # a node's title stands above its position
SLOT, WIDGET = 20, 24  # px that a socket and a widget take


class WorkflowError(Exception):
    """A graph that ComfyUI's nodes do not admit; the message says why."""


@dataclass(frozen=True)
class Input:
    """An input of a node class."""

    name: str
    kind: str
    """Type of its socket; COMBO for choices."""

    default: Any
    """Of a widget; None without one."""

    is_widget: bool
    required: bool


@dataclass(frozen=True)
class NodeClass:
    """What /object_info says of a node class."""

    title: str
    inputs: tuple[Input, ...]
    output_kinds: tuple[str, ...]
    output_names: tuple[str, ...]

    @classmethod
    def of(cls, name: str, info: dict[str, Any]) -> NodeClass:
        """Reads an entry of /object_info."""
        inputs = [
            _input(name, *info["input"][group][name], required=group == "required")
            for group in ("required", "optional")
            for name in info["input_order"].get(group, ())
        ]
        return cls(
            info["display_name"] or name,
            tuple(inputs),
            tuple(info["output"]),
            tuple(info["output_name"]),
        )


def _input(name: str, kind: Any, options: dict[str, Any] | None = None, *, required: bool) -> Input:
    options = options or {}
    if isinstance(kind, list):
        kind, options = "COMBO", {**options, "options": kind}
    is_widget = kind in ("COMBO", "INT", "FLOAT", "STRING", "BOOLEAN")
    default = options.get("default")
    if kind == "COMBO" and default is None:
        default = next(iter(options.get("options", ())), None)
    if is_widget and options.get("control_after_generate"):
        raise WorkflowError(f"{name} has a second widget (control_after_generate), not supported")
    return Input(name, kind, default, is_widget, required)


class Workflow:
    """A graph, checked against the node classes of a ComfyUI.

    Args:
        graph: what to write.
        object_info: the answer to /object_info.

    Raises:
        WorkflowError: a node, an input or an output does not exist, or a link is missing or of
            the wrong type.
    """

    def __init__(self, graph: Graph, object_info: dict[str, Any]) -> None:
        self.graph = graph
        self.nodes = [node for column in graph.columns for node in column.nodes]
        self.ids = {node: index for index, node in enumerate(self.nodes, 1)}
        self.classes: dict[Node, NodeClass] = {}
        for node in self.nodes:
            if node.kind not in object_info:
                raise WorkflowError(
                    f"{graph.name}: this ComfyUI has no node {node.kind}; is the pack installed?"
                )
            self.classes[node] = NodeClass.of(node.kind, object_info[node.kind])
        for node in self.nodes:
            self._check(node)

    def api(self) -> dict[str, Any]:
        """The format of /prompt."""
        prompt = {}
        for node in self.nodes:
            inputs = dict(self._widgets(node))
            for name, source, slot in self._links(node):
                inputs[name] = [str(self.ids[source]), slot]
            prompt[str(self.ids[node])] = {
                "class_type": node.kind,
                "inputs": inputs,
                "_meta": {"title": node.title or self.classes[node].title},
            }
        return prompt

    def ui(self) -> dict[str, Any]:
        """The format that the UI saves."""
        links: list[list[Any]] = []
        nodes: dict[Node, dict[str, Any]] = {}
        for order, (node, position) in enumerate(self._positions().items()):
            kind = self.classes[node]
            nodes[node] = {
                "id": self.ids[node],
                "type": node.kind,
                "pos": list(position),
                "size": [WIDTH, self._height(node)],
                "flags": {},
                "order": order,
                "mode": 0,
                "inputs": [
                    {"name": each.name, "type": each.kind, "link": None}
                    for each in kind.inputs
                    if not each.is_widget
                ],
                "outputs": [
                    {"name": name, "type": output, "links": []}
                    for name, output in zip(kind.output_names, kind.output_kinds, strict=True)
                ],
                "properties": {"Node name for S&R": node.kind},
                "widgets_values": [value for _, value in self._widgets(node)],
            }
            if node.title:
                nodes[node]["title"] = node.title
        for node in self.nodes:
            sockets = {socket["name"]: socket for socket in nodes[node]["inputs"]}
            for name, source, slot in self._links(node):
                number = len(links) + 1
                target = list(sockets).index(name)
                output = nodes[source]["outputs"][slot]
                links.append(
                    [number, self.ids[source], slot, self.ids[node], target, output["type"]]
                )
                sockets[name]["link"] = number
                output["links"].append(number)
        return {
            "last_node_id": len(self.nodes) + 1,
            "last_link_id": len(links),
            "nodes": [*nodes.values(), self._note()],
            "links": links,
            "groups": self._groups(),
            "config": {},
            "extra": {"ds": {"scale": SCALE, "offset": [PITCH + 5 * MARGIN, 10 * MARGIN]}},
            "version": 0.4,
        }

    def id_of(self, node: Node) -> str:
        """The node's id in the API format."""
        return str(self.ids[node])

    def _check(self, node: Node) -> None:
        where = f"{self.graph.name}: {node.title or node.kind}"
        known = {each.name: each for each in self.classes[node].inputs}
        for name, value in node.inputs.items():
            if name not in known:
                raise WorkflowError(f"{where} has no input {name}; it has {', '.join(known)}")
            if known[name].is_widget == isinstance(value, Node | Output):
                raise WorkflowError(f"{where}: {name} must be linked, or must not be")
        for name, source, slot in self._links(node):
            kind = self.classes[source].output_kinds[slot]
            if kind != known[name].kind:
                raise WorkflowError(f"{where}: {name} takes {known[name].kind}, got {kind}")
        for each in known.values():
            if each.required and not each.is_widget and each.name not in node.inputs:
                raise WorkflowError(f"{where}: {each.name} is not linked")

    def _widgets(self, node: Node) -> Iterator[tuple[str, Any]]:
        """Names and values of the widgets, in their order."""
        for each in self.classes[node].inputs:
            if each.is_widget:
                yield each.name, node.inputs.get(each.name, each.default)

    def _links(self, node: Node) -> Iterator[tuple[str, Node, int]]:
        """Linked inputs in their order, with the node that each comes from and its output."""
        for each in self.classes[node].inputs:
            value = node.inputs.get(each.name)
            if isinstance(value, Node):
                yield each.name, value, 0
            elif isinstance(value, Output):
                names = self.classes[value.node].output_names
                if value.name not in names:
                    raise WorkflowError(
                        f"{self.graph.name}: {value.node.kind} has no output {value.name}"
                    )
                yield each.name, value.node, names.index(value.name)

    def _height(self, node: Node) -> int:
        inputs = self.classes[node].inputs
        widgets = sum(each.is_widget for each in inputs)
        sockets = max(len(inputs) - widgets, len(self.classes[node].output_kinds))
        return SLOT * sockets + WIDGET * widgets + 14 + node.picture_height

    def _positions(self) -> dict[Node, tuple[int, int]]:
        """Where nodes stand: a row begins where no node above one of its nodes is in the way."""
        tops = [0] * (max(node.row for node in self.nodes) + 1)
        above = {
            lower: upper for column in self.graph.columns for upper, lower in pairwise(column.nodes)
        }
        for lower, upper in sorted(above.items(), key=lambda pair: pair[0].row):
            needed = tops[upper.row] + round(STRETCH * self._height(upper)) + GAP
            for row in range(lower.row, len(tops)):
                tops[row] = max(tops[row], needed)
        return {
            node: (index * PITCH, tops[node.row])
            for index, column in enumerate(self.graph.columns)
            for node in column.nodes
        }

    def _groups(self) -> list[dict[str, Any]]:
        """A frame around each column."""
        positions = self._positions()
        top = -TITLE - 2 * MARGIN - 10
        bottom = max(y + self._height(node) for node, (_, y) in positions.items()) + 4 * MARGIN
        return [
            {
                "id": index + 1,
                "title": column.title,
                "bounding": [index * PITCH - MARGIN, top, WIDTH + 2 * MARGIN, bottom - top],
                "color": GROUP_COLOR,
                "font_size": 24,
                "flags": {},
            }
            for index, column in enumerate(self.graph.columns)
        ]

    def _note(self) -> dict[str, Any]:
        """What to do, left of the first column. The UI knows this node, the API does not."""
        return {
            "id": len(self.nodes) + 1,
            "type": "MarkdownNote",
            "title": "Note",
            "pos": [-PITCH, 0],
            "size": [WIDTH, NOTE_HEIGHT],
            "flags": {},
            "order": len(self.nodes),
            "mode": 0,
            "inputs": [],
            "outputs": [],
            "properties": {},
            "widgets_values": [self.graph.note],
            "color": "#432",
            "bgcolor": "#653",
        }

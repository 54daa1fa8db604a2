"""The graphs of `workflow_graphs.py` in ComfyUI's two formats: as its UI saves them, and as its
API runs them. Both follow what a running ComfyUI says of its nodes (/object_info)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_layout import PITCH, RAIL, WIDTH, Layout, Link, Point, Shape, wrapped
from workflow_parts import Graph, Node, Output

NOTE_HEIGHT = 420
WINDOW = 1850  # px that the first view may take beside the menu
SCALES = (0.4, 0.62)  # of the first view: texts are left out below, and nothing is gained above
GROUP_COLOR = "#3f789e"


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
        shapes = {node: self._shape(node) for node in self.nodes}
        layout = Layout(self.graph, shapes)
        nodes: dict[Node, dict[str, Any]] = {}
        for order, (node, position) in enumerate(layout.positions.items()):
            kind = self.classes[node]
            nodes[node] = {
                "id": self.ids[node],
                "type": node.kind,
                "pos": list(position),
                "size": [WIDTH, shapes[node].height],
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
        links = self._all_links()
        for number, link in enumerate(links, 1):
            nodes[link.source]["outputs"][link.output]["links"].append(number)
            nodes[link.target]["inputs"][link.input]["link"] = number
        columns = len(self.graph.columns) + 1
        scale = min(max(WINDOW / (columns * PITCH), SCALES[0]), SCALES[1])
        return {
            "last_node_id": len(self.nodes) + 1,
            "last_link_id": len(links),
            "nodes": [*nodes.values(), self._note()],
            "links": [
                [
                    number,
                    self.ids[link.source],
                    link.output,
                    self.ids[link.target],
                    link.input,
                    self.classes[link.source].output_kinds[link.output],
                ]
                for number, link in enumerate(links, 1)
            ],
            "groups": [
                {
                    "id": number,
                    "title": title,
                    "bounding": box,
                    "color": GROUP_COLOR,
                    "font_size": 24,
                    "flags": {},
                }
                for number, (title, box) in enumerate(layout.frames(), 1)
            ],
            "config": {},
            "extra": {
                "ds": {"scale": round(scale, 2), "offset": [PITCH + 100, 100 - RAIL]},
                **_reroutes(links, layout.routes(links)),
            },
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

    def _all_links(self) -> list[Link]:
        sockets = {
            node: [each.name for each in self.classes[node].inputs if not each.is_widget]
            for node in self.nodes
        }
        return [
            Link(source, slot, node, sockets[node].index(name))
            for node in self.nodes
            for name, source, slot in self._links(node)
        ]

    def _shape(self, node: Node) -> Shape:
        inputs = self.classes[node].inputs
        widgets = sum(each.is_widget for each in inputs)
        outputs = len(self.classes[node].output_kinds)
        return Shape(len(inputs) - widgets, outputs, widgets, node.picture_height)

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
            "widgets_values": [wrapped(self.graph.note)],
            "color": "#432",
            "bgcolor": "#653",
        }


def _reroutes(links: Sequence[Link], routes: Sequence[Sequence[Point]]) -> dict[str, Any]:
    """Routes as the UI saves them: a tree of points for each output; links name their last one."""
    points: dict[tuple[Node, int, tuple[Point, ...]], dict[str, Any]] = {}
    extensions = []
    for number, (link, route) in enumerate(zip(links, routes, strict=True), 1):
        parent: dict[str, int] = {}
        for end in range(1, len(route) + 1):
            key = link.source, link.output, tuple(route[:end])
            if key not in points:
                place = {"id": len(points) + 1, **parent, "pos": list(route[end - 1])}
                points[key] = {**place, "linkIds": []}
            points[key]["linkIds"].append(number)
            parent = {"parentId": points[key]["id"]}
        if parent:
            extensions.append({"id": number, **parent})
    return {"reroutes": list(points.values()), "linkExtensions": extensions}

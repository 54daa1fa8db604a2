"""What the graphs of `workflow_graphs.py` are described with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False)
class Node:
    """One node of a graph."""

    kind: str
    """Its class in ComfyUI."""

    title: str | None
    """What the UI calls it; its display name if absent."""

    inputs: dict[str, Value]
    """Widgets' values, and what is linked."""

    row: int
    """Counted from the top of the graph; nodes of a row are aligned."""

    picture_height: int
    """Room in px for the picture it shows."""

    def __getitem__(self, name: str) -> Output:
        return Output(self, name)


@dataclass(frozen=True)
class Output:
    """An output of a node by name. The node itself stands for its first."""

    node: Node
    name: str


Value = str | int | float | bool | Node | Output


@dataclass
class Column:
    """Nodes below each other."""

    title: str
    nodes: list[Node] = field(default_factory=list)

    def add(
        self,
        kind: str,
        title: str | None = None,
        *,
        row: int | None = None,
        picture_height: int = 0,
        **inputs: Value,
    ) -> Node:
        """Adds a node in a row, by default below the one that was added last."""
        if row is None:
            row = self.nodes[-1].row + 1 if self.nodes else 0
        node = Node(kind, title, inputs, row, picture_height)
        self.nodes.append(node)
        return node

    def picture(self, image: str, title: str, *, row: int | None = None) -> Node:
        """Adds one of the pictures in examples/images."""
        return self.add("AdaINExampleImage", title, row=row, image=image)

    def save(self, images: Node, title: str | None = None, *, row: int | None = None) -> Node:
        """Adds a node that shows and saves a result."""
        return self.add(
            "SaveImage", title, row=row, picture_height=300, images=images, filename_prefix="AdaIN"
        )


@dataclass
class Graph:
    """A workflow."""

    name: str
    """Of its files."""

    note: str
    """What to do with it, in Markdown; stands to the left of the nodes."""

    columns: list[Column] = field(default_factory=list)

    results: list[Node] = field(default_factory=list)
    """Nodes whose pictures the thumbnail shows; several stand side by side as vertical strips."""

    insets: list[Node] = field(default_factory=list)
    """Pictures that the thumbnail shows small, at the lower edge of the result."""

    def column(self, title: str) -> Column:
        """Adds a column to the right."""
        self.columns.append(Column(title))
        return self.columns[-1]

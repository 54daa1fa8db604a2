"""Where the nodes of a graph stand, and the lanes in which its links run.

Nodes are drawn by two renderers. The newer one makes them taller, and a note as wide as its longest
line; there is room for both.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workflow_parts import Graph, Node

WIDTH = 430
"""Of a node, px; as wide as the newer renderer makes a node with widgets."""

PITCH = 560
"""From column to column, px."""

SPACE = 90
"""Free room between a node and the title of the next one below, px."""

TITLE = 30
"""Height of a node's title, which stands above its position, px."""

RAIL = -100
"""Where the uppermost links run, px; the first nodes are at 0."""

LANE = 14
"""Between links side by side, px."""

FALL = 200
"""Px that a link may rise or fall in the curve that ends it; longer curves reach behind nodes."""

NOTE_WIDTH = 45
"""Characters in a line of a note."""

PICTURE = 400
"""Px that a picture takes in the newer renderer, which shows a square of it."""

_SLOT, _WIDGET = 20, 24  # px that a socket and a widget take
_BADGE, _FOOT = 26, 14  # px to keep free above a title, where the UI names the pack, and below
_ASIDE = 30  # px from a node to where a link turns
_MARGIN = 20  # px from a node to the frame of its column
_HEADLINE = 45  # px that the title of a column takes

Point = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """What the size of a node follows from."""

    inputs: int
    """Sockets on the left."""

    outputs: int
    """Sockets on the right."""

    widgets: int
    """All of one line."""

    picture: int
    """Px for what the node shows."""

    @property
    def height(self) -> int:
        """Px below the title, as the older renderer draws the node."""
        sockets = max(self.inputs, self.outputs)
        return _SLOT * sockets + _WIDGET * self.widgets + 14 + self.picture

    @property
    def room(self) -> int:
        """Px below the title that it takes in either renderer; measured in the newer one."""
        sockets, margin = max(self.inputs, self.outputs), 8 if self.widgets else 0
        picture = max(self.picture, PICTURE) if self.picture else 0
        return 51 + 28 * sockets + 38 * self.widgets + margin + picture


@dataclass(frozen=True)
class Link:
    """From an output to an input."""

    source: Node
    output: int
    """Counted from 0, as `input`."""

    target: Node
    input: int


class Layout:
    """The nodes of a graph in columns, those of a column in the order of their rows.

    Args:
        graph: what to lay out.
        shapes: of all its nodes.
    """

    def __init__(self, graph: Graph, shapes: Mapping[Node, Shape]) -> None:
        self._titles = [column.title for column in graph.columns]
        self._columns = [sorted(each.nodes, key=lambda node: node.row) for each in graph.columns]
        self._shapes = shapes
        self._column_of = {
            node: index for index, column in enumerate(self._columns) for node in column
        }
        self.positions = self._positions()
        self.bottom = max(y + shapes[node].room for node, (_, y) in self.positions.items())

    def _positions(self) -> dict[Node, Point]:
        """A row begins where no node above one of its nodes is in the way."""
        tops = [0] * (max(node.row for node in self._column_of) + 1)
        above = {lower: upper for column in self._columns for upper, lower in pairwise(column)}
        for lower, upper in sorted(above.items(), key=lambda pair: pair[0].row):
            needed = tops[upper.row] + self._shapes[upper].room + SPACE + TITLE
            for row in range(lower.row, len(tops)):
                tops[row] = max(tops[row], needed)
        return {node: (index * PITCH, tops[node.row]) for node, index in self._column_of.items()}

    def frames(self) -> Iterator[tuple[str, list[int]]]:
        """The title of each column; left, top, width and height of the frame around it."""
        top = RAIL - _HEADLINE
        for index, title in enumerate(self._titles):
            box = [
                index * PITCH - _MARGIN,
                top,
                WIDTH + 2 * _MARGIN,
                self.bottom + 2 * _MARGIN - top,
            ]
            yield title, box

    def routes(self, links: Sequence[Link]) -> list[list[Point]]:
        """For each link the points at which it turns, so that it passes columns between nodes.

        Links of one output share their way.
        """
        lanes: dict[int, dict[tuple[Node, int], int]] = {}
        routes = []
        for link in links:
            start = y = self._end(link.source, link.output)
            goal = self._end(link.target, link.input)
            first, last = self._column_of[link.source], self._column_of[link.target]
            route: list[Point] = []
            for column in range(first + 1, last):
                taken = lanes.setdefault(column, {})
                origin = link.source, link.output
                if origin not in taken:
                    taken[origin] = self._lane(column, y, goal, list(taken.values()))
                y = taken[origin]
                left = column * PITCH
                route += [(left - _ASIDE, y), (left + WIDTH + _ASIDE, y)]
            if route and abs(goal - y) > FALL:
                route.append((last * PITCH - _ASIDE, goal))
            routes.append(_turns((start, goal), route))
        return routes

    def _end(self, node: Node, socket: int) -> int:
        return self.positions[node][1] + round((socket + 0.7) * _SLOT)

    def _lane(self, column: int, start: int, goal: int, taken: Sequence[int]) -> int:
        """A free height in a column, on a short way from one height to another."""

        def detour(y: int) -> tuple[int, int]:
            return abs(y - start) + abs(y - goal), abs(y - start)

        gaps = list(self._gaps(column))
        heights = [y for low, high in gaps for y in range(low, high + 1, LANE)]
        if any(low <= start <= high for low, high in gaps):
            heights.append(start)
        free = [y for y in heights if all(abs(y - other) >= LANE for other in taken)]
        return min(free, key=detour)

    def _gaps(self, column: int) -> Iterator[tuple[int, int]]:
        """Heights at which links may pass a column, from above to below."""
        top = RAIL
        for node in self._columns[column]:
            y = self.positions[node][1]
            yield top, y - TITLE - _BADGE
            top = y + self._shapes[node].room + _FOOT
        yield top, max(top, self.bottom) + SPACE


def _turns(heights: tuple[int, int], route: Sequence[Point]) -> list[Point]:
    """The points of a route between two heights that do not lie on a straight level line."""
    levels = [heights[0], *(y for _, y in route), heights[1]]
    return [
        point
        for point, before, after in zip(route, levels, levels[2:], strict=False)
        if not before == point[1] == after
    ]


def wrapped(note: str) -> str:
    """Markdown with line breaks, which the newer renderer does not make by itself."""
    lines = []
    for line in note.splitlines():
        indent = "  " if line.startswith("- ") else ""
        parts = textwrap.wrap(line, NOTE_WIDTH, subsequent_indent=indent, break_on_hyphens=False)
        lines.append("  \n".join(parts))
    return "\n".join(lines)

"""How the example workflows look in the UI: all of a graph can be read when it opens.

ComfyUI opens a template as its *Fit View* does. The arithmetic of that, of nodes and of links is
that of its frontends 1.35 to 1.58; tests/comfyui compares it with the page itself.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

WORKFLOWS = Path(__file__).parents[2] / "examples" / "workflows"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))

WINDOW = 1920, 1080
"""Px; the canvas takes all of it, menus lie over it."""

FILLED, AROUND = 0.75, 10
"""Part of the window that Fit View fills, with the nodes and that many px around them."""

READABLE, COMFORTABLE = 0.6, 0.75
"""Scale of all and of the easy templates; below 0.571 the page draws no text."""

EASY = NAMES[:5]

TITLE = 30
"""Px that a node's title stands above its position."""

SLOT, WIDGET, AROUND_WIDGETS, BOTTOM = 20, 24, 8, 6
"""Px from socket to socket, from widget to widget, around all widgets, and below all."""

PICTURE = 220
"""Px, at least, of a picture on a node."""

LEAST_WIDTH = 210
"""Px of a node with widgets."""

NEW_WIDTH, NEW_WIDGET, NEW_BOTTOM, NEW_BADGE = 225, 28, 14, 24
"""Px in Nodes 2.0: of a node at least, from widget to widget, below all, and of a pack's name."""

GAP = 4
"""Px between nodes, at least."""

EDGE = 10
"""Px by which a curve may lie behind the edge of a node that it passes."""

NOTE = "MarkdownNote"
SHOWS_PICTURES = {
    "AdaINExampleImage", "LoadVideo", "PreviewImage", "SaveAnimatedWEBP", "SaveImage", "SaveVideo",
}  # fmt: skip

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def workflow(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def box(node: dict[str, Any]) -> Box:
    """With its title."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height


def frame(group: dict[str, Any]) -> Box:
    x, y, width, height = group["bounding"]
    return x, y, x + width, y + height


def bounds(boxes: list[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def apart(a: Box, b: Box, gap: float = 0) -> bool:
    across = a[0] - b[2] >= gap or b[0] - a[2] >= gap
    return across or a[1] - b[3] >= gap or b[1] - a[3] >= gap


def new_box(node: dict[str, Any]) -> Box:
    """The same in Nodes 2.0, which enlarges small nodes."""
    left, top, right, bottom = box(node)
    height = rows(node) * SLOT + len(node["widgets_values"]) * NEW_WIDGET + NEW_BOTTOM
    height += NEW_BADGE * node["type"].startswith("AdaIN")
    return left, top, max(right, left + NEW_WIDTH), max(bottom, top + TITLE + height)


def rows(node: dict[str, Any]) -> int:
    """Of sockets."""
    sockets = [socket for socket in node["inputs"] if "widget" not in socket]
    return max(len(sockets), len(node["outputs"]))


def fitted_scale(data: dict[str, Any]) -> float:
    left, top, right, bottom = bounds([box(node) for node in data["nodes"]])
    return FILLED * min(
        WINDOW[0] / (right - left + 2 * AROUND), WINDOW[1] / (bottom - top + 2 * AROUND)
    )


def least_height(node: dict[str, Any]) -> float:
    """Px without title; the page enlarges a smaller node, at the latest to show its picture."""
    height = rows(node) * SLOT + BOTTOM
    if count := len(node["widgets_values"]):
        height += count * WIDGET + AROUND_WIDGETS
    return height + PICTURE * (node["type"] in SHOWS_PICTURES)


def curve(start: Point, end: Point) -> list[Point]:
    """Points on a link without reroutes: a cubic whose handles are a quarter as long as it."""
    handle = math.dist(start, end) / 4
    controls = (start, (start[0] + handle, start[1]), (end[0] - handle, end[1]), end)
    points = []
    for step in range(101):
        t = step / 100
        weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
        x, y = (
            sum(w * point[axis] for w, point in zip(weights, controls, strict=True))
            for axis in (0, 1)
        )
        points.append((x, y))
    return points


def straight(start: Point, end: Point) -> list[Point]:
    return [
        (start[0] + (end[0] - start[0]) * t / 100, start[1] + (end[1] - start[1]) * t / 100)
        for t in range(101)
    ]


def corners_of_links(data: dict[str, Any]) -> list[tuple[int, int, list[Point]]]:
    """Each link: the ids of its two nodes, its start, its reroutes and its end."""
    nodes = {node["id"]: node for node in data["nodes"]}
    reroutes = {each["id"]: each for each in data["extra"].get("reroutes", ())}
    last = {each["id"]: each["parentId"] for each in data["extra"].get("linkExtensions", ())}
    links = []
    for number, source, slot, target, place, _ in data["links"]:
        way: list[Point] = []
        reroute = last.get(number)
        while reroute is not None:
            assert number in reroutes[reroute]["linkIds"]
            way.insert(0, tuple(reroutes[reroute]["pos"]))
            reroute = reroutes[reroute].get("parentId")
        (x, y), width = nodes[source]["pos"], nodes[source]["size"][0]
        start = x + width, y + (slot + 0.7) * SLOT
        x, y = nodes[target]["pos"]
        links.append((source, target, [start, *way, (x, y + (place + 0.7) * SLOT)]))
    return links


def drawn_links(data: dict[str, Any]) -> list[tuple[int, int, list[Point]]]:
    """The same with points on the lines in place of the corners."""
    return [
        (source, target, [p for a, b in pairwise(ends) for p in draw(a, b)])
        for source, target, ends in corners_of_links(data)
        for draw in (straight if len(ends) > 2 else curve,)
    ]


def test_templates_are_numbered() -> None:
    assert [name[:3] for name in NAMES] == [f"{number:02} " for number in range(1, len(NAMES) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_text_can_be_read_when_it_opens(name: str) -> None:
    assert fitted_scale(workflow(name)) >= (COMFORTABLE if name in EASY else READABLE)


@pytest.mark.parametrize("name", NAMES)
def test_all_is_seen_when_it_opens(name: str) -> None:
    """Older pages show what the file says, newer ones fit all into the window."""
    data = workflow(name)
    left, top, right, bottom = bounds([box(node) for node in data["nodes"]])
    scale = fitted_scale(data)
    middles = (left + right) / 2, (top + bottom) / 2
    view = data["extra"]["ds"]
    assert view["scale"] == pytest.approx(scale, abs=0.001)
    for offset, side, middle in zip(view["offset"], WINDOW, middles, strict=True):
        assert offset == pytest.approx(side / scale / 2 - middle, abs=1)


@pytest.mark.parametrize("name", NAMES)
def test_groups_lie_within_the_window_when_it_opens(name: str) -> None:
    data = workflow(name)
    seen = bounds([box(node) for node in data["nodes"]])
    scale = fitted_scale(data)
    for group in data["groups"]:
        for low, high, inner_low, inner_high, size in zip(
            frame(group)[:2], frame(group)[2:], seen[:2], seen[2:], WINDOW, strict=True
        ):
            middle, half = (inner_low + inner_high) / 2, size / scale / 2
            assert middle - half < low < high < middle + half


@pytest.mark.parametrize("name", NAMES)
def test_nodes_are_as_large_as_the_page_makes_them(name: str) -> None:
    for node in workflow(name)["nodes"]:
        if node["type"] != NOTE:
            assert node["size"][1] >= least_height(node), node.get("title", node["type"])
            assert node["size"][0] >= (LEAST_WIDTH if node["widgets_values"] else 0), node["id"]


@pytest.mark.parametrize("name", NAMES)
def test_nodes_do_not_overlap(name: str) -> None:
    nodes = workflow(name)["nodes"]
    for index, node in enumerate(nodes):
        for other in nodes[:index]:
            assert apart(box(node), box(other), GAP), (node["id"], other["id"])
            assert apart(new_box(node), new_box(other)), (node["id"], other["id"])


@pytest.mark.parametrize("name", NAMES)
def test_links_run_from_left_to_right(name: str) -> None:
    for source, target, ends in corners_of_links(workflow(name)):
        assert all(a[0] <= b[0] for a, b in pairwise(ends)), (source, target)


@pytest.mark.parametrize("name", NAMES)
def test_links_do_not_run_behind_other_nodes(name: str) -> None:
    data = workflow(name)
    for source, target, points in drawn_links(data):
        for node in data["nodes"]:
            if node["id"] in (source, target):
                continue
            left, top, right, bottom = box(node)
            behind = [
                p for p in points if left + EDGE < p[0] < right - EDGE and top < p[1] < bottom
            ]
            assert not behind, f"{source} to {target} behind {node.get('title', node['type'])}"


@pytest.mark.parametrize("name", NAMES)
def test_a_short_note_stands_above_the_graph(name: str) -> None:
    data = workflow(name)
    (note,) = (node for node in data["nodes"] if node["type"] == NOTE)
    lines = note["widgets_values"][0].splitlines()
    assert len(lines) <= 3
    assert max(map(len, lines)) <= 130
    others = [box(node) for node in data["nodes"] if node is not note]
    others += [frame(group) for group in data["groups"]]
    assert box(note)[3] < min(top for _, top, _, _ in others)


@pytest.mark.parametrize("name", NAMES)
def test_every_node_lies_within_one_group(name: str) -> None:
    data = workflow(name)
    frames = [frame(group) for group in data["groups"]]
    assert all(apart(a, b) for index, a in enumerate(frames) for b in frames[:index])
    for node in data["nodes"]:
        if node["type"] != NOTE:
            assert any(bounds([box(node), each]) == each for each in frames), node["id"]

"""How the example workflows look in the UI: nothing covers anything else.

The arithmetic of links is LiteGraph's: a cubic curve whose handles are a quarter as long as the
distance between its ends.
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

TITLE = 30
"""Px that a node's title stands above its position."""

SLOT = 20
"""Px from socket to socket."""

BULGE = 40
"""Px by which a curve may lie behind the edge of a node that it passes."""

RESULTS = {"SaveImage", "PreviewImage", "SaveAnimatedWEBP"}
"""Nodes that show a picture."""

RESULT, RESULT_WIDGET = 487, 38
"""Px below the title that the newer renderer takes for such a node, whatever the shape of its
picture, and for each of its widgets."""

Point = tuple[float, float]


def workflow(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def note(name: str) -> str:
    (text,) = (
        node["widgets_values"][0]
        for node in workflow(name)["nodes"]
        if node["type"] == "MarkdownNote"
    )
    assert isinstance(text, str)
    return text


def curve(start: Point, end: Point) -> list[Point]:
    """Points on a link without reroutes."""
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


def drawn_links(data: dict[str, Any]) -> list[tuple[int, int, list[Point]]]:
    """Each link: the ids of its two nodes, and points on its line."""
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
        ends = [start, *way, (x, y + (place + 0.7) * SLOT)]
        draw = straight if way else curve
        links.append((source, target, [p for a, b in pairwise(ends) for p in draw(a, b)]))
    return links


@pytest.mark.parametrize("name", NAMES)
def test_nodes_do_not_overlap(name: str) -> None:
    boxes = [(*node["pos"], *node["size"]) for node in workflow(name)["nodes"]]
    for index, (x, y, width, height) in enumerate(boxes):
        for left, top, other_width, other_height in boxes[:index]:
            apart = x >= left + other_width or left >= x + width
            assert apart or y - TITLE >= top + other_height or top - TITLE >= y + height


@pytest.mark.parametrize("name", NAMES)
def test_links_do_not_run_behind_other_nodes(name: str) -> None:
    data = workflow(name)
    for source, target, points in drawn_links(data):
        for node in data["nodes"]:
            if node["id"] in (source, target):
                continue
            (x, y), (width, height) = node["pos"], node["size"]
            behind = [
                point
                for point in points
                if x + BULGE < point[0] < x + width - BULGE and y - TITLE < point[1] < y + height
            ]
            assert not behind, f"{source} to {target} behind {node.get('title', node['type'])}"


@pytest.mark.parametrize("name", NAMES)
def test_notes_have_short_lines_that_end_in_breaks(name: str) -> None:
    lines = note(name).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 45
    for line, following in pairwise(lines):
        if line and following and not following.startswith("- "):
            assert line.endswith("  ")


@pytest.mark.parametrize("name", NAMES)
def test_frames_hold_their_nodes(name: str) -> None:
    data = workflow(name)
    frames = [group["bounding"] for group in data["groups"]]
    for node in data["nodes"]:
        if node["type"] == "MarkdownNote":
            continue
        (x, y), (width, height) = node["pos"], node["size"]
        assert any(
            left < x
            and x + width < left + frame_width
            and top < y - TITLE
            and y + height < top + frame_height
            for left, top, frame_width, frame_height in frames
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_newer_renderer_has_room_for_the_results(name: str) -> None:
    data = workflow(name)
    results = [node for node in data["nodes"] if node["type"] in RESULTS]
    assert results
    for node in results:
        x, y = node["pos"]
        bottom = y + RESULT + RESULT_WIDGET * len(node["widgets_values"])
        tops = [each["pos"][1] - TITLE for each in data["nodes"] if each["pos"][0] == x]
        assert all(bottom < top for top in tops if top > y)
        frames = [group["bounding"] for group in data["groups"]]
        assert any(
            left < x < left + width and bottom < top + height for left, top, width, height in frames
        )

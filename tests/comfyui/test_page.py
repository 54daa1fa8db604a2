"""ComfyUI's page with this pack, in both of its renderers.

Chromium and the package playwright are needed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from ..examples.test_workflow_layout import NAMES, apart, fitted_scale, workflow
from ..models.hub_server import HubServer
from .conftest import ROOT, size_of_absent
from .page import CHROMIUM, OPTIONS, Page
from .server import Server

APP, APPS_SINCE = "02 Stylise a picture as an app", (1, 41, 13)

NEW_SINCE = 1, 58
"""From this frontend on, at the latest, Nodes 2.0 takes graphs as they were saved; as a preview it
enlarged them, and that after it had fitted them into the window."""

HELP = ROOT / "adain_nodes" / "nodes" / "web" / "docs"
RENDERERS = {"classic": False, "nodes-2.0": True}

WIDGETS = """node => app.graph.getNodeById(node).widgets
    .map(widget => [widget.name, widget.value])"""

CONNECT = """id => {
    const node = app.graph.getNodeById(id)
    const [content, style] = ["Content", "Style"].map(
        title => app.graph.nodes.find(node => node.title === title))
    content.connect(0, node, 0)
    style.connect(0, node, 1)
    node.connect(0, app.graph.nodes.find(node => node.type === "SaveImage"), 0)
    app.graph.remove(app.graph.nodes.find(node => node.type === "AdaINStylize"))
    app.graph.remove(app.graph.nodes.find(node => node.type === "AdaINModelLoader"))
}"""
"""Puts a blueprint in the place of model and AdaIN Stylize."""

LONG = """() => {
    const refine = app.graph.nodes.find(node => node.type === "AdaINRefine")
    refine.widgets.find(widget => widget.name === "steps").value = 1000
}"""


@pytest.fixture(scope="module", params=RENDERERS)
def page(request: pytest.FixtureRequest, comfyui: Server) -> Iterator[Page]:
    """One page for all tests with a renderer; each opens a graph of its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).is_file():
        pytest.skip(f"there is no {CHROMIUM}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield Page(browser, comfyui, new=RENDERERS[request.param])
        browser.close()


@pytest.fixture(autouse=True)
def _no_errors(page: Page) -> Iterator[None]:
    page.errors.clear()
    yield
    assert page.errors == []


def results(page: Page) -> list[int]:
    return [node.id for node in page.nodes() if node.type.startswith("Save")]


@pytest.mark.parametrize("name", [name for name in NAMES if name != APP])
def test_a_template_opens_readably_and_runs(page: Page, name: str) -> None:
    page.open_template(name)
    nodes = page.nodes()
    data = workflow(name)
    assert {node.id for node in nodes} == {node["id"] for node in data["nodes"]}
    assert all(node.known and not node.faulty for node in nodes)
    assert page.scale() == pytest.approx(fitted_scale(data), rel=0.01)
    if not page.new or page.version() >= NEW_SINCE:
        for node, other in combinations(nodes, 2):
            assert apart(node.box, other.box), (node.title, other.title)
    page.run()
    for identity in results(page):
        page.wait_for_picture(identity)
    assert not any(node.faulty for node in page.nodes())


def test_search_finds_a_node_and_its_help_opens(page: Page) -> None:
    page.command("Comfy.NewBlankWorkflow")
    added = page.add("AdaIN Match Color")
    assert [(node.id, node.type) for node in page.nodes()] == [(added, "AdaINMatchColor")]
    page.select(added)
    page.tab.get_by_test_id("info-button").click()
    help_page = (HELP / "AdaINMatchColor.md").read_text(encoding="utf-8")
    first = next(line for line in help_page.splitlines() if line[:1].isalpha())
    page.tab.get_by_text(first).filter(visible=True).first.wait_for()


def test_the_app_shows_content_style_and_alpha_alone_and_runs(page: Page) -> None:
    if page.version() < APPS_SINCE:
        pytest.skip("this frontend has no apps")
    page.open_template(APP)
    widgets = page.tab.get_by_test_id("linear-widgets")
    for label in ("Content", "Style", "alpha"):
        widgets.get_by_text(label, exact=True).wait_for()
    assert widgets.get_by_text("style_size").count() == 0
    run = page.tab.get_by_test_id("linear-run-button")
    run.get_by_role("button", name="Run", exact=True).click()
    page.tab.get_by_test_id("linear-image-output").wait_for()
    (result,) = results(page)
    page.wait_for_picture(result)


@pytest.mark.usefixtures("blueprints")
def test_the_blueprint_is_found_offers_alpha_and_runs(page: Page) -> None:
    page.open_template(NAMES[0])
    added = page.add("Stylise a picture")
    assert page.ask(WIDGETS, added) == [["alpha", 1]]
    page.ask(CONNECT, added)
    page.run()
    (result,) = results(page)
    page.wait_for_picture(result)


def test_the_button_cancels_a_run(page: Page, comfyui: Server) -> None:
    page.open_template("08 Refine the result")
    page.ask(LONG)
    before = comfyui.get_json("/history").keys()
    page.run()
    (refine,) = (str(node.id) for node in page.nodes() if node.type == "AdaINRefine")
    page.tab.wait_for_function("node => String(app.runningNodeId) === node", arg=refine)
    page.cancel()
    page.tab.wait_for_function("() => !app.runningNodeId")
    # It is written just after that.
    while not (new := comfyui.get_json("/history").keys() - before):
        page.settle()
    (run,) = (comfyui.get_json(f"/history/{identity}")[identity] for identity in new)
    assert "execution_interrupted" in [kind for kind, _ in run["status"]["messages"]]


CHOOSE = """([type, name, value]) => {
    const node = app.graph.nodes.find(node => node.type === type)
    const widget = node.widgets.find(widget => widget.name === name)
    widget.value = value
    widget.callback?.(value)
}"""
"""Sets a widget as its menu does."""

MOVES = """id => {
    const part = app.graph.getNodeById(id).progress
    return part > 0 && part < 1
}"""
"""Whether a node shows that part of its work is done."""


def test_a_download_is_seen_to_move_is_cancelled_and_goes_on(
    page: Page, hub: HubServer, held: threading.Event
) -> None:
    page.open_template(NAMES[0])
    page.ask(CHOOSE, ["AdaINModelLoader", "model_name", "absent"])
    page.ask(CHOOSE, ["AdaINModelLoader", "tile_size", 256 if page.new else 512])
    (loader,) = (node.id for node in page.nodes() if node.type == "AdaINModelLoader")
    page.run()
    page.tab.wait_for_function(MOVES, arg=loader)
    page.cancel()
    page.tab.wait_for_function("() => !app.runningNodeId")
    held.set()
    first = hub.sent
    page.run()
    (result,) = results(page)
    page.wait_for_picture(result)
    size = size_of_absent(hub)
    assert 0 < first < size < hub.sent < 2.3 * size


CREATE = """type => {
    const node = LiteGraph.createNode(type)
    app.graph.add(node)
    return Number(node.id)
}"""

SHOWS = """name => [...document.images].some(image =>
    decodeURIComponent(image.src).endsWith(`name=${name}`) && image.naturalWidth > 0)"""
"""Whether a picture of the pack's own is shown."""


DRAWN_SINCE = 1, 35
"""Nodes 2.0 of 1.27.10, then a hidden preview, draws no elements that packs add to nodes; that of
1.35.9 does."""


@pytest.mark.parametrize(
    ("node", "widget", "names"),
    [
        ("AdaINExampleImage", "image", ["content-cat.jpg", "mask-astronaut-person.png"]),
        ("AdaINLoadStyle", "style_name", ["wave.safetensors", "gold-ground.safetensors"]),
    ],
)
def test_the_chosen_picture_is_shown_before_anything_runs(
    page: Page, node: str, widget: str, names: list[str]
) -> None:
    if page.new and page.version() < DRAWN_SINCE:
        pytest.skip("Nodes 2.0 of this frontend draws no elements of packs")
    page.command("Comfy.NewBlankWorkflow")
    page.ask(CREATE, node)
    for name in names:
        page.ask(CHOOSE, [node, widget, name])
        page.tab.wait_for_function(SHOWS, arg=name)
    saved = page.ask("() => app.graph.serialize().nodes[0].widgets_values")
    assert saved == [names[-1]]
    page.ask("async () => app.loadGraphData(app.graph.serialize())")
    page.tab.wait_for_function(SHOWS, arg=names[-1])


ADDED_SINCE = 1, 36
"""Nodes 2.0 of 1.35.9 draws no element that is added after its node; that of 1.58.1 does."""

BLACK = """() => {
    const [stylize] = app.graph.nodes.filter(node => node.type === "AdaINStylize")
    const mask = LiteGraph.createNode("SolidMask")
    app.graph.add(mask)
    mask.widgets.find(widget => widget.name === "value").value = 0
    mask.connect(0, stylize, stylize.inputs.findIndex(input => input.name === "mask"))
}"""

UNMASK = """() => {
    const [stylize] = app.graph.nodes.filter(node => node.type === "AdaINStylize")
    stylize.disconnectInput(stylize.inputs.findIndex(input => input.name === "mask"))
}"""


def test_an_empty_mask_is_told_on_the_node_until_there_is_none(page: Page) -> None:
    if page.new and page.version() < ADDED_SINCE:
        pytest.skip("Nodes 2.0 of this frontend draws no element that is added to a node later")
    page.open_template(NAMES[0])
    page.ask(CHOOSE, ["AdaINStylize", "content_size", 64])
    page.ask(BLACK)
    page.run()
    notice = page.tab.get_by_text("The mask is empty").first
    notice.wait_for()
    page.ask(UNMASK)
    page.run()
    notice.wait_for(state="detached")


def test_options_are_shown_in_the_language_of_the_page(page: Page) -> None:
    page.ask("() => app.extensionManager.setting.set('Comfy.Locale', 'fr')")
    page.reload()
    try:
        page.command("Comfy.NewBlankWorkflow")
        page.ask(CREATE, "AdaINTransfer")
        (node,) = page.nodes()
        label, value = page.ask(
            """() => {
                const widget = app.graph.nodes[0].widgets.find(w => w.name === "mask_statistics")
                return [widget.options.getOptionLabel(widget.value), widget.value]
            }"""
        )
        assert (label, value) == ("zone (region)", "region")
        page.select(node.id)
        page.tab.get_by_test_id("info-button").click()
        page.tab.get_by_text("Normalisation d'instance adaptative").first.wait_for()
    finally:
        page.ask("() => app.extensionManager.setting.set('Comfy.Locale', 'en')")
        page.reload()

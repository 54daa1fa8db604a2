"""ComfyUI's page in a headless Chromium, handled as a user does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .conftest import PACK
from .server import Server

CHROMIUM = "/usr/bin/chromium"

OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

WINDOW = {"width": 1920, "height": 1080}

WAIT = 600_000
"""Ms, at most, for anything; a graph may run as long."""

SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.OnboardingCoachmarks.Seen": ["appMode"],
    "Comfy.Minimap.Visible": False,
}
"""No tours."""

NODES = """() => app.graph.nodes.map(node => ({
    id: Number(node.id), type: node.type, title: node.title, box: [...node.boundingRect],
    known: node.type in LiteGraph.registered_node_types, faulty: Boolean(node.has_errors),
}))"""


@dataclass(frozen=True)
class Shown:
    """A node on the canvas."""

    id: int
    type: str
    title: str

    box: tuple[float, float, float, float]
    """Left, top, right and bottom, with its title, in the graph's px."""

    known: bool
    faulty: bool


class Page:
    """A tab with ComfyUI.

    Args:
        browser: a running Chromium, as playwright has it.
        server: whose page it opens.
        new: Nodes 2.0 in place of the classic renderer.
    """

    def __init__(self, browser: Any, server: Server, *, new: bool) -> None:
        self.errors: list[str] = []
        self.new = new
        server.post("/settings", {**SETTINGS, "Comfy.VueNodes.Enabled": new})
        self.tab = browser.new_page(viewport=WINDOW)
        self.tab.set_default_timeout(WAIT)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.goto(server.address)
        self._wait()

    def reload(self) -> None:
        """Loads the page again, as after a change of its language."""
        self.tab.reload()
        self._wait()
        self.errors.clear()  # 1.27 makes some of its own when it starts

    def _wait(self) -> None:
        self.tab.wait_for_function("window.app?.extensionManager && app.graph && app.canvas")

    def ask(self, script: str, argument: object = None) -> Any:
        """What JavaScript answers in the page, where `app` is ComfyUI's."""
        return self.tab.evaluate(script, argument)

    def command(self, name: str) -> None:
        """Gives a command of ComfyUI's, as menus and keys do."""
        self.ask("name => app.extensionManager.command.execute(name)", name)

    def version(self) -> tuple[int, ...]:
        """Of the frontend."""
        return tuple(map(int, self.ask("() => __COMFYUI_FRONTEND_VERSION__").split(".")))

    def open_template(self, name: str) -> None:
        """Clicks it in the template browser."""
        self.command("Comfy.BrowseTemplates")
        dialog = self.tab.get_by_role("dialog").filter(has_text=PACK)
        dialog.get_by_text(PACK).first.click()
        dialog.locator("[data-testid^=template-workflow-]").first.wait_for()
        template = dialog.get_by_test_id(f"template-workflow-{name}")
        if not template.count():  # 1.27 shows the first dozen
            dialog.get_by_placeholder("Search").fill(name)
        template.click()
        dialog.wait_for(state="detached")
        self.tab.wait_for_function(
            "name => app.extensionManager.workflow.activeWorkflow?.filename.startsWith(name)"
            " && app.graph.nodes.length",
            arg=name,
        )
        self.settle()

    def settle(self) -> None:
        """Waits until the canvas has been drawn again."""
        self.ask(
            "async () => { for (let frame = 0; frame < 10; frame++)"
            " await new Promise(requestAnimationFrame) }"
        )

    def nodes(self) -> list[Shown]:
        """All on the canvas."""
        shown = []
        for node in self.ask(NODES):
            x, y, width, height = node.pop("box")
            shown.append(Shown(**node, box=(x, y, x + width, y + height)))
        return shown

    def scale(self) -> float:
        """Px of the screen for one of the graph."""
        return float(self.ask("() => app.canvas.ds.scale"))

    def run(self) -> None:
        """Clicks Run."""
        self.tab.get_by_test_id("queue-button").click()

    def cancel(self) -> None:
        """Clicks the button that stops the run."""
        self.tab.get_by_role("button", name="Cancel current run").click()

    def wait_for_picture(self, node: int) -> None:
        """Waits until a node has got a picture."""
        self.tab.wait_for_function("node => app.nodeOutputs[node]?.images?.length", arg=node)

    def select(self, node: int) -> None:
        """Selects one node, in the middle of the canvas."""
        self.ask(
            """id => {
                const node = app.graph.getNodeById(id)
                app.canvas.deselectAll()
                app.canvas.select(node)
                app.canvas.onSelectionChange?.(app.canvas.selected_nodes)
                app.canvas.centerOnNode(node)
            }""",
            node,
        )

    def add(self, search: str) -> int:
        """Searches for a node and adds the first that is found; gives its id."""
        before = {node.id for node in self.nodes()}
        shown = self.tab.get_by_text(search).filter(visible=True)
        elsewhere = shown.count()
        self.command("Workspace.SearchBox.Toggle")
        self.tab.wait_for_function("document.activeElement?.tagName === 'INPUT'")
        self.tab.keyboard.type(search)
        shown.nth(elsewhere).wait_for()
        self.tab.keyboard.press("Enter")
        self.tab.wait_for_function("count => app.graph.nodes.length > count", arg=len(before))
        self.settle()  # a click that comes too early does not reach it
        self.tab.mouse.click(WINDOW["width"] / 2, WINDOW["height"] - 80)  # puts it down
        self.tab.wait_for_function("app.graph.nodes.every(node => !node.flags.ghost)")
        (added,) = {node.id for node in self.nodes()} - before
        return added

"""The rooms of the package, and which may use which."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import adain_nodes

PACKAGE = Path(adain_nodes.__path__[0])

ROOMS = ("host", "ops", "models", "pipeline", "files", "training", "nodes", "cli")
"""Each may use those before it."""

FRONT = ("__init__", "__main__")
"""Modules of no room."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Its dotted name below the package; of a folder, that of its `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports_of(path: Path) -> Iterator[str]:
    """The modules of the package that a module imports anywhere, or only for types."""
    known = {module_of(other) for other in MODULES}
    package = list(path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
        target = ".".join(part for part in base if part)
        for alias in node.names:
            inner = f"{target}.{alias.name}" if target else alias.name
            yield inner if inner in known else target


def test_the_package_is_its_rooms_and_the_front_door() -> None:
    found = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    found -= {"weights_manifest.json"}  # copied in by an installation from a wheel
    assert found == {*ROOMS, "__init__.py", "__main__.py", "py.typed"}


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_a_room_uses_those_before_it(path: Path) -> None:
    room = module_of(path).partition(".")[0]
    if room in FRONT:
        return
    allowed = ROOMS[: ROOMS.index(room) + 1]
    for target in imports_of(path):
        assert target.partition(".")[0] in allowed, f"{module_of(path)} imports {target}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    uses = {module_of(path): set(imports_of(path)) for path in MODULES}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in done:
            for target in uses.get(module, ()):
                visit(target, (*way, module))
            done.add(module)

    for module in uses:
        visit(module, ())


def test_only_one_module_imports_comfyui() -> None:
    foreign = {"comfy", "comfy_api", "folder_paths", "nodes", "server", "execution"}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            roots = {name.partition(".")[0] for name in names}
            assert not roots & foreign or module_of(path) == "host.comfy", path


def test_relative_imports_alone_lead_into_the_package() -> None:
    """ComfyUI loads it under another name."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert not (node.module or "").startswith("adain_nodes"), path


@pytest.mark.parametrize("module", ["adain_nodes", "adain_nodes.host.options", "adain_nodes.cli"])
def test_torch_is_not_imported_before_it_is_needed(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

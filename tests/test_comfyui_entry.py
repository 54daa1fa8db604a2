"""The repository as ComfyUI loads it: by path, under a name that need not be an identifier."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_folder_imports_by_path_and_shows_nodes_and_help() -> None:
    # As ComfyUI's load_custom_node does it.
    name = str(ROOT).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, ROOT / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        assert module.NODE_CLASS_MAPPINGS.keys() == module.NODE_DISPLAY_NAME_MAPPINGS.keys()
        assert "AdaINStylize" in module.NODE_CLASS_MAPPINGS
        assert (ROOT / module.WEB_DIRECTORY / "docs").is_dir()
    finally:
        for loaded in [key for key in sys.modules if key.startswith(name)]:
            del sys.modules[loaded]

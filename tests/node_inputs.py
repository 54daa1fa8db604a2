"""What nodes take, as ComfyUI reads it."""

from __future__ import annotations

from typing import Any

Spec = tuple[Any, dict[str, Any]]
"""An input's type and its options."""


def inputs_of(node: Any) -> dict[str, Spec]:
    """Inputs of a node class, required ones first."""
    groups = node.INPUT_TYPES()
    return {**groups["required"], **groups.get("optional", {})}

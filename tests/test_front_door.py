"""What `from adain_nodes import ...` gives, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

import adain_nodes


def test_every_public_name_is_there_and_listed() -> None:
    for name in adain_nodes.__all__:
        assert getattr(adain_nodes, name).__name__ == name
    assert set(adain_nodes.__all__) <= set(dir(adain_nodes))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'stylise'"):
        _ = adain_nodes.stylise


def test_each_name_is_imported_by_itself() -> None:
    code = "import sys, adain_nodes; adain_nodes.InputError; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

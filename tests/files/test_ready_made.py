"""The ready-made styles: whole, known by name, and those of the pictures that are drawn now."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from build_styles import encoded, picture
from draw_styles import STYLES

from adain_nodes.files.ready_made import FOLDER, named_style, ready_made_styles
from adain_nodes.files.style_folders import list_styles
from adain_nodes.files.styles import read_style_file
from adain_nodes.host.options import DEFAULT_MODEL
from adain_nodes.models.model import load_model
from adain_nodes.models.weights.manifest import load_manifest

LARGEST = 24_000
"""Bytes of a style file: statistics of four layers take 8,000, the rest is its preview."""


def test_there_is_one_for_each_drawing() -> None:
    assert ready_made_styles().keys() == STYLES.keys()
    assert len(STYLES) >= 24
    assert list_styles([FOLDER]) == [f"{name}.safetensors" for name in sorted(STYLES)]


@pytest.mark.parametrize("name", STYLES)
def test_each_fits_the_default_model_and_can_be_seen_and_refined(name: str) -> None:
    path = ready_made_styles()[name]
    file = read_style_file(path)
    entry = load_manifest().find(DEFAULT_MODEL)
    assert entry is not None
    assert file.style.encoder.sha256 == entry.identity
    assert len(file.style) == 1
    assert file.style.lower is not None
    assert file.sources == (name,)
    assert file.preview is not None
    assert path.stat().st_size < LARGEST


@pytest.mark.parametrize("name", ["geometry", "tiles"])
def test_each_is_what_its_drawing_encodes_to(name: str) -> None:
    fresh = encoded(load_model(precision="fp32"), picture(name)).statistics
    kept = read_style_file(ready_made_styles()[name]).style.statistics
    torch.testing.assert_close(kept.mean, fresh.mean, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(kept.std, fresh.std, rtol=1e-3, atol=1e-3)


def test_a_file_comes_before_the_ready_made_style_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named_style(Path("swirls")) == ready_made_styles()["swirls"]
    assert named_style(Path("nothing")) == Path("nothing")
    (tmp_path / "swirls").mkdir()
    assert named_style(Path("swirls")) == Path("swirls")

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adain_nodes.files.pictures import write_picture
from adain_nodes.files.style_inputs import StyleInput, style_inputs, styles_in
from adain_nodes.files.styles import load_style, save_style
from adain_nodes.host.errors import InputError
from adain_nodes.models.weights.tensors import EncoderIdentity
from adain_nodes.ops.statistics import Statistics
from adain_nodes.pipeline.types import Style


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """A folder with a picture, a file of one style and a bank of two."""
    write_picture(tmp_path / "ink.png", torch.rand(4, 5, 3))
    for name, count in (("one", 1), ("bank", 2)):
        statistics = Statistics(torch.rand(count, 4), torch.rand(count, 4))
        style = Style(statistics, EncoderIdentity("5" * 64, "five"))
        save_style(tmp_path / f"{name}.safetensors", style)
    return tmp_path


def test_a_bank_gives_each_of_its_styles(art: Path) -> None:
    picture, one, bank = (art / name for name in ("ink.png", "one.safetensors", "bank.safetensors"))
    styles = style_inputs([bank, picture, one])
    assert styles == (
        StyleInput(bank, 1),
        StyleInput(bank, 2),
        StyleInput(picture),
        StyleInput(one),
    )
    assert [style.label for style in styles] == ["bank-1", "bank-2", "ink", "one"]
    assert [style.is_picture for style in styles] == [False, False, True, False]
    assert [str(style) for style in styles] == [f"{bank} 1", f"{bank} 2", str(picture), str(one)]


def test_an_index_is_the_place_in_the_file(art: Path) -> None:
    bank = art / "bank.safetensors"
    assert [style.index for style in styles_in(bank)] == list(range(len(load_style(bank))))
    assert [style.index for style in styles_in(art / "one.safetensors")] == [0]


def test_only_named_pictures_are_looked_into(art: Path) -> None:
    text = art / "text.png"
    text.touch()
    assert styles_in(text) == [StyleInput(text)]
    with pytest.raises(InputError, match=r"text\.png is not a picture"):
        style_inputs([text])
    (art / "one.safetensors").unlink()
    with pytest.raises(InputError, match=r"one\.safetensors cannot be read"):
        styles_in(art / "one.safetensors")

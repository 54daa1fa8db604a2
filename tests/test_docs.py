"""The README and the pages in docs do as they say: their Python and their commands, on the weights
of the package and tiny pictures. Links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from adain_nodes import read_picture, write_picture
from adain_nodes.cli import command_parser, main

from .files.videos import write_video

ROOT = Path(__file__).parents[1]
SIZE = (40, 56)

SHORT = ("stylize", "augment", "grid", "styles", "models list", "models verify")
"""Commands that are run; the others take minutes, weights of others or the Hub."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with every file that the documents name."""
    monkeypatch.chdir(tmp_path)
    for name in ("photo", "a", "b", "art", "print", "photos/1", "photos/2", "art/1", "art/2"):
        Path(name).parent.mkdir(exist_ok=True)
        write_picture(f"{name}.jpg", torch.rand(*SIZE, 3))
    for name in ("mask", "strength", "sky", "a", "b"):
        write_picture(f"{name}.png", torch.linspace(0, 1, SIZE[1]).expand(*SIZE)[..., None])
    return tmp_path


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(name), re.MULTILINE | re.DOTALL)


def run_python(code: str, **names: Any) -> dict[str, Any]:
    exec(code, names)
    return names


@pytest.mark.parametrize(
    "block", [*blocks("README.md", "python"), *blocks("docs/styles.md", "python")]
)
def test_python_of_the_readme_and_of_styles(block: str) -> None:
    run_python(block)
    written = re.findall(r'write_picture\(f?"([^"]*)"', block)
    assert written
    for name in written:
        found = list(Path.cwd().glob(re.sub(r"\{.*?\}", "*", name)))
        assert found
        assert all(read_picture(path).shape == (1, *SIZE, 3) for path in found)


def test_the_first_example_is_two_lines() -> None:
    assert len([line for line in blocks("README.md", "python")[0].splitlines() if line]) == 2


def test_python_of_controls() -> None:
    setup, *others = blocks("docs/controls.md", "python")
    assert not others
    names = run_python(setup)
    names["frames"] = torch.rand(3, *SIZE, 3)
    bullets = re.findall(r"^- Python: (.*?)(?=^-|^$)", text_of("docs/controls.md"), re.M | re.S)
    expressions = [code for bullet in bullets for code in re.findall(r"`([^`]*\))`", bullet)]
    assert len(expressions) >= 14
    for expression in expressions:
        result = eval(expression, names)
        if isinstance(result, Tensor):
            assert result.isfinite().all() and result.shape[1:3] == SIZE


def test_python_of_films() -> None:
    shown: list[Tensor] = []
    (block,) = blocks("docs/film.md", "python")
    frames = torch.rand(2, *SIZE, 3)
    run_python(block, frames=frames, style=torch.rand(1, 20, 20, 3), show=shown.append)
    assert [picture.shape for picture in shown] == [(*SIZE, 3)] * 2


def as_a_shell_would(word: str) -> list[str]:
    found = sorted(Path().glob(word)) if "*" in word else []
    return [str(path) for path in found] or [word]


def commands(name: str) -> Iterator[list[str]]:
    """The words of every `adain-nodes` command in the blocks of a document."""
    for block in blocks(name, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if "adain-nodes" in words:
                yield words[words.index("adain-nodes") + 1 :]


def test_commands_of_styles_run() -> None:
    for words in commands("docs/styles.md"):
        assert main(words) == 0, words
    assert Path("swirls.png").is_file()
    assert Path("mixed.png").is_file()


PAGES = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md"))
)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_and_pictures_are_there(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, heading = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
            assert heading in slugs, target


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_are_understood(page: Path) -> None:
    for words in commands(str(page)):
        command_parser().parse_args(words)


HELP = sorted((ROOT / "adain_nodes" / "nodes" / "web" / "docs").rglob("*.md"))


def test_commands_that_are_named_in_passing_exist() -> None:
    named = set()
    for path in (*(ROOT / page for page in PAGES), *HELP):
        text = path.read_text(encoding="utf-8")
        named |= {" ".join(words.split()) for words in re.findall(r"`adain-nodes ([a-z -]+)", text)}
    assert len(named) > 10
    for words in named:
        parser: Any = command_parser()
        for word in words.split():
            choices = [a.choices for a in parser._actions if isinstance(a.choices, dict)]
            if not choices or word.startswith("-"):
                break  # what follows are arguments
            assert word in choices[0], words
            parser = choices[0][word]


def test_commands_of_the_readme_run() -> None:
    for words in commands("README.md"):
        if "examples/images" in " ".join(words) or not " ".join(words).startswith(SHORT):
            continue
        if "film.mp4" in words:
            pytest.importorskip("av")
            write_video(Path("film.mp4"), frames=3, size=SIZE)
        if "models/port" in words:
            continue  # made of weights that are not here
        assert main([path for word in words for path in as_a_shell_would(word)]) == 0, words
    for name in ("mixed.png", "regions.png", "colours.png", "bank.safetensors", "sheet.jpg"):
        assert Path(name).is_file()
    assert len(list(Path("results").iterdir())) == 4
    assert len(list(Path("stylized").rglob("*.jpg"))) == 4


def test_commands_of_controls_run() -> None:
    bullets = re.findall(r"^- Command: (.*?)(?=^-|^$)", text_of("docs/controls.md"), re.M | re.S)
    codes = [" ".join(c.split()) for bullet in bullets for c in re.findall(r"`([^`]+)`", bullet)]
    codes += re.findall(r"^`(adain-nodes [^`]*)`", text_of("docs/controls.md"), re.M)
    ran = 0
    for code in codes:
        words = shlex.split(code)
        if words[0] == "adain-nodes":
            words = words[1:]
        elif words[0].startswith("--") and len(words) > 1:
            style = [] if "--style" in words else ["--style", "a.jpg"]
            words = ["stylize", "photo.jpg", *style, *words, "-o", "out.png"]
        else:
            continue
        if "film.mp4" in words:
            pytest.importorskip("av")
            write_video(Path("film.mp4"), frames=3, size=SIZE)
        if words[-1] == "--help":
            with pytest.raises(SystemExit, match="0"):
                main(words)
        else:
            assert main(words) == 0, code
        ran += 1
    assert ran >= 10


def test_workflows_that_are_named_exist() -> None:
    text = "".join(text_of(str(page.relative_to(ROOT))) for page in ROOT.glob("docs/*.md"))
    named = set(re.findall(r"\*(\d\d [^*]+)\*", text.replace("\n", " ")))
    assert len(named) > 10
    assert named <= {path.stem for path in ROOT.glob("examples/workflows/*.json")}

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.pictures import read_picture, write_picture

from .conftest import Command

Capture = pytest.CaptureFixture[str]

OUT = ("--style", "art", "-o", "out")


@pytest.fixture
def augment(tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command in a folder with four contents and two styles on the tiny model."""
    monkeypatch.chdir(tmp_path)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "in/a/1.png",
        "in/b/1.png",
        "in/b/2.png",
        "in/3.png",
        "art/oil.png",
        "art/ink.png",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write_picture(Path(name), torch.rand(20, 24, 3))
    settings = ["--model", str(tiny_model_folder), "--precision", "fp32", "--device", "cpu"]

    def command(*arguments: str) -> int:
        return main(["augment", *settings, *arguments])

    return command


def results(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*")}


def test_a_tree_and_its_manifest(augment: Command, capsys: Capture) -> None:
    options = ("--styles-per-content", "2", "--alpha", "0.5,0.9", "--size", "16")
    assert augment("in", *OUT, *options, "--style-size", "12", "--seed", "5") == 0
    stems = ("3", "a/1", "b/1", "b/2")
    names = [f"{stem}_{number}.png" for stem in stems for number in (1, 2)]
    assert results("out").keys() == {*names, "augmentation.jsonl"}
    assert {read_picture(Path("out", name)).shape for name in names} == {(1, 16, 19, 3)}
    lines = [json.loads(line) for line in Path("out/augmentation.jsonl").read_text().splitlines()]
    assert [line["output"] for line in lines] == names
    assert all(0.5 <= line["alpha"] <= 0.9 and line["style_size"] == 12 for line in lines)
    output = capsys.readouterr()
    assert output.out.endswith("out: 8 results written, 0 found there, 0 skipped\n")
    assert output.err == ""
    assert augment("in", *OUT, *options, "--style-size", "12", "--seed", "5") == 0
    assert capsys.readouterr().out.endswith("out: 0 results written, 8 found there, 0 skipped\n")


def test_contents_and_styles_may_be_given_in_other_ways(augment: Command) -> None:
    assert augment("in", "--style", "art/oil.png", "art/ink.png", "-o", "out") == 0
    settings = ("--style", "art/oil.png", "--style", "art/ink.png", "-o", "other")
    assert augment("--content", "in", *settings) == 0
    assert results("out") == results("other")


def test_each_seed_draws_anew(augment: Command) -> None:
    for seed in range(3):
        assert augment("in", "--style", "art", "-o", f"out-{seed}", "--seed", str(seed)) == 0
    assert len({json.dumps(sorted(map(str, results(f"out-{n}").items()))) for n in range(3)}) > 1


def test_processes_share_the_work(
    augment: Command, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert augment("in", "--style", "art", "-o", "single") == 0
    monkeypatch.setenv("WORLD_SIZE", "3")
    counts = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        capsys.readouterr()
        assert augment("in", *OUT) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith(f"process {rank} of 3: out: ")
        counts.append(int(last.split()[5]))
    assert counts == [2, 1, 1]
    assert results("out") == results("single")


def test_broken_pictures_are_listed_at_the_end(augment: Command, capsys: Capture) -> None:
    Path("in/b/1.png").write_bytes(b"?")
    Path("in/b/2.png").write_bytes(Path("in/b/2.png").read_bytes()[:-99])
    assert augment("in", *OUT, "--styles-per-content", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    head = lines.index("out: 4 results written, 0 found there, 4 skipped")
    assert lines[head + 1] == "cannot be read; contents are skipped, styles replaced by others:"
    assert [line.split()[0] for line in lines[head + 2 :]] == ["in/b/1.png", "in/b/2.png"]


def test_what_is_left_out_is_named_at_the_end(augment: Command, capsys: Capture) -> None:
    for name in ("in/b/notes.txt", "in/clip.mp4", "art/more.txt"):
        Path(name).touch()
    assert augment("in", "--style", "art", "-o", "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "in: 2 files are left out (.mp4 1, .txt 1)", "art: 1 file is left out (.txt 1)"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none", *OUT), "none does not exist"),
        (OUT, "no content is given"),
        (("in", "art", *OUT), "augment takes one folder of contents, got 2"),
        (("in", "--style", "none", "-o", "out"), "none does not exist"),
        (("in", "--style", "art", "-o", "in/out"), "must not lie within each other"),
        (
            ("in", *OUT, "--styles-per-content", "3"),
            "3 styles per content need at least 3, but art has 2",
        ),
        (("in", *OUT, "--alpha", "1.5"), "got 1.5 to 1.5"),
        (("in", *OUT, "--alpha", "1,x"), "--alpha takes a number or a range of two"),
        (("in", *OUT, "--alpha", "0,0.5,1"), "--alpha takes a number or a range of two"),
        (("in", *OUT, "--size", "-1"), "size must be 0"),
        (("in", *OUT, "--device", "tpu"), "device tpu is unknown"),
        (("in", *OUT, "--model", "none"), "none"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    augment: Command, arguments: tuple[str, ...], message: str, capsys: Capture
) -> None:
    assert augment(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.count("\n") == 1
    assert not list(Path().rglob("out"))


@pytest.mark.parametrize(("rank", "ranks"), [("2", "2"), ("-1", "2"), ("x", "2"), ("0", "0")])
def test_a_share_that_cannot_be_is_refused(
    augment: Command, monkeypatch: pytest.MonkeyPatch, capsys: Capture, rank: str, ranks: str
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", ranks)
    assert augment("in", *OUT) == 2
    assert f"got RANK={rank}, WORLD_SIZE={ranks}" in capsys.readouterr().err
    assert not Path("out").exists()

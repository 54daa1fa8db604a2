"""The evaluation command, on tiny networks and pictures."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.animations import Animation
from adain_nodes.files.films import write_film
from adain_nodes.files.pictures import write_picture
from adain_nodes.training.evaluation import evaluate as evaluation
from adain_nodes.training.evaluation.films import SETTINGS

Command = Callable[..., int]


@pytest.fixture
def evaluate(tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command in a folder with three photos and two works of art."""
    work = tmp_path / "work"
    for kind, number in (("photos", 3), ("art", 2)):
        (work / kind).mkdir(parents=True)
        for index in range(number):
            write_picture(work / kind / f"{kind}{index}.png", torch.rand(20, 24, 3))
    monkeypatch.chdir(work)
    shutil.copytree(tiny_model_folder, work / "tiny")

    def command(*arguments: str) -> int:
        settings = ["--size", "16", "--device", "cpu"]
        if "--model" not in arguments:
            settings += ["--model", "tiny"]
        if "--content" not in arguments:
            settings += ["--content", "photos", "--style", "art"]
        return main(["evaluate", *settings, *arguments])

    return command


def test_it_prints_a_table_and_writes_files(
    evaluate: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("-o", "out") == 0
    text = capsys.readouterr().out
    rows = ["content unchanged", "style picture", "tiny"]
    assert [line.split("|")[1].strip() for line in text.splitlines()[4:7]] == rows
    found = json.loads(Path("out/evaluation.json").read_text())
    assert [row["name"] for row in found["rows"]] == rows
    assert (found["pairs"], found["contents"], found["styles"]) == (6, 3, 2)
    assert found["measured_in"] == "fp32"
    assert found["optimization"] is None
    (made,) = found["reconstructions"]
    assert made["model"] == "tiny" and f"{made['psnr']:.2f}" in text
    assert text.strip() in Path("out/evaluation.md").read_text()
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "evaluation.json",
        "evaluation.md",
    ]


def test_what_is_stopped_has_written_what_it_had(
    evaluate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "reconstructions", stopped)
    assert evaluate("-o", "out") == 130
    found = json.loads(Path("out/evaluation.json").read_text())
    assert [row["name"] for row in found["rows"]] == ["content unchanged", "style picture", "tiny"]
    assert found["reconstructions"] == []
    assert "Reconstruction" not in Path("out/evaluation.md").read_text()


def test_optimisation_says_where_it_overtakes_the_model(
    evaluate: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--optimize", "content", "noise", "--optimize-steps", "12,3"]
    assert evaluate(*options, "--optimize-pairs", "2", "--optimize-size", "16", "--json") == 0
    found = json.loads(capsys.readouterr().out)["optimization"]
    assert [row["name"] for row in found["rows"][3:]] == [
        f"optimised from {start}, {step} steps"
        for start in ("content", "noise")
        for step in (3, 12)
    ]
    assert (found["pairs"], found["size"]) == (2, 16)
    model = found["rows"][2]
    for crossing, curve in zip(found["crossings"], found["curves"], strict=True):
        assert crossing["style_loss"] == model["style_loss"]
        assert crossing["model_content_loss"] == model["content_loss"]
        step = crossing["step"]
        assert curve["style"][step] <= model["style_loss"] < curve["style"][step - 1]
        assert crossing["content_loss"] == curve["content"][step]


def test_several_models_and_decoder_files_are_rows(
    evaluate: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("tiny", "home/second")
    shutil.copy("tiny/decoder.safetensors", "third.safetensors")
    assert evaluate("--model", "tiny", "--model", "home/second", "--pairs", "2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    first, second = found["rows"][2:]
    assert (first["name"], second["name"]) == ("tiny", "home/second")
    assert first["style_loss"] == second["style_loss"]
    assert found["pairs"] == 2
    assert evaluate("--model", "third.safetensors") == 2
    assert "which no model has" in capsys.readouterr().err


def test_a_file_of_names_says_which_pictures_to_use(
    evaluate: Command, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    Path("heldout.txt").write_text("photos/photos1.png\nart/art0.png\n")
    assert evaluate("--only", "heldout.txt", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["contents"], found["styles"]) == (1, 1)
    assert not caplog.records
    assert evaluate("--content", "photos", "--style", "art/art1.png", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["contents"], found["styles"]) == (3, 1)
    with Path("heldout.txt").open("a") as file:
        file.write("another/folder's.png\n")
    assert evaluate("--only", "heldout.txt", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["contents"], found["styles"]) == (1, 1)
    assert "1 of the 3 pictures named in heldout.txt were not found" in caplog.text
    assert "such as another/folder's.png" in caplog.text


def test_a_plot_is_written(evaluate: Command) -> None:
    pytest.importorskip("matplotlib")
    assert evaluate("--pairs", "1", "-o", "out", "--plot") == 0
    assert Path("out/evaluation.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_without_matplotlib_is_refused_before_the_work(
    evaluate: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert evaluate("-o", "out", "--plot") == 2
    assert "adain-nodes[plot]" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "10"], "--size must be at least 11 px, got 10"),
        (["--optimize-size", "0"], "--optimize-size must be at least 11 px, got 0"),
        (["--pairs", "0"], "--pairs must be at least 1, got 0"),
        (["--optimize-steps", "10,x"], "got '10,x'"),
        (["--optimize-steps", "0,5"], "got '0,5'"),
        (["--style-weight", "nan"], "--style-weight must be a number"),
        (["--plot"], "--plot needs --output"),
        (["-o", "photos/photos0.png"], "photos0.png is a file"),
        (["--content", "nowhere", "--style", "art"], "nowhere does not exist"),
        (["--content", "tiny", "--style", "art"], "tiny has no file that ends in"),
        (["--only", "missing.txt"], "missing.txt"),
        (["--only", "strangers.txt"], "--content has none of the pictures named in strangers"),
        (["--only", "photos.txt"], "--style has none of the pictures named in photos.txt"),
        (["--model", "nobody"], "there is no model 'nobody'"),
        (
            ["--reference", "paper", "--optimize", "noise"],
            "the paper reading has no style weight of its own",
        ),
    ],
)
def test_bad_input_is_one_line(
    evaluate: Command, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("strangers.txt").write_text("stranger.png\nphotos0.jpg\n")
    Path("photos.txt").write_text("photos0.png\n")
    assert evaluate(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def film_of(frames: int) -> None:
    """A picture that moves, as film.png."""
    picture = torch.rand(40, 80, 3)
    shown = [picture[:, index : index + 56] for index in range(frames)]
    film = Animation(Path("film.png"), (40, 56), False, (40.0,) * frames, 0)
    write_film(Path("film.png"), film, iter(shown), (40, 56))


@pytest.mark.usefixtures("evaluate")
def test_a_film_is_measured_in_all_settings(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cv2")
    film_of(5)
    assert (
        main(["evaluate", "--film", "film.png", "--style", "art/art0.png", "--model", "tiny"]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Frames 1 to 5 of film.png in the style of art/art0.png, 56x40 px")
    names = [line.split("|")[1].strip() for line in lines[4:]]
    assert names == ["the film", *SETTINGS]


@pytest.mark.usefixtures("evaluate")
def test_frames_of_a_film_are_counted_from_1(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cv2")
    film_of(5)
    command = ["evaluate", "--film", "film.png", "--style", "art/art0.png", "--model", "tiny"]
    assert main([*command, "--frames", "2-4", "--precision", "fp32", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["frames"] == [2, 4]
    plain = next(row for row in found["rows"] if row["name"] == "per_frame")
    assert plain["seconds"] > 0 and plain["flicker"] > 0
    for frames, message in (
        ("0-3", "first and the last frame, such as 61-84; got '0-3'"),
        ("4-4", "at least 2 of the 5 frames of film.png, got 4-4"),
        ("3-6", "at least 2 of the 5 frames of film.png, got 3-6"),
    ):
        assert main([*command, "--frames", frames]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.usefixtures("evaluate")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--film", "film.png", "--style", "art/art0.png", "x"],
            "--film takes one style and one model",
        ),
        (["--film", "art/art0.png", "--style", "art/art0.png"], "is a single picture"),
        (["--film", "film.png", "photos", "--style", "art/art0.png"], "--film goes with --style"),
        (["--frames", "1-2", "--content", "photos", "--style", "art"], "give it with --film"),
    ],
)
def test_what_does_not_go_with_a_film_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    film_of(2)
    assert main(["evaluate", *arguments]) == 2
    assert message in capsys.readouterr().err

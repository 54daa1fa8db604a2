"""Films on the command line, and that they are what Python and the node make of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import adain_nodes
from adain_nodes.cli import progress
from adain_nodes.files.animations import Animation, open_animation
from adain_nodes.files.films import open_film, write_film
from adain_nodes.files.masks import read_mask
from adain_nodes.files.pictures import read_picture, write_picture
from adain_nodes.host.options import FRAME_STATISTICS, FrameStatistics
from adain_nodes.models.model import Model, load_model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.pipeline import transfer

from ..files.videos import sound_of, times_of, write_video

OIL = ("--style", "oil.png")
TWO = (*OIL, "--style", "ink.png")
SIZE = (40, 56)
NUMBERS = (1, 2, 10, 11)  # whose order as text is another
DURATIONS = (40.0, 80.0, 120.0, 40.0)

Command = Callable[..., int]


@pytest.fixture
def model(tiny_model_folder: Path) -> Model:
    return load_model(str(tiny_model_folder), precision="fp32", device=torch.device("cpu"))


@pytest.fixture
def frames(folder: Path) -> Tensor:
    """A film whose light changes, as pictures in a folder and as an animated PNG."""
    light = torch.tensor([0.3, 1.0, 0.5, 0.8])[:, None, None, None]
    picture, noise = torch.rand(*SIZE, 3), torch.rand(4, *SIZE, 3)
    frames = ((0.8 * picture + 0.2 * noise) * light * 255).round() / 255
    (folder / "shots").mkdir()
    for number, frame in zip(NUMBERS, frames, strict=True):
        write_picture(folder / f"shots/frame{number}.png", frame)
    write_film(
        folder / "film.png",
        Animation(folder / "film.png", SIZE, False, DURATIONS, 3),
        iter(frames),
        SIZE,
    )
    return frames


def style(model: Model, name: str = "oil") -> Any:
    return transfer.style_of(model, read_picture(Path(f"{name}.png")), shorter_side=512)


def in_folder(name: str, style: str = "oil") -> Tensor:
    return torch.cat([read_picture(Path(f"{name}/frame{n}_{style}.png")) for n in NUMBERS])


def in_file(path: str) -> Tensor:
    animation = open_animation(Path(path))
    assert animation is not None
    assert (animation.durations, animation.plays) == (DURATIONS, 3)
    return torch.stack(list(animation))


def assert_shows(result: Tensor, expected: Tensor) -> None:
    """Up to the rounding to 8 bits."""
    assert expected.std() > 0.02
    torch.testing.assert_close(result, expected, atol=0.51 / 255, rtol=0)


def listing(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_command_node_and_python_give_the_same_film(
    stylize: Command, model: Model, frames: Tensor, mode: FrameStatistics
) -> None:
    how = ("--frame-statistics", mode, "--smoothing", "0.6", "--alpha", "0.8")
    assert stylize("shots", *OIL, "-o", "out", *how) == 0
    assert stylize("film.png", *OIL, "-o", "out.png", *how) == 0
    art = read_picture(Path("oil.png"))
    in_python = adain_nodes.stylize(
        frames, art, model=model, alpha=0.8, frame_statistics=mode, smoothing=0.6
    )
    node: Any = NODE_CLASS_MAPPINGS["AdaINStylize"]()
    (by_node,) = node.stylize(
        model=model, content=frames, style_image=art, alpha=0.8, content_size=0, style_size=512,
        mask_statistics="region", frame_statistics=mode, smoothing=0.6,
    )  # fmt: skip
    assert torch.equal(by_node, in_python)
    assert_shows(in_folder("out"), in_python)
    assert_shows(in_file("out.png"), in_python)
    if mode != "per_frame":
        plain = adain_nodes.stylize(frames, art, model=model, alpha=0.8)
        assert (in_python - plain).abs().max() > 3 / 255


@pytest.mark.parametrize("mode", ["per_frame", "shared"])
def test_steadiness_is_the_same_by_command_node_and_python(
    stylize: Command, model: Model, frames: Tensor, mode: FrameStatistics
) -> None:
    """Pictures are one film, then."""
    pytest.importorskip("cv2")
    how = ("--frame-statistics", mode, "--steadiness", "0.7")
    assert stylize("shots", *OIL, "-o", "out", *how) == 0
    assert stylize("film.png", *OIL, "-o", "out.png", *how) == 0
    art = read_picture(Path("oil.png"))
    in_python = adain_nodes.stylize(frames, art, model=model, frame_statistics=mode, steadiness=0.7)
    node: Any = NODE_CLASS_MAPPINGS["AdaINStylize"]()
    (by_node,) = node.stylize(
        model=model, content=frames, style_image=art, alpha=1.0, content_size=0, style_size=512,
        mask_statistics="region", frame_statistics=mode, steadiness=0.7,
    )  # fmt: skip
    assert torch.equal(by_node, in_python)
    assert_shows(in_folder("out"), in_python)
    assert_shows(in_file("out.png"), in_python)
    plain = adain_nodes.stylize(frames, art, model=model, frame_statistics=mode)
    assert (in_python - plain).abs().max() > 3 / 255


def test_alpha_and_weights_change_over_a_film(
    stylize: Command, model: Model, frames: Tensor
) -> None:
    """Pictures are one film, then."""
    assert stylize("film.png", *OIL, "-o", "out.png", "--alpha", "0:0,end:0.9") == 0
    expected = [
        adain_nodes.stylize(frame[None], style(model), model=model, alpha=alpha)[0]
        for frame, alpha in zip(frames, (0, 0.3, 0.6, 0.9), strict=True)
    ]
    assert_shows(in_file("out.png"), torch.stack(expected))
    assert stylize("shots", *TWO, "-o", "out", "--weights", "1:1,0/end:0,1") == 0
    styles = [style(model), style(model, "ink")]
    expected = [
        adain_nodes.stylize(frame[None], styles, model=model, weights=weights)[0]
        for frame, weights in zip(frames, ((1, 0), (1, 0), (0.5, 0.5), (0, 1)), strict=True)
    ]
    assert_shows(in_folder("out", "oil+ink"), torch.stack(expected))


def test_without_options_statistics_are_per_frame_and_smoothing_is_that_of_python(
    stylize: Command, model: Model, frames: Tensor
) -> None:
    assert stylize("film.png", *OIL, "-o", "plain.png") == 0
    assert stylize("film.png", *OIL, "-o", "s.png", "--frame-statistics", "smoothed") == 0
    assert_shows(in_file("plain.png"), adain_nodes.stylize(frames, style(model), model=model))
    smoothed = adain_nodes.stylize(frames, style(model), model=model, frame_statistics="smoothed")
    assert_shows(in_file("s.png"), smoothed)


@pytest.mark.parametrize("mode", FRAME_STATISTICS)
@pytest.mark.parametrize("statistics", ["region", "image"])
def test_regions(
    stylize: Command, model: Model, frames: Tensor, mode: FrameStatistics, statistics: Any
) -> None:
    how = ("--frame-statistics", mode, "--mask-statistics", statistics, "--mask", "left.png")
    assert stylize("film.png", *TWO, "-o", "out.png", *how, "--size", "24") == 0
    left = read_mask(Path("left.png"))
    expected = adain_nodes.stylize(
        frames, [style(model), style(model, "ink")], model=model, mask=left,
        content_size=24, mask_statistics=statistics, frame_statistics=mode,
    )  # fmt: skip
    assert expected.shape == (4, 24, 34, 3)
    assert_shows(in_file("out.png"), expected)


def test_a_mixture_of_styles(stylize: Command, model: Model, frames: Tensor) -> None:
    how = ("--frame-statistics", "shared", "--weights", "1,3")
    assert stylize("shots", *TWO, "-o", "out", *how) == 0
    mixture = transfer.interpolate_styles([style(model), style(model, "ink")], [1, 3])
    expected = adain_nodes.stylize(frames, mixture, model=model, frame_statistics="shared")
    assert_shows(in_folder("out", "oil+ink"), expected)


@pytest.mark.parametrize("method", ["linear", "luminance"])
@pytest.mark.parametrize("content", ["shots", "film.png"])
def test_colours_are_kept_as_in_python(
    stylize: Command, model: Model, frames: Tensor, method: Any, content: str
) -> None:
    how = ("--frame-statistics", "smoothed", "--preserve-color", method)
    output = "out" if content == "shots" else "out.png"
    assert stylize(content, *OIL, "-o", output, *how) == 0
    result = in_folder(output) if content == "shots" else in_file(output)
    art = read_picture(Path("oil.png"))
    expected = adain_nodes.stylize(
        frames, art, model=model, preserve_color=method, frame_statistics="smoothed"
    )
    assert_shows(result, expected)


def test_every_film_is_combined_with_every_style(
    stylize: Command, model: Model, frames: Tensor
) -> None:
    how = ("--frame-statistics", "shared")
    assert stylize("film.png", "shots", *TWO, "-o", "out", *how) == 0
    assert len(listing("out")) == 2 + 2 * 4
    for name in ("oil", "ink"):
        expected = adain_nodes.stylize(
            frames, style(model, name), model=model, frame_statistics="shared"
        )
        assert_shows(in_file(f"out/film_{name}.png"), expected)
        assert_shows(in_folder("out", name), expected)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_is_written_as_named(
    stylize: Command, model: Model, frames: Tensor, suffix: str
) -> None:
    assert stylize("film.png", *OIL, "-o", f"out{suffix}") == 0
    result = in_file(f"out{suffix}")
    expected = adain_nodes.stylize(frames, style(model), model=model)
    assert (result - expected).abs().mean() < 0.03
    assert not list(Path().glob(".*"))


def test_pictures_and_films_in_one_call(stylize: Command, frames: Tensor) -> None:
    assert stylize("film.png", "cat.png", *OIL, "-o", "out") == 0
    assert listing("out") == ["cat_oil.png", "film_oil.png"]
    assert len(in_file("out/film_oil.png")) == len(frames)


def test_a_video_with_its_sound(stylize: Command, model: Model) -> None:
    av: Any = pytest.importorskip("av")
    write_video(Path("a.mp4"), frames=4)
    Path("out").mkdir()
    assert stylize("a.mp4", *OIL, "-o", "out", "--frame-statistics", "shared") == 0
    assert listing("out") == ["a_oil.mp4"]
    with av.open("a.mp4") as file:
        content = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    with av.open("out/a_oil.mp4") as file:
        result = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    pixels = torch.stack([torch.from_numpy(frame) for frame in content]) / 255
    expected = adain_nodes.stylize(pixels, style(model), model=model, frame_statistics="shared")
    shown = torch.stack([torch.from_numpy(frame) for frame in result]) / 255
    # Colour is stored at half the resolution.
    assert (shown - expected).mean((1, 2)).abs().max() < 0.02
    assert times_of(Path("out/a_oil.mp4")) == pytest.approx(times_of(Path("a.mp4")))
    assert sound_of(Path("out/a_oil.mp4")) == sound_of(Path("a.mp4"))


@pytest.mark.usefixtures("frames")
def test_lines_and_json_of_films(stylize: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("film.png", *OIL, "-o", "out.gif") == 0
    line = capsys.readouterr().out
    assert line.startswith("out.gif: film.png in the style of oil.png, 56x40 px, ")
    assert line.endswith(" s, 4 frames\n")
    assert stylize("film.png", *OIL, "-o", "out.gif", "--json") == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result.pop("seconds") > 0
    assert result == {
        "content": "film.png", "styles": ["oil.png"], "output": "out.gif", "width": 56,
        "height": 40, "frames": 4,
    }  # fmt: skip
    assert stylize("shots", *OIL, "-o", "out", "--frame-statistics", "smoothed") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"out/frame{n}_oil.png" for n in NUMBERS]


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.usefixtures("frames")
@pytest.mark.parametrize("mode", FRAME_STATISTICS)
def test_finished_frames_stay_when_a_later_one_is_damaged(
    stylize: Command, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(Path("shots/frame10.png"))
    by_itself = mode == "per_frame"
    assert stylize("shots", *OIL, "-o", "out", "--frame-statistics", mode) == 2 - by_itself
    # Shared statistics need all frames before the first result.
    finished = [] if mode == "shared" else ["frame1_oil.png", "frame2_oil.png"]
    if by_itself:
        finished.insert(0, "frame11_oil.png")
    assert (listing("out") if Path("out").exists() else []) == sorted(finished)
    error = capsys.readouterr().err
    assert "frame10.png cannot be read" in error
    assert error.count("\n") == 1 + by_itself


def test_a_video_is_whole_or_not_there(
    stylize: Command, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    av: Any = pytest.importorskip("av")
    write_video(folder / "a.mp4")
    with av.open("a.mp4") as file:
        start, length = [(p.pos, p.size) for p in file.demux(video=0) if p.size][6]
    data = bytearray(Path("a.mp4").read_bytes())
    data[start : start + length] = bytes(byte ^ 0x5A for byte in data[start : start + length])
    Path("a.mp4").write_bytes(data)
    before = listing(".")
    assert stylize("a.mp4", *OIL, "-o", "out.mp4") == 2
    assert listing(".") == before
    error = capsys.readouterr().err
    assert "a.mp4 is damaged: frame " in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("film.png", "-o", "out.jpg"), "out.jpg must end in"),
        (("cut.gif", "-o", "out.gif"), "cut.gif is damaged: frame 4 of 4"),
        (("cat.png", "-o", "out.mp4"), "out.mp4 must end in .png"),
        (("film.png", "film.png", "cat.png", "-o", "o.gif"), "o.gif is a file, 2 results"),
        (("film.png", "-o", "film.png"), "film.png is the input film.png"),
        (("film.png", "-o", "out.gif", "--fps", "5"), "--fps is for pictures, and there are none"),
        (("text.mp4", "-o", "out.mp4"), "text.mp4 cannot be read as a video"),
        (("none.mp4", "-o", "out.mp4"), "none.mp4 does not exist"),
        (("shots", "-o", "out", "--smoothing", "1.5"), "smoothing must be a number from 0"),
        (("shots", "-o", "out", "--smoothing", "nan"), "got nan"),
        (
            ("shots", "small.png", "-o", "out", "--frame-statistics", "shared"),
            "small.png is 9x8 px, shots/frame1.png is 56x40 px",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(
    stylize: Command,
    frames: Tensor,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    if "mp4" in arguments[0]:
        pytest.importorskip("av")
    Path("text.mp4").write_text("no video")
    write_picture(Path("small.png"), torch.rand(8, 9, 3))
    like = Animation(Path("none"), SIZE, False, DURATIONS, 0)
    write_film(Path("cut.gif"), like, iter(frames), SIZE)
    Path("cut.gif").write_bytes(Path("cut.gif").read_bytes()[:-400])
    before = listing(".")
    assert stylize(*arguments, *OIL) == 2
    assert listing(".") == before
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert message in output.err


@pytest.mark.usefixtures("frames")
@pytest.mark.parametrize("mode", FRAME_STATISTICS)
@pytest.mark.parametrize("method", [(), ("--preserve-color", "linear")])
def test_the_bar_goes_through_every_piece(
    stylize: Command, monkeypatch: pytest.MonkeyPatch, mode: str, method: tuple[str, ...]
) -> None:
    pieces: list[int] = []
    told: list[float] = []
    notes: list[str] = []

    @contextmanager
    def recorded(number: int) -> Iterator[Any]:
        pieces.append(number)
        told.clear()
        finished = 0

        def report(done: int, total: int) -> None:
            nonlocal finished
            told.append(finished + done / total)
            finished += done == total

        report.note = notes.append  # type: ignore[attr-defined]
        yield report

    monkeypatch.setattr(progress, "terminal_progress", recorded)
    how = ("--frame-statistics", mode, *method)
    assert stylize("film.png", "shots", "cat.png", *TWO, "-o", "out", *how) == 0
    assert told == sorted(told)
    assert told[-1] == pieces[-1]
    assert len(told) >= pieces[-1]
    assert [note.split(",")[0] for note in notes] == [
        *(f"frame {number} of 4" for number in range(1, 5)), "",
    ] * 2  # fmt: skip
    assert notes[0].endswith(" frames/s")


def frames_of(path: str) -> Tensor:
    film = open_film(path)
    assert film is not None
    return torch.stack(list(film))


@pytest.mark.usefixtures("frames")
@pytest.mark.parametrize("output", ["out.gif", "out.webp", "out.png", "out.mp4", "out.mov"])
@pytest.mark.parametrize("content", ["film.png", "shots"])
def test_any_film_becomes_any_other(stylize: Command, content: str, output: str) -> None:
    if output in ("out.mp4", "out.mov"):
        pytest.importorskip("av")
    fps = ("--fps", "12.5") if content == "shots" else ()
    assert stylize(content, *OIL, "-o", output, *fps) == 0
    film = open_film(output)
    assert film is not None and len(list(film)) == 4
    source = None if content == "shots" else open_film(content)
    times = [0, 0.08, 0.16, 0.24] if source is None else source.times
    assert list(film.times) == pytest.approx(times, abs=0.011)


@pytest.mark.usefixtures("frames")
def test_a_video_becomes_numbered_pictures(stylize: Command) -> None:
    pytest.importorskip("av")
    assert stylize("film.png", *OIL, "-o", "out.mov") == 0
    assert stylize("out.mov", *OIL, "-o", "new/%03d.png", "--alpha", "0") == 0
    assert listing("new") == ["001.png", "002.png", "003.png", "004.png"]
    assert stylize("film.png", *OIL, "-o", "frame-%d.jpg") == 0
    assert Path("frame-4.jpg").is_file()


@pytest.mark.usefixtures("frames")
def test_numbered_pictures_that_are_there_can_be_left_alone(
    stylize: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("film.png", *OIL, "-o", "new/%03d.png", "--skip-existing")
    assert stylize(*command) == 0
    capsys.readouterr()
    assert stylize(*command) == 0
    assert capsys.readouterr().out == "1 result is there already\n"
    Path("new/004.png").unlink()
    assert stylize(*command) == 0
    assert Path("new/004.png").is_file()


@pytest.mark.usefixtures("frames")
def test_a_film_that_breaks_off_gives_its_good_frames_when_asked(
    stylize: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize("film.png", *OIL, "-o", "whole.gif") == 0
    Path("cut.gif").write_bytes(Path("whole.gif").read_bytes()[:-400])
    assert stylize("cut.gif", *OIL, "-o", "out.gif") == 2
    assert "frame 4 of 4 cannot be read" in capsys.readouterr().err
    assert stylize("cut.gif", *OIL, "-o", "out.gif", "--partial") == 0
    assert len(frames_of("out.gif")) == 3


@pytest.mark.usefixtures("frames")
def test_results_are_called_after_the_format_of_their_content(stylize: Command) -> None:
    assert stylize("film.png", *OIL, "-o", "moving.gif") == 0
    Path("moving.gif").rename("a.jpg")
    Path("film.png").rename("b.apng")
    assert stylize("a.jpg", "b.apng", *OIL, "-o", "out") == 0
    assert listing("out") == ["a_oil.gif", "b_oil.png"]


def test_a_frame_rate_must_be_one(stylize: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("cat.png", *OIL, "-o", "out.gif", "--fps", "0") == 2
    assert "fps must be a number of frames per second above 0, got 0" in capsys.readouterr().err

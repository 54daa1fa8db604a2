"""Videos from file to file, as ComfyUI hands them on."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from adain_nodes.cli import main
from adain_nodes.files.pictures import write_picture
from adain_nodes.files.video import Video
from adain_nodes.host import surroundings
from adain_nodes.host.errors import InputError
from adain_nodes.host.plain import Host, Progress
from adain_nodes.models.model import Model, load_model
from adain_nodes.nodes.stylize import AdaINStylize
from adain_nodes.nodes.video import AdaINStylizeVideo
from adain_nodes.pipeline.transfer import interpolate_styles, stack_styles, style_of

from ..files.videos import sound_of, times_of, write_video
from ..node_inputs import inputs_of

av: Any = pytest.importorskip("av")

FRAMES = 6


class Cancelled(Exception):  # noqa: N818  as ComfyUI's
    """What a report raises to cancel."""


OPTIONS: dict[str, Any] = {
    "alpha": 0.9, "content_size": 0, "style_size": 20, "mask_statistics": "region",
}  # fmt: skip


class FromFile:
    """What ComfyUI's LoadVideo gives; `whole` is False of one that was cut."""

    def __init__(self, path: Path, *, whole: bool = True, in_memory: bool = False) -> None:
        self.path = path
        self.whole = whole
        self.in_memory = in_memory
        self.saved: list[Path] = []

    def get_stream_source(self) -> str | io.BytesIO:
        return io.BytesIO(self.path.read_bytes()) if self.in_memory else str(self.path)

    def get_duration(self) -> float:
        film = Video(self.path)
        return float(len(film) / film.rate) * (1 if self.whole else 0.5)

    def save_to(self, path: str) -> None:
        self.saved.append(Path(path))
        shutil.copy(self.path, path)


class Folder(Host):
    """A host with a folder for what is not to stay."""

    told: Progress | None = None
    path: Path

    def __init__(self) -> None:
        self.notes: list[str] = []

    def temporary_folder(self) -> Path:
        return self.path / "temp"

    def progress(self) -> Progress | None:
        return self.told

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    host = Folder()
    host.path = tmp_path
    monkeypatch.setattr(surroundings, "current", lambda: host)
    return host


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    write_video(path, frames=FRAMES)
    return path


def run(model: Model, video: FromFile, **inputs: Any) -> Path:
    inputs = {**OPTIONS, **inputs}
    if "style" not in inputs:
        inputs.setdefault("style_image", torch.rand(1, 24, 30, 3))
    (result,) = AdaINStylizeVideo().stylize(model=model, video=video, **inputs)
    assert isinstance(result, Path)
    return result


def left(host: Folder) -> list[str]:
    return sorted(path.name for path in (host.path / "temp").iterdir())


def test_it_tells_how_far_it_is(model: Model, host: Folder, film: Path) -> None:
    run(model, FromFile(film))
    assert [note.split(",")[0] for note in host.notes] == [
        f"frame {number} of {FRAMES}" for number in range(1, FRAMES + 1)
    ]
    assert re.fullmatch(r"frame \d of 6, [\d.e+]+ frames/s, 0:00:00 left", host.notes[-1])


@pytest.mark.usefixtures("host")
def test_it_takes_all_its_widgets_as_they_come(model: Model, film: Path) -> None:
    """As ComfyUI passes them, changed or not."""
    widgets = {
        name: options.get("default", kind[0])
        for name, (kind, options) in inputs_of(AdaINStylizeVideo).items()
        if isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING")
    }
    assert {"refine_steps", "steadiness", "alpha_over_time", "weights_over_time"} <= widgets.keys()
    assert len(Video(run(model, FromFile(film), **widgets))) == FRAMES


@pytest.mark.parametrize(
    "how", [{}, {"frame_statistics": "shared", "steadiness": 0.8}, {"refine_steps": 2}]
)
def test_the_file_is_that_of_the_command(
    tiny_model_folder: Path, tmp_path: Path, host: Folder, film: Path, how: dict[str, Any]
) -> None:
    pytest.importorskip("cv2")
    picture = (torch.rand(24, 30, 3) * 255).round() / 255
    write_picture(tmp_path / "art.png", picture)
    settings = [
        word
        for key, value in how.items()
        for word in (f"--{key.removesuffix('_steps').replace('_', '-')}", str(value))
    ]
    arguments = (
        "--style", str(tmp_path / "art.png"), "-o", str(tmp_path / "out.mp4"), "--alpha", "0.9",
        "--style-size", "20", "--model", str(tiny_model_folder), "--precision", "fp32",
    )  # fmt: skip
    assert main(["stylize", str(film), *arguments, "--device", "cpu", *settings]) == 0
    model = load_model(str(tiny_model_folder), precision="fp32", device=torch.device("cpu"))
    result = run(model, FromFile(film), style_image=picture[None], **how)
    assert result.parent == tmp_path / "temp" and left(host) == [result.name]
    for ours, theirs in zip(Video(result), Video(tmp_path / "out.mp4"), strict=True):
        assert torch.equal(ours, theirs)
    assert times_of(result) == pytest.approx(times_of(film))
    assert sound_of(result) == sound_of(film)


@pytest.mark.parametrize("kind", [{"whole": False}, {"in_memory": True}])
def test_a_video_that_is_no_whole_file_becomes_one_for_the_while(
    model: Model, host: Folder, film: Path, kind: dict[str, bool]
) -> None:
    style = style_of(model, torch.rand(1, 24, 30, 3))
    video = FromFile(film, **kind)
    result = run(model, video, style=style)
    assert [path.parent for path in video.saved] == [host.path / "temp"]
    assert left(host) == [result.name]
    for ours, theirs in zip(
        Video(result), Video(run(model, FromFile(film), style=style)), strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kind", [{}, {"in_memory": True}])
def test_cancel_takes_effect_within_a_frame_and_leaves_nothing(
    model: Model, host: Folder, film: Path, kind: dict[str, bool]
) -> None:
    told: list[int] = []

    def cancel(done: int, total: int) -> None:
        told.append(done)
        if done > total / 2:
            raise Cancelled

    host.told = cancel
    with pytest.raises(Cancelled):
        run(model, FromFile(film, **kind))
    assert told[-1] - told[-2] <= 6 * 8  # cells of a frame
    assert left(host) == []


def test_a_damaged_frame_is_named_and_leaves_nothing(
    model: Model, host: Folder, film: Path
) -> None:
    with av.open(str(film)) as file:
        places = [(packet.pos, packet.size) for packet in file.demux(video=0) if packet.size]
    start, size = places[3]
    data = bytearray(film.read_bytes())
    data[start + 4 : start + size] = bytes([255]) * (size - 4)
    film.write_bytes(data)
    with pytest.raises(InputError, match=r"film\.mp4 is damaged: frame \d+ of 6"):
        run(model, FromFile(film))
    assert left(host) == []


def test_options_are_checked_before_anything_is_read(model: Model, tmp_path: Path) -> None:
    missing = FromFile(tmp_path / "missing.mp4")
    with pytest.raises(InputError, match="link style_image or style, one of them; both"):
        run(
            model,
            missing,
            style=style_of(model, torch.rand(1, 9, 9, 3)),
            style_image=torch.rand(1, 9, 9, 3),
        )
    with pytest.raises(InputError, match="steadiness must be"):
        run(model, missing, steadiness=2.0)


def test_alpha_over_time_counts_the_seconds_of_the_video(
    model: Model, host: Folder, film: Path
) -> None:
    """At alpha 0 any style gives the content back; the second half of the film is stylised."""
    text = f"2:0,{3 / float(Video(film).rate):.4f}s:1"
    styles = [style_of(model, torch.rand(1, 24, 30, 3) ** power) for power in (1, 6)]
    shown = [
        torch.stack(list(Video(run(model, FromFile(film), style=each, alpha_over_time=text))))
        for each in styles
    ]
    differences = (shown[0] - shown[1]).abs().mean((1, 2, 3))
    assert differences[:3].max() < 0.004 < differences[3:].min()
    assert len(left(host)) == 2
    with pytest.raises(InputError, match="alpha over time is written such as"):
        run(model, FromFile(film), style=styles[0], alpha_over_time="soon")


def test_weights_over_time_mix_the_styles_of_a_bank(model: Model, host: Folder, film: Path) -> None:
    bank = style_of(
        model, torch.rand(2, 24, 30, 3) ** torch.tensor([1.0, 6.0])[:, None, None, None]
    )
    shares = [index / (FRAMES - 1) for index in range(FRAMES)]
    mixtures = stack_styles([interpolate_styles(list(bank), (1 - x, x)) for x in shares])
    mixed, expected = (
        torch.stack(list(Video(run(model, FromFile(film), style=style, weights_over_time=text))))
        for style, text in ((bank, "0:1,0 / end:0,1"), (mixtures, ""))
    )
    assert (mixed - expected).abs().max() < 0.03
    assert len(left(host)) == 2
    with pytest.raises(InputError, match="weights over time needs 2 values at each moment, got 1"):
        run(model, FromFile(film), style=bank, weights_over_time="0:1")


def test_its_widgets_are_those_of_the_node_for_images() -> None:
    groups, own = AdaINStylize.INPUT_TYPES(), AdaINStylizeVideo.INPUT_TYPES()
    del groups["optional"]["pairing"]
    assert own["optional"] == groups["optional"]
    assert [name if name != "content" else "video" for name in groups["required"]] == list(
        own["required"]
    )

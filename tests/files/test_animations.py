"""Animated GIF, WebP and PNG: Pillow writes what is read here, and reads what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from adain_nodes.files.animations import Animation, open_animation
from adain_nodes.files.films import check_film, write_film
from adain_nodes.files.pictures import read_picture
from adain_nodes.host.errors import InputError

from ..limits import files_limited
from .color_profiles import DISPLAY_P3, rgb_profile

SUFFIXES = (".gif", ".webp", ".png")
DURATIONS = (40.0, 90.0, 40.0, 1200.0)
SIZE = (21, 34)


def film(channels: int) -> Tensor:
    """Four frames of few colours, the third like the second; the middle comes and goes."""
    frames = torch.zeros(4, *SIZE, channels)
    frames[..., 0] = torch.linspace(0, 1, 8).repeat_interleave(5)[: SIZE[1]]
    frames[..., 1] = torch.tensor([0.0, 0.4, 0.4, 0.8])[:, None, None]
    if channels == 4:
        frames[..., 3] = 1
        frames[1:3, 5:12, 6:20, 3] = 0
    return frames


def save(path: Path, frames: Tensor, **options: Any) -> None:
    images = [Image.fromarray(frame) for frame in (frames * 255).round().byte().numpy()]
    lossless = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
    disposal = {} if path.suffix == ".webp" else {"disposal": 2 if path.suffix == ".gif" else 1}
    settings = {**lossless, **disposal, "duration": list(DURATIONS), **options}
    images[0].save(path, save_all=True, append_images=images[1:], **settings)


def opened(path: Path) -> Animation:
    animation = open_animation(path)
    assert animation is not None
    return animation


def written(path: Path, frames: Tensor, plays: int = 0) -> Animation:
    """What is read of frames that have been written."""
    like = Animation(path, SIZE, frames.shape[3] == 4, DURATIONS[: len(frames)], plays)
    write_film(path, like, iter(frames), SIZE)
    return opened(path)


def shown(frames: Any) -> Tensor:
    """Colours where there is something to see, and alpha."""
    stacked = torch.stack(list(frames))
    return stacked * stacked[..., 3:] if stacked.shape[3] == 4 else stacked


@pytest.mark.parametrize("suffix", [".webp", ".png"])
@pytest.mark.parametrize("channels", [3, 4])
def test_frames_and_durations_are_read(tmp_path: Path, suffix: str, channels: int) -> None:
    frames = film(channels)
    frames[2, 0, 0, 0] = 1  # Pillow would join equal frames
    save(tmp_path / f"a{suffix}", frames)
    animation = opened(tmp_path / f"a{suffix}")
    assert animation.size == SIZE
    assert animation.durations == DURATIONS
    assert animation.has_alpha == (channels == 4)
    assert len(animation) == 4
    torch.testing.assert_close(shown(animation), shown(frames), rtol=0, atol=0.51 / 255)


def test_frames_and_durations_of_a_gif_are_read(tmp_path: Path) -> None:
    frames = film(3)
    frames[2, 0, 0, 0] = 1
    save(tmp_path / "a.gif", frames)
    animation = opened(tmp_path / "a.gif")
    assert animation.durations == DURATIONS
    assert not animation.has_alpha
    torch.testing.assert_close(shown(animation), shown(frames), rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("plays", [0, 1, 5])
def test_what_is_written_is_read_again(
    tmp_path: Path, suffix: str, channels: int, plays: int
) -> None:
    frames = film(channels)
    animation = written(tmp_path / f"a{suffix}", frames, plays)
    assert animation.size == SIZE
    assert animation.durations == DURATIONS
    assert animation.plays == plays
    assert animation.has_alpha == (channels == 4)
    # WebP is lossy; eight colours are exact in a GIF.
    result = shown(animation)
    assert (result - shown(frames)).abs().mean() < (0.02 if suffix == ".webp" else 0.002)
    if channels == 4:
        assert torch.equal(result[..., 3], frames[..., 3])
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


@pytest.mark.parametrize(("suffix", "most"), [(".gif", 0x10000), (".webp", 0xFFFF)])
def test_more_plays_than_a_format_can_say_are_its_most(
    tmp_path: Path, suffix: str, most: int
) -> None:
    """A PNG can say 2^31 - 1."""
    assert written(tmp_path / f"a{suffix}", film(3), 0x20000).plays == most


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("loop", [None, 0, 3])
def test_plays_are_kept_from_format_to_format(
    tmp_path: Path, suffix: str, loop: int | None
) -> None:
    save(tmp_path / "a.gif", film(3), **({} if loop is None else {"loop": loop}))
    animation = opened(tmp_path / "a.gif")
    # A GIF counts repetitions, the others plays; without either it is played once.
    assert animation.plays == {None: 1, 0: 0, 3: 4}[loop]
    write_film(tmp_path / f"b{suffix}", animation, iter(animation), SIZE)
    assert opened(tmp_path / f"b{suffix}").plays == animation.plays


def test_each_frame_of_a_gif_has_colours_of_its_own(tmp_path: Path) -> None:
    frames = torch.zeros(3, *SIZE, 3)
    values = torch.arange(200).repeat(4)[: SIZE[0] * SIZE[1]].reshape(SIZE) / 255
    for index in range(3):
        frames[index, ..., index] = values
    animation = written(tmp_path / "a.gif", frames)
    torch.testing.assert_close(shown(animation), frames, rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [(1, 1), (3, 300), (64, 5)])
def test_any_size(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    frames = torch.rand(2, *size, 3)
    like = Animation(tmp_path / "none", size, False, (50.0, 60.0), 0)
    write_film(tmp_path / f"a{suffix}", like, iter(frames), size)
    animation = opened(tmp_path / f"a{suffix}")
    assert (animation.size, animation.durations) == (size, (50.0, 60.0))
    if suffix == ".png":
        torch.testing.assert_close(shown(animation), frames, rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize("duration", [1.0, 1000 / 30, 1001 / 24, 90_000.0])
def test_a_png_keeps_odd_durations(tmp_path: Path, duration: float) -> None:
    like = Animation(tmp_path / "none", SIZE, False, (duration, duration), 0)
    write_film(tmp_path / "a.png", like, iter(film(3)[:2]), SIZE)
    assert opened(tmp_path / "a.png").durations == pytest.approx((duration,) * 2, abs=0.05)


def test_the_picture_before_an_animated_png_is_no_frame(tmp_path: Path) -> None:
    images = [Image.new("RGB", (9, 7), color) for color in ("red", "green", "blue")]
    images[0].save(
        tmp_path / "a.png", save_all=True, append_images=images[1:], default_image=True,
        duration=[70, 80],
    )  # fmt: skip
    animation = opened(tmp_path / "a.png")
    assert animation.durations == (70, 80)
    assert [frame[0, 0].argmax().item() for frame in animation] == [1, 2]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_single_picture_is_no_animation(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", (9, 7)).save(tmp_path / f"a{suffix}")
    assert open_animation(tmp_path / f"a{suffix}") is None


def test_pages_are_no_animation(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (9, 7), color) for color in ("red", "green")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert open_animation(tmp_path / "a.tif") is None


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    written(path, torch.rand(4, *SIZE, 3))
    data = bytearray(path.read_bytes())
    third = data.index(b"fdAT", data.index(b"fdAT") + 1)
    data[third + 8 : third + 60] = bytes(52)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.png is damaged: frame 3 of 4 cannot be read"):
        open_animation(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_off_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    written(path, torch.rand(4, *SIZE, 3))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match=rf"a\{suffix} (is damaged: frame 4 of 4 )?cannot be read"):
        open_animation(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_half_written_is_left_behind(tmp_path: Path, suffix: str) -> None:
    def results() -> Any:
        yield from film(3)[:2]
        raise InputError("no more")

    path = tmp_path / f"a{suffix}"
    path.write_text("before")
    with pytest.raises(InputError, match="no more"):
        write_film(path, Animation(path, SIZE, False, DURATIONS, 0), results(), SIZE)
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, suffix: str) -> None:
    like = Animation(tmp_path / "none", SIZE, False, DURATIONS, 0)
    with (
        files_limited(1000),
        pytest.raises(InputError, match=rf"a{suffix} cannot be written: [A-Za-z ]+$"),
    ):
        write_film(tmp_path / f"a{suffix}", like, iter(torch.rand(4, *SIZE, 3)), SIZE)
    assert list(tmp_path.iterdir()) == []


def test_no_frame_is_computed_for_a_folder_that_is_missing(tmp_path: Path) -> None:
    like = Animation(tmp_path / "none", SIZE, False, DURATIONS, 0)
    frames = iter(film(3))
    with pytest.raises(InputError, match=r"none/a\.gif cannot be written: No such file"):
        write_film(str(tmp_path / "none" / "a.gif"), like, frames, SIZE)
    assert len(list(frames)) == 4


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_frames_are_turned_upright(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    save(tmp_path / f"a{suffix}", film(3), exif=exif)
    animation = opened(tmp_path / f"a{suffix}")
    assert animation.size == SIZE[::-1]
    expected = film(3).rot90(-1, (1, 2))
    torch.testing.assert_close(shown(animation)[0], expected[0], rtol=0, atol=0.51 / 255)


def test_no_duration_is_a_tenth_of_a_second(tmp_path: Path) -> None:
    save(tmp_path / "a.gif", film(3)[[0, 1, 3]], duration=0)
    animation = opened(tmp_path / "a.gif")
    assert animation.durations == (100.0,) * 3
    assert animation.times == pytest.approx([0, 0.1, 0.2])
    assert animation.rate == 10


def test_outputs_are_checked() -> None:
    animation = Animation(Path("a.gif"), SIZE, False, DURATIONS, 0)
    with pytest.raises(InputError, match=r"b\.jpg must end in .*a\.gif is a film"):
        check_film(Path("b.jpg"), animation, SIZE)
    with pytest.raises(InputError, match="more than the 16383 px"):
        check_film(Path("b.webp"), animation, (9, 20000))
    check_film(Path("b.GIF"), animation, (9, 20000))


def test_frames_are_written_one_by_one(tmp_path: Path) -> None:
    alive: list[Any] = []

    class Counted:
        """Frames of which the last two are held, since durations end when the next begins."""

        def __iter__(self) -> Any:
            import weakref  # noqa: PLC0415

            for _ in range(6):
                frame = torch.rand(*SIZE, 3)
                assert sum(reference() is not None for reference in alive) <= 2
                alive.append(weakref.ref(frame))
                yield frame
                del frame

    for suffix in SUFFIXES:
        alive.clear()
        like = Animation(tmp_path / "none", SIZE, False, (20.0,) * 6, 0)
        write_film(tmp_path / f"a{suffix}", like, Counted(), SIZE)
        assert len(alive) == 6


def test_frames_are_in_srgb(tmp_path: Path) -> None:
    """As single pictures with the same profile are."""
    profile = rgb_profile(DISPLAY_P3, 2.2)
    frames = [Image.new("RGB", (8, 8), color) for color in ((200, 60, 40), (40, 160, 60))]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], icc_profile=profile)
    for number, (frame, read) in enumerate(zip(frames, opened(tmp_path / "a.png"), strict=True)):
        frame.save(tmp_path / f"{number}.png", icc_profile=profile)
        assert torch.equal(read, read_picture(tmp_path / f"{number}.png")[0])
        assert (read * 255 - torch.from_numpy(np.array(frame))).abs().max() > 4

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from adain_nodes.files.pictures import read_picture
from adain_nodes.files.profiles import srgb_profile
from adain_nodes.host.errors import InputError
from adain_nodes.training.data import (
    RandomCrops,
    emphasis,
    find_pictures,
    pictures_named_in,
)


def write_noise(path: Path, size: tuple[int, int] = (24, 20)) -> Path:
    """A picture like no other, named after its seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(path)
    return path


def write_flat(path: Path, color: tuple[int, int, int], size: tuple[int, int] = (9, 9)) -> Path:
    Image.new("RGB", size, color).save(path)
    return path


def write_broken(path: Path) -> Path:
    path.write_bytes(b"not a picture")
    return path


def crops_of(paths: Sequence[Path], *, size: int = 8, seed: int = 0) -> RandomCrops:
    return RandomCrops(paths, size=size, seed=seed)


def test_pictures_are_found_in_all_folders_in_order(tmp_path: Path) -> None:
    names = ["b.png", "a/z.JPG", "a/b/c.webp", "c.bmp"]
    for name in names:
        write_noise(tmp_path / name)
    (tmp_path / "SOURCES.md").write_text("text")
    found = find_pictures(tmp_path)
    assert found == sorted(tmp_path / name for name in names)


def test_files_may_be_named_beside_folders(tmp_path: Path) -> None:
    paths = [write_noise(tmp_path / name) for name in ("a/1.png", "b/2.png")]
    assert find_pictures(paths[1], tmp_path / "a", paths[0]) == paths[::-1]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files of one name in several folders; the working folder is `tmp_path / "work"`."""
    names = ("photos/1.png", "photos/a/1.png", "photos/b/1.png", "art/1.png", "work/1.png")
    for name in names:
        write_noise(tmp_path / name)
    monkeypatch.chdir(tmp_path / "work")
    return find_pictures(tmp_path / "photos", tmp_path / "art")


def named(tmp_path: Path, photos: list[Path], text: str, where: str = "list.txt") -> list[str]:
    """What a list names in the folders photos and art, below `tmp_path`."""
    source = tmp_path / where
    source.parent.mkdir(exist_ok=True)
    source.write_text(text, encoding="utf-8")
    searched = [tmp_path / "photos", tmp_path / "art"]
    found = pictures_named_in(source, photos, searched)
    return sorted(path.relative_to(tmp_path).as_posix() for path in found)


@pytest.mark.parametrize(
    ("line", "where", "expected"),
    [
        ("photos/a/1.png", "list.txt", ["photos/a/1.png"]),  # from the list's own folder
        ("a/1.png", "lists/list.txt", ["photos/a/1.png"]),  # from a searched folder
        ("photos/a/1.png", "lists/list.txt", ["photos/a/1.png"]),  # from the folder around it
        ("../art/1.png", "lists/list.txt", ["art/1.png"]),  # from the working folder
        ("./photos/b/../a/1.png", "list.txt", ["photos/a/1.png"]),
        ("  a/1.png  \n\nb/1.png\n", "list.txt", ["photos/a/1.png", "photos/b/1.png"]),
        # Both are directly in a searched folder.
        ("1.png", "list.txt", ["art/1.png", "photos/1.png"]),
    ],
)
def test_a_list_names_files_by_path_and_none_of_the_same_name(
    tmp_path: Path, photos: list[Path], line: str, where: str, expected: list[str]
) -> None:
    assert named(tmp_path, photos, line, where) == expected


def test_a_list_may_hold_absolute_paths_even_by_way_of_links(
    tmp_path: Path, photos: list[Path]
) -> None:
    (tmp_path / "linked").symlink_to(tmp_path / "photos")
    assert named(tmp_path, photos, f"{tmp_path}/linked/b/1.png") == ["photos/b/1.png"]


def test_a_picture_that_is_searched_by_itself_is_named_from_its_folder(
    tmp_path: Path, photos: list[Path]
) -> None:
    source = tmp_path / "work" / "list.txt"
    source.write_text("1.png")
    picture = tmp_path / "photos/a/1.png"
    assert pictures_named_in(source, [picture], [picture]) == {picture}
    assert photos


def test_lines_that_name_no_picture_are_told(
    tmp_path: Path, photos: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    assert named(tmp_path, photos, "a/1.png\nart/1.png\n")
    assert not caplog.records
    named(tmp_path, photos, "a/1.png\nc/1.png\nd.png\n")
    assert "2 of the 3 pictures named in" in caplog.text
    assert "list.txt were not found, such as c/1.png" in caplog.text


def test_lines_may_be_in_any_script_and_behind_a_byte_order_mark(tmp_path: Path) -> None:
    names = ("Müller.png", "\u6d6e\u4e16\u7ed8.png")
    pictures = [write_noise(tmp_path / name) for name in names]
    source = tmp_path / "held-out.txt"
    source.write_bytes("\n".join(names).encode("utf-8-sig"))
    assert pictures_named_in(source, pictures, [tmp_path]) == set(pictures)


def test_a_list_in_another_encoding_or_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "held-out.txt"
    path.write_bytes("Müller.jpg".encode("latin-1"))
    for unreadable in (path, tmp_path / "absent.txt"):
        with pytest.raises(InputError, match=unreadable.name):
            pictures_named_in(unreadable, [], [])


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / ".thumbnails").mkdir()
    for name in ("a.png", "._a.png", ".thumbnails/a.png"):
        write_noise(tmp_path / name)
    assert find_pictures(tmp_path) == [tmp_path / "a.png"]


def test_a_folder_without_pictures_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "SOURCES.md").write_text("text")
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=folder.name):
            find_pictures(folder)


def test_crops_depend_on_seed_step_and_index_alone(tmp_path: Path) -> None:
    paths = [write_noise(tmp_path / f"{i}.png") for i in range(4)]
    batch = crops_of(paths).batch(3, range(6))
    assert tuple(batch.shape) == (6, 3, 8, 8)
    again = crops_of(paths)
    again.batch(0, range(2))
    assert torch.equal(again.batch(3, range(6)), batch)
    assert torch.equal(again.batch(3, [5, 1]), batch[[5, 1]])
    for other in (crops_of(paths, seed=1).batch(3, [0]), again.batch(4, [0]), batch[1:2]):
        assert not torch.equal(other, batch[:1])


def test_a_crop_shows_the_picture_as_it_is(tmp_path: Path) -> None:
    colors = [(255, 0, 51), (0, 102, 255)]
    for index, color in enumerate(colors):
        path = write_flat(tmp_path / f"{index}.png", color, size=(40, 13))
        batch = crops_of([path]).batch(0, range(5))
        assert batch.dtype == torch.float32
        expected = torch.tensor(color)[:, None, None] / 255
        torch.testing.assert_close(batch, expected.expand_as(batch))


def test_pictures_below_the_crop_are_enlarged_whole(tmp_path: Path) -> None:
    path = tmp_path / "edge.png"
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[:2] = 255
    Image.fromarray(pixels).save(path)
    batch = crops_of([path], size=16).batch(0, range(3))
    assert batch[:, :, 0].min() == 1
    assert batch[:, :, -1].max() == 0


@pytest.mark.parametrize("scales", [(0.5, 2.5), (1.0, 2.0)])
def test_crops_differ_in_scale_place_and_direction(
    tmp_path: Path, scales: tuple[float, float]
) -> None:
    """A ramp tells where a crop lies and how much of the picture it shows."""
    path = tmp_path / "ramp.png"
    ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    Image.fromarray(np.stack([ramp] * 3, axis=-1)).save(path)
    crops = RandomCrops([path], size=16, seed=0, scales=scales)
    rows = crops.batch(0, range(64))[:, 0, 8] * 255
    slopes = (rows[:, -2] - rows[:, 1]) / 13
    least, most = scales
    assert 16 < (slopes > 0).sum() < 48
    assert 0.9 * least < slopes.abs().min() < 1.2 * least
    assert 0.85 * most < slopes.abs().max() < 1.05 * most
    assert rows.mean(1).max() - rows.mean(1).min() > 128


def test_a_share_of_the_crops_changes_its_colors(tmp_path: Path) -> None:
    path = write_flat(tmp_path / "x.png", (10, 100, 200))
    crops = RandomCrops([path], size=8, seed=0, recolored=0.5)
    colors = [
        tuple(crop[:, 4, 4].mul(255).round().int().tolist()) for crop in crops.batch(0, range(99))
    ]
    assert set(colors) == set(permutations((10, 100, 200)))
    # One in six of the changes puts them back.
    assert 45 < colors.count((10, 100, 200)) < 70
    assert torch.equal(crops.batch(0, range(99)), crops.batch(0, range(99)))


def test_pictures_are_turned_as_their_camera_says(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    picture = Image.new("L", (8, 8), 0)
    picture.paste(255, (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture.save(path, exif=exif, quality=100)
    (crop,) = crops_of([path]).batch(0, [0])
    assert crop[:, 0].max() < 0.5 < crop[:, -1].min()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_pictures_of_any_mode_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.new("RGB", (9, 9), (255, 255, 255)).convert(mode).save(path)
    batch = crops_of([path]).batch(0, [0])
    assert torch.equal(batch, torch.ones(1, 3, 8, 8))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_grey_is_read_as_everywhere(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.full((9, 9), 20000, np.uint16)).save(path)
    batch = crops_of([path]).batch(0, [0])
    assert torch.equal(batch, torch.full((1, 3, 8, 8), round(20000 / 257) / 255))


def test_floating_grey_is_read_as_everywhere(tmp_path: Path) -> None:
    Image.fromarray(np.full((9, 9), 0.5, np.float32)).save(tmp_path / "a.tif")
    batch = crops_of([tmp_path / "a.tif"]).batch(0, [0])
    assert torch.equal(batch, torch.full((1, 3, 8, 8), 128 / 255))


def test_a_crop_has_the_colours_that_the_picture_is_read_with(tmp_path: Path) -> None:
    """The profile has red and blue exchanged."""
    profile = bytearray(srgb_profile("RGB"))
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9), (250, 100, 20)).save(path, icc_profile=bytes(profile))
    batch = crops_of([path]).batch(0, [0])
    torch.testing.assert_close(batch[0, :, 0, 0], read_picture(path)[0, 0, 0])
    assert batch[0, 2, 0, 0] > 0.9


def test_a_picture_larger_than_pillow_expects_is_cropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_flat(tmp_path / "a.png", (10, 20, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert crops_of([path]).batch(0, [0]).shape == (1, 3, 8, 8)


def test_broken_files_are_skipped_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = [write_noise(tmp_path / f"{i}.png") for i in range(2)]
    truncated = write_noise(tmp_path / "truncated.png")
    truncated.write_bytes(truncated.read_bytes()[:200])
    broken = {truncated, write_broken(tmp_path / "broken.png"), tmp_path / "absent.png"}
    crops = crops_of([*good, *broken])
    with caplog.at_level(logging.WARNING):
        first = crops.batch(0, range(24))
        again = crops.batch(0, range(24))
    assert crops.broken == broken
    for path in broken:
        assert sum(str(path) in record.getMessage() for record in caplog.records) == 1
    assert torch.equal(first, again)


def test_only_broken_files_are_an_error(tmp_path: Path) -> None:
    crops = crops_of([write_broken(tmp_path / f"{i}.png") for i in range(3)])
    with pytest.raises(InputError, match="none of the 3"):
        crops.batch(0, [0])


def test_weights_are_the_product_of_all_matching_factors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As on Windows, where shell patterns are matched without regard to case.
    monkeypatch.setattr(os.path, "normcase", str.lower)
    paths = [Path("a/monet-1.jpg"), Path("a/cubism-monet.jpg"), Path("monet/Monet.jpg")]
    assert emphasis(paths, {"*monet*": 2.0, "cubism*": 3.0}) == [2, 6, 1]


@pytest.mark.parametrize(
    ("weights", "expected"), [([3.0, 1.0], 0.75), ([0.0, 2.0], 0.0), (None, 0.5)]
)
def test_pictures_are_drawn_by_weight(
    tmp_path: Path, weights: list[float] | None, expected: float
) -> None:
    paths = [
        write_flat(tmp_path / "0.png", (255, 255, 255)),
        write_flat(tmp_path / "1.png", (0, 0, 0)),
    ]
    crops = RandomCrops(paths, size=4, seed=1, weights=weights)
    share = crops.batch(0, range(600))[:, 0, 0, 0].mean().item()
    # Four standard deviations of 600 draws.
    assert share == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 600) ** 0.5)


class _FewDraws:
    """Draws that run out: what would go on for ever fails."""

    def __init__(self) -> None:
        self.left = 1000

    def random(self) -> float:
        self.left -= 1
        assert self.left > 0, "endless draws"
        return 0.5


@pytest.mark.parametrize("weights", [[1.0, 0.0], [0.0, 0.0]])
def test_no_readable_picture_of_any_weight_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: list[float]
) -> None:
    paths = [write_broken(tmp_path / "broken.png"), write_noise(tmp_path / "good.png")]
    monkeypatch.setattr(np.random, "default_rng", lambda _: _FewDraws())
    with pytest.raises(InputError):
        RandomCrops(paths, size=8, seed=0, weights=weights).batch(0, [0])

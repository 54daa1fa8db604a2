from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from adain_nodes.files.pictures import check_writable, picture_size, read_picture
from adain_nodes.files.pictures import write_picture as write
from adain_nodes.host.errors import InputError

from ..limits import files_limited


def gradient(height: int = 3, width: int = 5, channels: int = 3) -> torch.Tensor:
    values = torch.arange(height * width * channels) * 7 % 256
    return values.reshape(height, width, channels) / 255


def needs_pillow(version: int) -> pytest.MarkDecorator:
    old = int(PIL.__version__.split(".")[0]) < version
    return pytest.mark.skipif(old, reason=f"needs Pillow {version}")


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_gives_back_what_was_written(tmp_path: Path, channels: int) -> None:
    picture = gradient(channels=channels)
    write(tmp_path / "a.png", picture)
    torch.testing.assert_close(read_picture(tmp_path / "a.png"), picture[None])
    assert listing(tmp_path) == ["a.png"]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 2)])
def test_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    write(tmp_path / "a.png", gradient(*size))
    assert read_picture(tmp_path / "a.png").shape == (1, *size, 3)
    assert picture_size(tmp_path / "a.png") == size


def test_values_are_rounded_and_clamped(tmp_path: Path) -> None:
    picture = torch.tensor([-1.0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 2.0]).reshape(1, 5, 1)
    write(tmp_path / "a.png", picture)
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image).flatten().tolist() == [0, 0, 1, 255, 255]


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp"])
def test_lossy_formats_stay_close(tmp_path: Path, suffix: str) -> None:
    smooth = torch.linspace(0.2, 0.8, 32)[None, :, None].expand(24, -1, 3)
    write(tmp_path / f"a{suffix}", smooth)
    read = read_picture(tmp_path / f"a{suffix}")
    torch.testing.assert_close(read, smooth[None], atol=0.03, rtol=0)


def test_jpeg_keeps_the_colour_of_single_pixels(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", gradient(8, 8))
    with Image.open(tmp_path / "a.jpg") as image:
        sampling = [component[1:3] for component in image.layer]  # type: ignore[attr-defined]
    assert sampling == [(1, 1)] * 3


def test_jpeg_replaces_transparency_by_white(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture = torch.zeros(8, 16, 4)
    picture[:, 8:, 3] = 1
    write(tmp_path / "a.jpg", picture)
    read = read_picture(tmp_path / "a.jpg")
    assert read.shape == (1, 8, 16, 3)
    assert read[:, :, :8].min() > 0.98
    assert read[:, :, 8:].max() < 0.02
    assert "transparency" in caplog.text


@pytest.mark.parametrize(
    ("mode", "info", "channels"),
    [
        ("1", {}, 1),
        ("L", {}, 1),
        ("I;16", {}, 1),
        ("RGB", {}, 3),
        ("P", {}, 3),
        ("RGBA", {}, 4),
        ("LA", {}, 4),
        ("L", {"transparency": 0}, 4),
        ("RGB", {"transparency": (0, 0, 0)}, 4),
        ("P", {"transparency": b"\x00\xff"}, 4),
    ],
)
def test_channels_of_png_modes(
    tmp_path: Path, mode: str, info: dict[str, object], channels: int
) -> None:
    image = Image.new(mode, (5, 3))
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(tmp_path / "a.png", **info)  # type: ignore[arg-type]
    picture = read_picture(tmp_path / "a.png")
    assert picture.shape == (1, 3, 5, channels)
    assert picture.dtype == torch.float32
    if info:
        assert picture[..., 3].max() == 0


# An older Pillow does not read the plain YCbCr that it writes.
@pytest.mark.parametrize("mode", ["CMYK", pytest.param("YCbCr", marks=needs_pillow(13))])
def test_other_colour_models_become_rgb(tmp_path: Path, mode: str) -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0)).convert(mode)
    red.save(tmp_path / "a.tif")
    picture = read_picture(tmp_path / "a.tif")
    torch.testing.assert_close(picture[0, 0, 0], torch.tensor([1.0, 0.0, 0.0]), atol=0.02, rtol=0)


# An older Pillow does not write such a .pgm.
@pytest.mark.parametrize("suffix", ["png", "tif", pytest.param("pgm", marks=needs_pillow(11))])
def test_16_bit_grey_keeps_its_depth(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 1000], [32768, 65534, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    picture = read_picture(tmp_path / f"a.{suffix}")
    assert (picture[0, ..., 0] * 65535).round().int().tolist() == values.tolist()


def test_floating_grey_is_taken_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.3, 1.0]], np.float32)).save(tmp_path / "a.tif")
    torch.testing.assert_close(
        read_picture(tmp_path / "a.tif").flatten(), torch.tensor([0.0, 0.3, 1.0])
    )


def test_floating_grey_may_overshoot_a_little(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-1e-6, 0.5, 1.0001]], np.float32)).save(tmp_path / "a.tif")
    assert read_picture(tmp_path / "a.tif").flatten().tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("values", [[[0.0, 255.0]], [[float("nan")]], [[-1.0]]])
def test_floating_grey_of_unknown_range_is_refused(
    tmp_path: Path, values: list[list[float]]
) -> None:
    Image.fromarray(np.array(values, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif cannot be read as a picture: grey values"):
        read_picture(tmp_path / "a.tif")


def test_a_picture_larger_than_pillow_expects_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.png", gradient(5, 5))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read_picture(tmp_path / "a.png").shape == (1, 5, 5, 3)
    assert picture_size(tmp_path / "a.png") == (5, 5)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_size_is_that_of_the_picture_the_right_way_up(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (20, 10)).save(path, exif=exif)
    size = (20, 10) if orientation > 4 else (10, 20)
    assert read_picture(path).shape == (1, *size, 3)
    assert picture_size(path) == size


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert picture.shape == (1, 3, 2, 3)
    assert picture[0, ..., 0].tolist() == [[0, 1], [0, 0], [0, 0]]


def test_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "a.gif")[0, 0, 0, :3].tolist() == [1, 0, 0]


def truncated(path: Path) -> None:
    write(path, torch.rand(64, 64, 3))
    path.write_bytes(path.read_bytes()[:3000])


def nothing(_: Path) -> None:
    pass


def text(path: Path) -> None:
    path.write_text("no picture")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.mkdir, "is a folder"),
        (nothing, "does not exist"),
        (Path.touch, "is empty"),
        (text, "not a picture"),
        (truncated, "cannot be read as a picture"),
    ],
)
def test_unreadable_files_are_named(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(InputError, match=message) as raised:
        read_picture(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_unknown_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"must end in \.png"):
        write(tmp_path / name, gradient())
    assert listing(tmp_path) == []


def test_sides_that_a_format_cannot_store_are_refused() -> None:
    check_writable(Path("a.png"), (1, 100_000))
    with pytest.raises(InputError, match="16383 px"):
        check_writable(Path("a.webp"), (1, 16384))


def test_a_picture_with_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nan"):
        write(tmp_path / "a.png", torch.full((2, 2, 3), float("nan")))
    assert listing(tmp_path) == []


def test_what_was_read_can_be_written(tmp_path: Path) -> None:
    write(tmp_path / "a.png", gradient())
    write(str(tmp_path / "b.png"), read_picture(str(tmp_path / "a.png")))
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    assert picture_size(str(tmp_path / "b.png")) == (3, 5)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 4, 5, 3), r"a\.png can hold one picture, got 2"),
        ((3,), r"must be \[batch, height, width, channels\].* shape \(3,\)"),
        ((4, 5, 2), "with 1, 3 or 4 channels"),
        ((0, 4, 5, 3), "no empty side"),
    ],
)
def test_what_is_not_one_picture_is_not_written(
    tmp_path: Path, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write(tmp_path / "a.png", torch.rand(shape))
    assert listing(tmp_path) == []


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_results_say_that_they_are_in_srgb(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"a{suffix}"
    write(path, torch.rand(8, 8, channels))
    with Image.open(path) as image:
        if suffix == ".png":
            assert image.info["srgb"] == 0
            assert "icc_profile" not in image.info
        else:
            profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"])).profile
            assert profile.xcolor_space == ("GRAY" if image.mode == "L" else "RGB ")


# An older Pillow does not write it.
@needs_pillow(12)
def test_grey_with_a_transparent_value_has_alpha(tmp_path: Path) -> None:
    values = np.array([[0, 300, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=300)
    picture = read_picture(tmp_path / "a.png")
    assert picture[0, 0, :, 3].tolist() == [1, 0, 1]
    assert picture[0, 0, :, 0].mul(255).round().tolist() == [0, 1, 255]


def test_lab_becomes_rgb(tmp_path: Path) -> None:
    lab = Image.new("RGB", (4, 4), (255, 0, 0))
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    transform.apply(lab).save(tmp_path / "a.tif")
    expected = torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(
        read_picture(tmp_path / "a.tif")[0, 0, 0], expected, atol=0.03, rtol=0
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("missing", [1, 5000])
def test_a_picture_for_which_the_disk_has_no_room_is_not_written(
    tmp_path: Path, suffix: str, missing: int
) -> None:
    path = tmp_path / f"a{suffix}"
    write(path, gradient(64, 96))
    before = path.read_bytes()
    large = torch.rand(64, 96, 3)
    write(tmp_path / f"b{suffix}", large)
    size = (tmp_path / f"b{suffix}").stat().st_size
    with files_limited(size - missing), pytest.raises(InputError, match="File too large"):
        write(path, large)
    assert path.read_bytes() == before
    assert listing(tmp_path) == [f"a{suffix}", f"b{suffix}"]


def test_pictures_beyond_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    write(path, gradient(10, 20))
    monkeypatch.setenv("ADAIN_MAX_MEGAPIXELS", "0.0002")
    assert read_picture(path).shape == (1, 10, 20, 3)
    monkeypatch.setenv("ADAIN_MAX_MEGAPIXELS", "0.000199")
    for read in (read_picture, picture_size):
        with pytest.raises(
            InputError, match=r"a\.png has 20x10 px, more than 0\.000199 megapixels"
        ):
            read(path)
    monkeypatch.setenv("ADAIN_MAX_MEGAPIXELS", "many")
    with pytest.raises(InputError, match="must be a number, got 'many'"):
        read_picture(path)

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from adain_nodes.files.metadata import Metadata, read_metadata
from adain_nodes.files.pictures import picture_size, read_picture, write_picture
from adain_nodes.host.errors import InputError

MAIN: dict[int, Any] = {
    ExifTags.Base.Make: "Camera",
    ExifTags.Base.Artist: "Somebody",
    ExifTags.Base.Copyright: "(c) Somebody",
    ExifTags.Base.DateTime: "2024:01:02 03:04:05",
}
EXPOSURE: dict[int, Any] = {
    ExifTags.Base.DateTimeOriginal: "2023:01:02 03:04:05",
    ExifTags.Base.FNumber: IFDRational(28, 10),
    ExifTags.Base.LensModel: "50 mm",
}
PRIVATE = (b"SERIAL", b"NOTES", b"\x12\x34\x56\x78PLACE", b"THUMBNAIL")


def photograph(path: Path) -> None:
    """A picture that lies on its side, with what is to be kept and what is not."""
    exif = Image.Exif()
    exif.update({**MAIN, ExifTags.Base.Orientation: 6})
    secrets = {ExifTags.Base.BodySerialNumber: "SERIAL", ExifTags.Base.MakerNote: b"NOTES"}
    exif[ExifTags.IFD.Exif] = {**EXPOSURE, **secrets}
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSAreaInformation: PRIVATE[2]}
    exif.get_ifd(ExifTags.IFD.IFD1).update({ExifTags.Base.ImageDescription: "THUMBNAIL"})
    Image.new("RGB", (16, 8)).save(path, exif=exif.tobytes(), dpi=(300, 300))


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp"])
def test_results_keep_what_their_content_says_of_itself(
    tmp_path: Path, source: str, target: str
) -> None:
    photograph(tmp_path / source)
    secret = [text for text in PRIVATE if text in (tmp_path / source).read_bytes()]
    assert len(secret) >= 3
    picture = read_picture(tmp_path / source)
    write_picture(tmp_path / target, picture, metadata=read_metadata(tmp_path / source))
    with Image.open(tmp_path / target) as image:
        exif = image.getexif()
        exposure = exif.get_ifd(ExifTags.IFD.Exif)
        resolution = image.info.get("dpi")
    assert {tag: exif[tag] for tag in MAIN} == MAIN
    assert {tag: exposure[tag] for tag in EXPOSURE} == EXPOSURE
    assert exif[ExifTags.Base.Orientation] == 1
    assert exposure[ExifTags.Base.ColorSpace] == 1
    # Pillow reads no resolution of a WebP, and writes none when it makes the source.
    if source != "a.webp":
        assert exif[ExifTags.Base.XResolution] == pytest.approx(300, abs=0.1)
        if target != "b.webp":
            assert resolution == pytest.approx((300, 300), abs=0.1)
    content = (tmp_path / target).read_bytes()
    assert not any(text in content for text in secret)
    assert picture_size(tmp_path / target) == (16, 8)


def test_without_metadata_nothing_is_kept(tmp_path: Path) -> None:
    photograph(tmp_path / "a.jpg")
    write_picture(tmp_path / "b.jpg", read_picture(tmp_path / "a.jpg"))
    with Image.open(tmp_path / "b.jpg") as image:
        assert not image.getexif()
        assert "dpi" not in image.info


@pytest.mark.parametrize(
    "damage", [b"", b"junk", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"]
)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_damaged_metadata_is_left_out(tmp_path: Path, suffix: str, damage: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (16, 8)).save(path, exif=b"Exif\0\0" + damage)
    write_picture(tmp_path / "b.jpg", torch.zeros(8, 16, 3), metadata=read_metadata(path))
    assert picture_size(tmp_path / "b.jpg") == (8, 16)


def test_a_resolution_that_means_nothing_is_left_out(tmp_path: Path) -> None:
    for dpi in ((0, 0), (1, 1), (72, 72)):
        Image.new("RGB", (4, 4)).save(tmp_path / "a.png", dpi=dpi)
        assert read_metadata(tmp_path / "a.png") == Metadata()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.bmp")
    assert read_metadata(tmp_path / "a.bmp").exif.count(b"sRGB") == 0


def test_files_without_metadata_have_none(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert read_metadata(tmp_path / "a.png") == Metadata()
    with pytest.raises(InputError, match="does not exist"):
        read_metadata(tmp_path / "none.png")

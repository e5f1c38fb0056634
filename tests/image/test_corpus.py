"""Real odd and broken files, graded, and libvips as a second opinion on the pixels."""

import csv
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import pyvips
import tifffile
from numpy.typing import NDArray

from srgan.errors import ImageRefused, LimitExceeded
from srgan.image.files import probe, read_picture
from srgan.image.picture import Frame


def graded(shared: Path, grade: str) -> list[Path]:
    with (shared / "badimages/inventory.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["grade"] == grade]
    assert rows, f"the inventory has no {grade}"
    return [shared / "badimages" / row["path"] for row in rows]


def test_every_good_file_is_read(shared: Path) -> None:
    for path in graded(shared, "MUST_HANDLE"):
        picture = read_picture(path)
        info = probe(path)
        assert (info.height, info.width) == (picture.height, picture.width), path


def test_every_broken_file_is_refused_in_one_line(shared: Path) -> None:
    for path in graded(shared, "MUST_REFUSE"):
        with pytest.raises((ImageRefused, LimitExceeded)) as caught:
            read_picture(path)
        assert str(caught.value).isprintable(), path


def disagreement(mine: Frame, theirs: NDArray[Any]) -> float:
    """The largest difference of two decoders in levels of 8 bits, where mine is not transparent."""
    colours = mine.colour.shape[2] if theirs.shape[2] < 3 else 3
    if theirs.shape[:2] != mine.colour.shape[:2]:
        return np.inf
    difference = np.abs(mine.colour.astype(int) - theirs[..., :colours].astype(int))
    if mine.alpha is not None:
        difference = difference * (mine.alpha > 0)[..., None]
    return float(difference.max()) / (257 if mine.colour.dtype == np.uint16 else 1)


def by_libvips(path: Path) -> NDArray[Any]:
    seen = pyvips.Image.new_from_file(str(path)).autorot()
    return seen.numpy().reshape(seen.height, seen.width, seen.bands)


def by_libavif(path: Path) -> NDArray[Any]:
    """The format's reference decoder; the file mirrors its rows, which it leaves to the reader."""
    return np.asarray(imagecodecs.avif_decode(path.read_bytes()))[:, ::-1]


def by_libjpeg(path: Path) -> NDArray[Any]:
    """The one tile of an old-style JPEG in a TIFF, as a JPEG file of its own (TIFF 6.0, 22)."""
    data = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        tags = {tag.name: tag.value for tag in file.pages[0].tags}
    width, height = tags["TileWidth"], tags["TileLength"]

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body

    made = b"\xff\xd8"
    for k, at in enumerate(tags["JPEGQTables"]):
        made += segment(0xDB, bytes((k,)) + data[at : at + 64])
    for kind, name in ((0x00, "JPEGDCTables"), (0x10, "JPEGACTables")):
        for k, at in enumerate(tags[name]):
            length = 16 + sum(data[at : at + 16])
            made += segment(0xC4, bytes((kind | k,)) + data[at : at + length])
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    made += segment(0xC0, b"\x08" + size + b"\x03" + bytes((1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 2)))
    made += segment(0xDA, b"\x03" + bytes((1, 0, 2, 0x11, 3, 0x22, 0, 63, 0)))
    (at,), (length,) = tags["TileOffsets"], tags["TileByteCounts"]
    made += data[at : at + length] + b"\xff\xd9"
    plain = imagecodecs.jpeg8_decode(made, colorspace="YCBCR", outcolorspace="YCBCR")
    y, b, r = np.moveaxis(plain[: tags["ImageLength"], : tags["ImageWidth"]].astype(float), -1, 0)
    # ReferenceBlackWhite of both files: black at 16, white at 235, chroma from 16 to 240.
    y, b, r = (y - 16) * 255 / 219, (b - 128) * 127 / 112, (r - 128) * 127 / 112
    green = y - (0.114 * 1.772 * b + 0.299 * 1.402 * r) / 0.587
    return np.stack([y + 1.402 * r, green, y + 1.772 * b], axis=-1).clip(0, 255)


# Where libvips is mistaken, the program that shows it, and the mean difference from that. libvips
# reads old-style JPEG as transparent black, and repeats the chroma of an AVIF, where libavif
# interpolates.
THIRD_OPINION = {
    "rot2mir0.avif": (by_libavif, 0.0),
    # libtiff, which srgan reads them by, repeats the chroma, and libjpeg interpolates it.
    "ojpeg-tile.tif": (by_libjpeg, 1.5),
    "m1-76d5d8fd02d58b774f2bae6f7b763e3e.tif": (by_libjpeg, 1.5),
}


def test_pixels_and_depth_are_those_of_libvips(shared: Path) -> None:
    compared, other, other_depth = 0, [], []
    for path in graded(shared, "MUST_HANDLE"):
        picture = read_picture(path)
        if any("CMYK" in line for line in picture.notices):
            continue  # without a profile both invent one
        try:
            seen = by_libvips(path)
        except pyvips.Error:
            continue  # its build reads no BMP
        compared += 1
        other += [path.name] if disagreement(picture.frames[0], seen) > 1 else []
        deep = seen.dtype == np.uint16
        other_depth += [path.name] if deep != (picture.bit_depth == 16) else []
    assert compared > 350
    assert not other_depth
    assert len(other) <= 0.01 * compared, other
    assert set(other) <= set(THIRD_OPINION)


@pytest.mark.parametrize("name", THIRD_OPINION)
def test_a_third_decoder_decides_where_libvips_differs(shared: Path, name: str) -> None:
    (path,) = (path for path in graded(shared, "MUST_HANDLE") if path.name == name)
    mine = read_picture(path).frames[0]
    decode, tolerance = THIRD_OPINION[name]
    assert disagreement(mine, by_libvips(path)) > 1
    assert np.abs(mine.colour - decode(path)).mean() <= tolerance

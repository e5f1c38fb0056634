"""Real odd and broken files, graded, and libvips as a second opinion on the pixels."""

import csv
from pathlib import Path

import numpy as np
import pytest
import pyvips

from srgan.errors import ImageRefused, LimitExceeded
from srgan.image.files import probe, read_picture
from srgan.image.picture import Picture


def graded(shared: Path, grade: str) -> list[Path]:
    with (shared / "badimages/inventory.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["grade"] == grade]
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


def agreement(picture: Picture, path: Path) -> tuple[bool, bool]:
    """Whether size and pixels, and whether the depth, are libvips's."""
    seen = pyvips.Image.new_from_file(str(path)).autorot()
    samples = seen.numpy().reshape(seen.height, seen.width, seen.bands)
    frame, deep = picture.frames[0], seen.format == "ushort"
    colours = 3 if seen.bands >= 3 else 1
    theirs, mine = samples[..., :colours], frame.colour
    if theirs.shape[:2] != mine.shape[:2]:
        return False, deep == (picture.bit_depth == 16)
    difference = np.abs(mine.astype(int) - theirs.astype(int))
    if frame.alpha is not None:
        difference = difference * (frame.alpha > 0)[..., None]
    same = bool(difference.max() <= (257 if deep else 1))
    return same, deep == (picture.bit_depth == 16)


def test_pixels_and_depth_are_those_of_libvips(shared: Path) -> None:
    compared, other, other_depth = 0, [], []
    for path in graded(shared, "MUST_HANDLE"):
        picture = read_picture(path)
        if any("CMYK" in line for line in picture.notices):
            continue  # without a profile both invent one
        try:
            same, same_depth = agreement(picture, path)
        except pyvips.Error:
            continue  # its build reads no BMP
        compared += 1
        other += [path.name] if not same else []
        other_depth += [path.name] if not same_depth else []
    assert compared > 350
    assert not other_depth
    assert len(other) <= 0.015 * compared, other

"""Damaged files, for those who ask for what is left of them."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import ImageRefused, LimitExceeded
from srgan.image.files import read_picture
from srgan.image.limits import Limits

ROWS, COLUMNS = np.mgrid[:96, :80]
NOISE = np.random.default_rng(0).integers(0, 40, (96, 80))
PHOTO = np.stack([ROWS * 2, COLUMNS * 2, 100 + NOISE], axis=-1).astype(np.uint8)


def saved(name: str, pixels: np.ndarray = PHOTO, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, name, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP", "GIF", "TIFF"])
def test_what_came_before_the_cut_is_kept_and_told(name: str) -> None:
    data = saved(name, **{"JPEG": {"quality": 100}, "GIF": {"interlace": 0}}.get(name, {}))
    cut = data[: len(data) * 6 // 10]
    with pytest.raises(ImageRefused):
        read_picture(cut)
    whole, left = read_picture(data), read_picture(cut, allow_damaged=True)
    assert "it is damaged" in left.notices[0]
    mine, theirs = left.frames[0].colour, whole.frames[0].colour
    kept = slice(-40, None) if name == "BMP" else slice(None, 40)  # BMP begins at the bottom
    assert mine.shape == theirs.shape
    np.testing.assert_array_equal(mine[kept], theirs[kept])
    assert (mine != theirs).any()


def test_a_whole_file_is_read_as_ever() -> None:
    assert read_picture(saved("PNG"), allow_damaged=True).notices == ()


def test_a_wrong_sum_loses_nothing() -> None:
    data = bytearray(saved("PNG"))
    data[data.index(b"IDAT") - 5] ^= 0xFF  # the sum of the header's chunk
    left = read_picture(bytes(data), allow_damaged=True)
    np.testing.assert_array_equal(left.frames[0].colour, PHOTO)


def test_damage_inside_keeps_the_rows_before_it() -> None:
    data = bytearray(saved("PNG"))
    middle = data.index(b"IDAT") + (len(data) - data.index(b"IDAT")) // 2
    data[middle : middle + 40] = bytes(40)
    left = read_picture(bytes(data), allow_damaged=True)
    np.testing.assert_array_equal(left.frames[0].colour[:30], PHOTO[:30])


def test_sixteen_bits_stay_sixteen() -> None:
    import imagecodecs

    deep = PHOTO.astype(np.uint16) * 257 + 3
    data = imagecodecs.png_encode(deep)
    left = read_picture(data[: len(data) // 2], allow_damaged=True)
    assert left.bit_depth == 16
    np.testing.assert_array_equal(left.frames[0].colour[:30], deep[:30])


@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"])
def test_where_nothing_is_left_it_is_refused(name: str) -> None:
    with pytest.raises(ImageRefused):
        read_picture(saved(name)[:40], allow_damaged=True)


def test_damage_inside_a_tiff_keeps_the_strips_before_it_and_the_picture_upright() -> None:
    turned = saved("TIFF", compression="tiff_lzw", tiffinfo={274: 8, 278: 16})
    whole = read_picture(turned)
    with Image.open(io.BytesIO(turned)) as image:
        starts = image.tag_v2[273]  # type: ignore[attr-defined]
    assert len(starts) == 6
    data = bytearray(turned)
    data[starts[3] : starts[3] + 200] = b"\xff" * 200
    with pytest.raises(ImageRefused):
        read_picture(bytes(data))
    left = read_picture(bytes(data), allow_damaged=True)
    assert left.frames[0].colour.shape == (80, 96, 3)
    kept = slice(0, 48)  # rows of the file are columns now
    np.testing.assert_array_equal(left.frames[0].colour[:, kept], whole.frames[0].colour[:, kept])


def test_limits_hold_all_the_same() -> None:
    data = saved("PNG")
    with pytest.raises(LimitExceeded):
        read_picture(data[: len(data) // 2], limits=Limits(input_pixels=100), allow_damaged=True)


def test_a_pipe_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageRefused, match="not a regular file"):
        read_picture(tmp_path / "pipe", allow_damaged=True)

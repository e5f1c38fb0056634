"""What a GIF's frames leave uncovered."""

import io

import numpy as np
import pytest
from PIL import Image

from srgan.errors import LimitExceeded
from srgan.image.files import read_picture


def gif(*frames: tuple[int, int, int, int, int], canvas: tuple[int, int] = (8, 8)) -> bytes:
    """One-coloured frames of (left, top, side, colour, disposal) on a palette of four grays."""
    word = lambda *values: b"".join(v.to_bytes(2, "little") for v in values)  # noqa: E731
    data = b"GIF89a" + word(*canvas) + b"\x81\x03\0" + bytes(k // 3 * 80 for k in range(12))
    for left, top, side, colour, disposal in frames:
        one = Image.new("P", (side, side), colour)
        one.putpalette(bytes(k // 3 * 80 for k in range(12)))
        out = io.BytesIO()
        one.save(out, "GIF", optimize=False)
        whole = out.getvalue()
        at = whole.index(b",\0\0\0\0" + word(side, side))
        palette = 3 << (whole[10] & 7) + 1
        packed = whole[at + 10 : -1]
        assert whole[at + 9] & 0x80 == 0
        data += b"!\xf9\4" + bytes((disposal << 2, 5, 0, 0, 0))
        data += b"," + word(left, top, side, side) + bytes((0x80 | (whole[10] & 7),))
        data += whole[13 : 13 + palette] + packed
    return data + b";"


def test_what_no_frame_covers_is_transparent() -> None:
    frame = read_picture(gif((2, 2, 4, 1, 0))).frames[0]
    expected = np.zeros((8, 8), np.uint8)
    expected[2:6, 2:6] = 255
    assert frame.alpha is not None
    np.testing.assert_array_equal(frame.alpha, expected)
    assert (frame.colour[2:6, 2:6] == 80).all()


def test_a_frame_that_covers_all_is_opaque() -> None:
    assert not read_picture(gif((0, 0, 8, 2, 0))).has_alpha


def test_a_frame_disposed_of_leaves_its_place_clear() -> None:
    picture = read_picture(gif((0, 0, 8, 1, 2), (4, 4, 4, 2, 1), (0, 0, 2, 3, 1)))
    first, second, third = (f.alpha for f in picture.frames)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first == 255).all()
    assert (second[4:, 4:] == 255).all()
    assert second.sum() == 16 * 255
    assert third.sum() == 20 * 255


def test_a_frame_without_a_rule_of_disposal_stays() -> None:
    picture = read_picture(gif((0, 0, 8, 1, 2), (4, 4, 4, 2, 0), (0, 0, 2, 3, 1)))
    third = picture.frames[2]
    assert third.alpha is not None
    assert third.alpha.sum() == 20 * 255
    assert (third.colour[4:, 4:] == 160).all()


def test_a_frame_taken_back_shows_what_was_there_before() -> None:
    picture = read_picture(gif((0, 0, 6, 1, 1), (4, 4, 4, 2, 3), (0, 0, 2, 3, 1)))
    third = picture.frames[2]
    assert third.alpha is not None
    assert third.alpha.sum() == 36 * 255
    assert (third.colour[4:6, 4:6] == 80).all()


def test_a_later_frame_beyond_the_canvas_counts_for_the_limit() -> None:
    data = bytearray(gif((0, 0, 8, 1, 1), (0, 0, 4, 2, 1)))
    at = data.rindex(b",\0\0\0\0\x04\0\x04\0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        read_picture(bytes(data))

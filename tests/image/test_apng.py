"""Animated PNG against what was drawn, blended and disposed of by the specification."""

import struct
import zlib

import numpy as np
import pytest

from srgan.image.apng import alone, chunk
from srgan.image.files import encode_picture, read_picture
from srgan.image.picture import Frame, Picture

SIZE = 6


def packed(samples: np.ndarray) -> bytes:
    rows = samples.astype(samples.dtype.newbyteorder(">")).reshape(len(samples), -1).view(np.uint8)
    return zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes())


def apng(colour_type: int, *frames: tuple[int, int, int, int, np.ndarray], still: bool) -> bytes:
    """Frames of (left, top, dispose, blend, samples); ``still`` hides the first."""
    data = b"\x89PNG\r\n\x1a\n"
    depth = 8 * frames[0][4].itemsize
    data += chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, depth, colour_type, 0, 0, 0))
    data += chunk(b"acTL", struct.pack(">II", len(frames) - still, 0))
    sequence = 0
    for number, (left, top, dispose, blend, samples) in enumerate(frames):
        h, w = samples.shape[:2]
        if number or not still:
            control = struct.pack(">IIIIIHHBB", sequence, w, h, left, top, 1, 10, dispose, blend)
            data += chunk(b"fcTL", control)
            sequence += 1
        if number:
            data += chunk(b"fdAT", struct.pack(">I", sequence) + packed(samples))
            sequence += 1
        else:
            data += chunk(b"IDAT", packed(samples))
    return data + chunk(b"IEND", b"")


def full(*values: int, side: int = SIZE) -> np.ndarray:
    return np.full((side, side, len(values)), values, np.uint16)


def test_frames_keep_their_sixteen_bits() -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (3, 9, 11, 3), np.uint16)
    written = encode_picture(Picture(tuple(Frame(n, duration_ms=40.0) for n in noise)), "png")
    picture = read_picture(written)
    assert picture.bit_depth == 16
    assert picture.notices == ()
    assert [f.duration_ms for f in picture.frames] == [40.0] * 3
    for frame, expected in zip(picture.frames, noise, strict=True):
        np.testing.assert_array_equal(frame.colour, expected)


def test_frames_are_laid_over_each_other_and_disposed_of() -> None:
    picture = read_picture(
        apng(
            6,
            (0, 0, 0, 0, full(1000, 2000, 3000, 65535)),
            (1, 1, 2, 1, full(60001, 0, 0, 32768, side=2)),  # half over it, then taken back
            (3, 3, 1, 0, full(5, 6, 7, 300, side=2)),  # replaces, then clears its place
            (0, 0, 0, 1, full(9, 9, 9, 65535, side=1)),
            still=False,
        )
    )
    _, over, replaced, last = picture.frames
    share = 32768 / 65535
    assert over.colour[1, 1, 0] == round(60001 * share + 1000 * (1 - share))
    assert over.alpha is not None
    assert over.alpha[1, 1] == 65535
    assert replaced.alpha is not None
    assert replaced.colour[1, 1].tolist() == [1000, 2000, 3000]
    assert (*replaced.colour[3, 3].tolist(), replaced.alpha[3, 3]) == (5, 6, 7, 300)
    assert last.alpha is not None
    assert last.alpha[3, 3] == 0
    assert last.alpha[5, 5] == 65535
    assert last.colour[0, 0].tolist() == [9, 9, 9]


def test_half_transparent_frames_of_eight_bits_are_mixed_by_the_specification() -> None:
    under = full(200, 100, 0, 64).astype(np.uint8)
    over = full(0, 50, 250, 128).astype(np.uint8)
    second = read_picture(apng(6, (0, 0, 0, 0, under), (0, 0, 0, 1, over), still=False)).frames[1]
    top, bottom = 128 / 255, 64 / 255 * (1 - 128 / 255)
    assert second.alpha is not None
    assert second.alpha[0, 0] == round(255 * (top + bottom))
    expected = (over[0, 0, :3] * top + under[0, 0, :3] * bottom) / (top + bottom)
    np.testing.assert_array_equal(second.colour[0, 0], np.rint(expected))


def test_a_first_frame_that_restores_what_was_there_clears_its_place() -> None:
    black = full(0, 0, 0, 255, side=2).astype(np.uint8)
    first = full(9, 9, 9, 255).astype(np.uint8)
    data = apng(6, (0, 0, 2, 0, first), (1, 1, 0, 1, black), still=False)
    alpha = read_picture(data).frames[1].alpha
    assert alpha is not None
    assert alpha.sum() == 4 * 255


def test_a_still_beside_the_animation_is_no_part_of_it() -> None:
    gray = (full(40_000), full(100), full(200, side=3))
    data = apng(0, (0, 0, 0, 0, gray[0]), (0, 0, 0, 0, gray[1]), (2, 1, 0, 0, gray[2]), still=True)
    still, first, second = read_picture(data).frames
    assert (still.colour == 40_000).all()
    assert still.duration_ms is None
    assert (first.colour == 100).all()
    assert first.alpha is None
    assert second.colour[1:4, 2:5].max() == second.colour[1:4, 2:5].min() == 200
    assert second.colour[0, 0] == 100


def test_a_frame_outside_the_canvas_is_told() -> None:
    data = apng(2, (0, 0, 0, 0, full(1, 2, 3)), (5, 5, 0, 0, full(4, 5, 6, side=3)), still=False)
    picture = read_picture(data)
    assert len(picture.frames) == 1
    assert picture.notices


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"gAMA", b"\0"),
        (b"cHRM", b"abc"),
        (b"sRGB", b""),
        (b"pHYs", b"\0\0"),
        (b"iCCP", b""),
        (b"iCCP", b"x" * 100),
        (b"iCCP", b"name\0\7packed"),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_damaged_remark_costs_no_pixels(kind: bytes, content: bytes, dtype: type) -> None:
    samples = np.random.default_rng(1).integers(1, 256, (SIZE, SIZE, 3)).astype(dtype)
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8 * samples.itemsize, 2, 0, 0, 0)
    kept = chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
    data = alone(header, chunk(kind, content) + kept, packed(samples))
    picture = read_picture(data)
    np.testing.assert_array_equal(picture.frames[0].colour, samples)
    assert picture.metadata.icc is None
    assert picture.metadata.dpi == pytest.approx((300, 300), abs=0.1)

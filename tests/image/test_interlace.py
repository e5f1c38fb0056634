"""The rows of a PNG: all there, and interlaced without a word on the terminal."""

import struct
import zlib

import numpy as np
import pytest

from srgan.errors import ImageRefused
from srgan.image.apng import alone, chunk
from srgan.image.files import read_picture
from srgan.image.interlace import passes_of


def png(samples: np.ndarray, height: int, *, interlaced: int = 0, colours: bytes = b"") -> bytes:
    """A PNG that says ``height`` of RGB or RGBA samples."""
    depth, width = 8 * samples.itemsize, samples.shape[1]
    header = struct.pack(
        ">IIBBBBB", width, height, depth, 2 if samples.shape[2] == 3 else 6, 0, 0, interlaced
    )
    raw = b""
    for p in passes_of(header):
        rows = samples[p.top :: p.down, p.left :: p.across]
        big = np.ascontiguousarray(rows.astype(samples.dtype.newbyteorder(">")))
        raw += np.insert(big.reshape(len(big), -1).view(np.uint8), 0, 0, axis=1).tobytes()
    return alone(header, colours, zlib.compress(raw))


def noise(height: int, width: int, channels: int, dtype: type) -> np.ndarray:
    most = np.iinfo(dtype).max
    made = np.random.default_rng(3).integers(1, most, (height, width, channels), endpoint=True)
    return made.astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_missing_rows_are_damage_and_not_black(dtype: type) -> None:
    with pytest.raises(ImageRefused, match="rows are missing"):
        read_picture(png(noise(5, 6, 3, dtype), 9))


def test_rows_that_are_really_black_are_fine() -> None:
    samples = noise(6, 6, 3, np.uint8)
    samples[4:] = 0
    for interlaced in (0, 1):
        frame = read_picture(png(samples, 6, interlaced=interlaced)).frames[0]
        np.testing.assert_array_equal(frame.colour, samples)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (9, 2), (13, 11)])
@pytest.mark.parametrize("channels", [3, 4])
def test_interlaced_deep_pixels_are_exact_and_nothing_is_printed(
    size: tuple[int, int], channels: int, capfd: pytest.CaptureFixture[str]
) -> None:
    samples = noise(*size, channels, np.uint16)
    strange = chunk(b"sRGB", b"\x09") + chunk(b"tIME", b"\xff" * 7)
    picture = read_picture(png(samples, size[0], interlaced=1, colours=strange))
    frame = picture.frames[0]
    np.testing.assert_array_equal(frame.colour, samples[..., :3])
    assert picture.notices == ()
    assert capfd.readouterr() == ("", "")

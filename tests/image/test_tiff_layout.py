"""TIFFs whose layout Pillow gets wrong, and what is said of those that are not read."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from srgan.errors import ImageRefused
from srgan.image.files import encode_picture, read_picture
from srgan.image.picture import Frame, Metadata, Picture

NOISE = np.random.default_rng(4).integers(1, 256, (19, 23, 2), dtype=np.uint8)


def tiff(samples: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **options)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_gray_and_opacity_in_planes_of_their_own(
    compression: str | None, tile: tuple[int, int] | None
) -> None:
    data = tiff(
        np.moveaxis(NOISE, -1, 0),
        photometric="minisblack",
        planarconfig="separate",
        extrasamples=["unassalpha"],
        compression=compression,
        tile=tile,
    )
    frame = read_picture(data).frames[0]
    np.testing.assert_array_equal(frame.colour[..., 0], NOISE[..., 0])
    assert frame.alpha is not None
    np.testing.assert_array_equal(frame.alpha, NOISE[..., 1])


def test_rows_without_a_strip_are_damage_and_not_black() -> None:
    data = bytearray(tiff(NOISE[..., 0], photometric="minisblack", rowsperstrip=19))
    height = data.index(struct.pack("<HHI", 257, 4, 1)) + 8
    struct.pack_into("<I", data, height, 190)
    with pytest.raises(ImageRefused, match="strips are missing"):
        read_picture(bytes(data))


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((4, 5, 3), np.float32), "32-bit floating-point"),
        (np.zeros((4, 5), np.float16), "16-bit floating-point"),
        (np.zeros((4, 5), np.float32), "floating-point"),
        (np.zeros((4, 5, 3), np.uint32), "32-bit unsigned"),
        (np.zeros((4, 5), np.int16), "signed"),
    ],
)
def test_samples_that_are_not_read_are_named_and_not_called_damaged(
    samples: np.ndarray, reason: str
) -> None:
    photometric = "rgb" if samples.ndim == 3 else "minisblack"
    with pytest.raises(ImageRefused, match=f"^its {reason}|^its signed") as caught:
        read_picture(tiff(samples, photometric=photometric))
    assert "damaged" not in str(caught.value)


def test_an_orientation_in_the_xmp_alone_turns_nothing() -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/' tiff:Orientation='6'/>"
    frame = Frame(np.repeat(NOISE[..., :1], 3, axis=2))
    for name in ("tiff", "jpeg", "png"):
        made = encode_picture(Picture((frame,), Metadata(xmp=xmp)), name)
        back = read_picture(made)
        assert (back.height, back.width, back.metadata.xmp) == (19, 23, xmp)
    with Image.open(io.BytesIO(encode_picture(back, "tiff"))) as image:
        image.load()  # what turns a page in Pillow
        assert image.size == (23, 19)

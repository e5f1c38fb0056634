"""Writing: what is read back, by this reader and by libvips, is what was written."""

from pathlib import Path

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image

from srgan.errors import OutputFailed, UsageError
from srgan.image.files import encode_picture, losses, open_writer, read_picture, write_picture
from srgan.image.picture import Frame, Metadata, Picture

_EXIF = Image.Exif()
_EXIF[0x010F] = "Maker"
_BESIDE = Metadata(exif=_EXIF.tobytes()[6:], xmp=b"<x:xmpmeta/>", dpi=(300.0, 300.0))


def waves(height: int, width: int, channels: int, dtype: type) -> NDArray[np.generic]:
    y, x = np.mgrid[:height, :width]
    planes = [np.sin(x / 9 + k) + np.cos(y / 11 * k + k) for k in range(channels)]
    return ((np.stack(planes, -1) / 4 + 0.5) * np.iinfo(dtype).max).astype(dtype)


def picture(
    shape: tuple[int, int], channels: int = 3, alpha: bool = False, dtype: type = np.uint8
) -> Picture:
    opacity = waves(*shape, 1, dtype)[..., 0] if alpha else None
    return Picture((Frame(waves(*shape, channels, dtype), opacity),), _BESIDE)


@pytest.mark.parametrize("name", ["png", "tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (37, 53), (700, 601)])
def test_lossless_formats_keep_every_sample(
    name: str, dtype: type, channels: int, alpha: bool, shape: tuple[int, int]
) -> None:
    made = picture(shape, channels, alpha, dtype)
    data = encode_picture(made, name)
    frame = made.frames[0]
    samples = frame.colour if frame.alpha is None else np.dstack([frame.colour, frame.alpha])
    by_vips = pyvips.Image.new_from_buffer(data, "").numpy()
    np.testing.assert_array_equal(by_vips.reshape(samples.shape), samples)
    assert by_vips.dtype == dtype
    back = read_picture(data)
    np.testing.assert_array_equal(back.frames[0].colour, frame.colour)
    assert (back.gray, back.bit_depth, back.has_alpha) == (
        channels == 1,
        made.bit_depth,
        alpha,
    )
    if alpha:
        np.testing.assert_array_equal(back.frames[0].alpha, frame.alpha)


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (17, 9), (2500, 400)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [80, 95])
def test_a_streamed_jpeg_is_the_one_that_libjpeg_writes(
    shape: tuple[int, int], channels: int, quality: int, tmp_path: Path
) -> None:
    colour = waves(*shape, channels, np.uint8)
    streamed = read_picture(encode_picture(Picture((Frame(colour),)), "jpeg", quality))
    plain = tmp_path / "plain.jpg"
    image = Image.fromarray(colour[..., 0] if channels == 1 else colour)
    image.save(plain, quality=quality, subsampling=0 if quality >= 90 else 2)
    difference = streamed.frames[0].colour.astype(int) - read_picture(plain).frames[0].colour
    # Only the chroma filter of 4:2:0 sees across the blocks' edges.
    assert np.abs(difference).max() <= (0 if quality >= 90 or channels == 1 else 2)


@pytest.mark.parametrize("name", ["png", "tiff", "jpeg", "webp", "avif"])
def test_metadata_are_kept_and_stripped(name: str) -> None:
    made = picture((8, 8))
    kept = read_picture(encode_picture(made, name)).metadata
    assert b"Maker" in (kept.exif or b"")
    assert kept.xmp == _BESIDE.xmp
    if name in ("png", "tiff", "jpeg"):
        assert kept.dpi == pytest.approx((300, 300), abs=0.1)
    stripped = read_picture(encode_picture(made, name, strip=True)).metadata
    assert (stripped.exif, stripped.xmp, stripped.icc) == (None, None, None)


def test_rows_may_come_in_any_cut(tmp_path: Path) -> None:
    colour = waves(301, 40, 3, np.uint16)
    path = tmp_path / "cut.png"
    with open_writer(path, height=301, width=40, channels=3, bit_depth=16) as writer:
        for top in range(0, 301, 7):
            writer.write(colour[top : top + 7])
    np.testing.assert_array_equal(read_picture(path).frames[0].colour, colour)


def test_missing_rows_leave_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="only 3 rows written of 4"),
        open_writer(tmp_path / "a.png", height=4, width=2, channels=1) as writer,
    ):
        writer.write(np.zeros((3, 2, 1), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputFailed, match="--overwrite"):
        write_picture(picture((4, 4)), path)
    assert path.read_bytes() == b"mine"
    write_picture(picture((4, 4)), path, overwrite=True)
    assert read_picture(path).height == 4


def test_sixteen_bits_are_rounded_for_jpeg_and_opacity_is_laid_on_white() -> None:
    colour = np.full((8, 8, 1), 40_000, np.uint16)
    data = encode_picture(Picture((Frame(colour),)), "jpeg", 100)
    assert read_picture(data).frames[0].colour[4, 4, 0] == round(40_000 / 257)
    half = Picture((Frame(np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 128, np.uint8)),))
    assert read_picture(encode_picture(half, "bmp")).frames[0].colour[0, 0].tolist() == [127] * 3
    deep = Frame(np.zeros((4, 4, 3), np.uint16), np.zeros((4, 4), np.uint16), 40.0)
    moving = Picture((deep, deep, deep))
    assert len(losses(moving, "jpeg")) == 3
    assert losses(moving, "png") == ()


def test_a_format_says_what_is_too_large_for_it() -> None:
    wide = Picture((Frame(np.zeros((1, 16_384, 1), np.uint8)),))
    with pytest.raises(UsageError, match="16383 pixels a side"):
        encode_picture(wide, "webp")


@pytest.mark.parametrize("name", ["png", "gif", "webp"])
def test_animations_keep_frames_and_timing(name: str) -> None:
    frames = tuple(
        Frame(np.full((6, 5, 3), 60 * k, np.uint8), duration_ms=40.0 + 10 * k) for k in range(4)
    )
    made = Picture(frames, Metadata(loop=0), "GIF")
    back = read_picture(encode_picture(made, name, 100))
    assert [f.duration_ms for f in back.frames] == [40, 50, 60, 70]
    assert [int(f.colour[3, 3, -1]) for f in back.frames] == [0, 60, 120, 180]
    assert back.metadata.loop == 0
    assert len(read_picture(encode_picture(made, "jpeg")).frames) == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 3])
def test_a_gif_shows_what_is_at_least_half_opaque(channels: int, count: int) -> None:
    alpha = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    duration = 50.0 if count > 1 else None
    frames = tuple(
        Frame(np.full((4, 256, channels), 90 + 40 * k, np.uint8), np.roll(alpha, k, 1), duration)
        for k in range(count)
    )
    back = read_picture(encode_picture(Picture(frames), "gif"))
    assert len(back.frames) == count
    for made, read in zip(frames, back.frames, strict=True):
        assert made.alpha is not None
        assert read.alpha is not None
        np.testing.assert_array_equal(read.alpha, np.where(made.alpha >= 128, 255, 0))
        shown = read.alpha > 0
        assert np.abs(read.colour[shown].astype(int) - made.colour[shown]).max() <= 1


def test_pages_of_a_tiff_keep_their_depth() -> None:
    pages = tuple(Frame(waves(30, 20, 3, np.uint16) + np.uint16(k)) for k in range(3))
    back = read_picture(encode_picture(Picture(pages), "tiff"))
    assert len(back.frames) == 3
    for page, read in zip(pages, back.frames, strict=True):
        np.testing.assert_array_equal(read.colour, page.colour)


@pytest.mark.parametrize("strip", [False, True])
def test_pages_of_a_tiff_keep_their_sizes_and_resolutions(strip: bool) -> None:
    sizes, dots = [(30, 20), (500, 700), (1, 3)], [(300.0, 300.0), (150.0, 75.0), None]
    pages = tuple(
        Frame(waves(*size, 3, np.uint8), dpi=dpi) for size, dpi in zip(sizes, dots, strict=True)
    )
    made = Picture(pages, Metadata(dpi=dots[0]), "TIFF")
    data = encode_picture(made, "tiff", strip=strip)
    for page, (size, dpi) in enumerate(zip(sizes, dots, strict=True)):
        seen = pyvips.Image.new_from_buffer(data, f"[page={page}]")
        assert (seen.height, seen.width) == size
        np.testing.assert_array_equal(seen.numpy(), pages[page].colour)
        if dpi and not strip:
            assert seen.xres * 25.4 == pytest.approx(dpi[0], rel=1e-4)
            assert seen.yres * 25.4 == pytest.approx(dpi[1], rel=1e-4)
        else:
            assert seen.xres * 25.4 == pytest.approx(25.4)  # what libvips says where nothing is
    first = read_picture(encode_picture(made, "png"))
    assert [frame.size for frame in first.frames] == sizes[:1]

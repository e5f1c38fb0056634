"""Writing: what is read back, by this reader and by libvips, is what was written."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from srgan.errors import OutputFailed, UsageError
from srgan.image import tiff
from srgan.image.files import encode_picture, losses, open_writer, read_picture, write_picture
from srgan.image.picture import Frame, Metadata, Picture
from srgan.image.tiff import Page, TiffEncoder

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


def test_rows_that_were_not_announced_are_refused(tmp_path: Path) -> None:
    wrong = [
        (np.zeros((5, 2, 1), np.uint8), "5 rows written of 4"),
        (np.zeros((4, 3, 1), np.uint8), r"rows of \(3, 1\) uint8, announced \(2, 1\) uint8"),
        (np.zeros((4, 2, 3), np.uint8), r"rows of \(2, 3\) uint8, announced \(2, 1\) uint8"),
        (np.zeros((4, 2, 1), np.uint16), r"rows of \(2, 1\) uint16, announced \(2, 1\) uint8"),
    ]
    for rows, message in wrong:
        with (
            pytest.raises(ValueError, match=message),
            open_writer(tmp_path / "a.png", height=4, width=2, channels=1) as writer,
        ):
            writer.write(rows)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("depth", [8, 16])
def test_a_tiff_of_4_gb_is_one_that_can_be_as_large(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(side: int) -> bytes:
        file = io.BytesIO()
        pages = [Page(side, side)]
        TiffEncoder(file, pages=pages, channels=3, bit_depth=depth, metadata=Metadata()).abort()
        return file.getvalue()[:4]

    side = int((2**32 / (3 * depth // 8)) ** 0.5)
    assert begun(side) == b"II+\0"
    assert begun(9 * side // 10) == b"II*\0"
    monkeypatch.setattr(tiff, "_CLASSIC_LIMIT", 0)
    exif = Image.Exif()
    exif[0x010F] = "A maker of cameras"
    exif.get_ifd(0x8769)[0x829A] = 0.004
    beside = Metadata(
        icc=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        exif=exif.tobytes()[6:],
        xmp=b"<x:xmpmeta/>",
        dpi=(300.0, 150.0),
    )
    dtype = np.uint8 if depth == 8 else np.uint16
    pages = tuple(Frame(waves(*size, 3, dtype)) for size in ((700, 601), (37, 53)))
    data = encode_picture(Picture(pages, beside), "tiff")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.is_bigtiff
        for page, given in zip(file.pages, pages, strict=True):
            np.testing.assert_array_equal(page.asarray(), given.colour)
            assert page.tags[34675].value == beside.icc
        assert file.pages[0].tags[0x8769].value["ExposureTime"] == pytest.approx(0.004)
        assert 700 not in file.pages[1].tags  # XMP is the first page's
    seen = pyvips.Image.new_from_buffer(data, "")
    np.testing.assert_array_equal(seen.numpy(), pages[0].colour)
    back = read_picture(data)
    np.testing.assert_array_equal(back.frames[1].colour, pages[1].colour)
    assert (back.metadata.icc, back.metadata.xmp) == (beside.icc, beside.xmp)
    assert back.metadata.dpi == pytest.approx((300, 150))
    read = Image.Exif()
    read.load(b"Exif\0\0" + (back.metadata.exif or b""))
    assert read[0x010F] == "A maker of cameras"
    assert float(read.get_ifd(0x8769)[0x829A]) == pytest.approx(0.004)


def test_opacity_in_a_tiff_is_not_multiplied_into_its_colours() -> None:
    with tifffile.TiffFile(io.BytesIO(encode_picture(picture((4, 5), alpha=True), "tiff"))) as file:
        assert file.pages[0].extrasamples == (tifffile.EXTRASAMPLE.UNASSALPHA,)


@pytest.mark.parametrize(("name", "quality"), [("jpeg", 95), ("webp", 90), ("avif", 80)])
def test_the_quality_where_none_is_asked_for(name: str, quality: int) -> None:
    made = Picture((Frame(waves(60, 80, 3, np.uint8)),))
    assert encode_picture(made, name) == encode_picture(made, name, quality)
    assert len({encode_picture(made, name, q) for q in (quality - 9, quality, quality + 5)}) == 3
    for wrong in (0, 101):
        with pytest.raises(UsageError, match=f"a quality of {wrong} has no meaning; choose 1 to"):
            encode_picture(made, name, wrong)


def test_what_is_too_long_for_a_jpeg_is_left_out_of_it() -> None:
    frame, longest = Frame(waves(8, 8, 3, np.uint8)), 65_533
    exif, xmp = _BESIDE.exif or b"", b"<x:xmpmeta/>"
    for more in (0, 1):
        beside = Metadata(
            exif=exif.ljust(longest - 6 + more, b"\0"),
            xmp=xmp.ljust(longest - 29 + more),
            comment=b"c" * (longest + more),
        )
        back = read_picture(encode_picture(Picture((frame,), beside), "jpeg"))
        found = (back.metadata.exif, back.metadata.xmp, back.metadata.comment)
        assert [x is None for x in found] == [bool(more)] * 3


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
    pale = Picture((Frame(np.full((8, 8, 3), 10, np.uint8), np.full((8, 8), 100, np.uint8)),))
    laid = round(10 * 100 / 255 + 255 * 155 / 255)
    assert read_picture(encode_picture(pale, "bmp")).frames[0].colour[0, 0].tolist() == [laid] * 3
    deep = Frame(np.zeros((4, 4, 3), np.uint16), np.zeros((4, 4), np.uint16), 40.0)
    moving = Picture((deep, deep, deep))
    assert len(losses(moving, "jpeg")) == 3
    assert losses(moving, "png") == ()


def test_a_format_says_what_is_too_large_for_it() -> None:
    for shape in ((1, 16_384, 1), (16_384, 1, 1)):
        with pytest.raises(UsageError, match="16383 pixels a side"):
            encode_picture(Picture((Frame(np.zeros(shape, np.uint8)),)), "webp")


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
    thrice = replace(made, metadata=Metadata(loop=3, xmp=b"<x:xmpmeta/>"))
    stripped = read_picture(encode_picture(thrice, name, 100, strip=True)).metadata
    assert (stripped.loop, stripped.xmp) == (3, None)
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

"""Reading: what each kind of file gives, and the one error for every way to fail."""

import io
import os
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from srgan.errors import ImageRefused, LimitExceeded
from srgan.image.apng import chunk
from srgan.image.files import encode_picture, probe, read_first, read_picture
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Metadata, Picture

RAMP = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3) * 3
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def png(width: int, height: int, depth: int, kind: int, raw: bytes, *more: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    extra = b"".join(chunk(m[:4], m[4:]) for m in more)
    packed = chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + packed


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_and_reset(turn: int, name: str) -> None:
    quarters = np.zeros((32, 48), np.uint8)
    quarters[:16, :24], quarters[:16, 24:], quarters[16:, :24] = 40, 120, 200
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"lossless": True} if name == "WEBP" else {}
    data = saved(Image.fromarray(quarters).convert("RGB"), name, exif=exif, **options)
    picture = read_picture(data)
    expected = pyvips.Image.new_from_array(quarters)
    steps = {2: "fliphor", 3: "rot180", 4: "flipver", 6: "rot90", 8: "rot270"}
    if turn in (5, 7):  # a quarter turn, then a mirror
        expected = expected.rot90().fliphor() if turn == 5 else expected.rot270().fliphor()
    elif turn != 1:
        expected = getattr(expected, steps[turn])()
    got = picture.frames[0].colour[..., 0].astype(int)
    assert np.abs(got - expected.numpy()).mean() < 2
    info = probe(data)
    assert (info.height, info.width) == (picture.height, picture.width)
    again = read_picture(encode_picture(picture, "png"))
    assert (again.height, again.width) == (picture.height, picture.width)
    np.testing.assert_array_equal(again.frames[0].colour, picture.frames[0].colour)


@pytest.mark.parametrize(("depth", "raw", "key"), [(2, b"\0\x1b", 2), (4, b"\0\x12\x3f", 3)])
def test_the_transparent_gray_of_a_shallow_png(depth: int, raw: bytes, key: int) -> None:
    data = png(4, 1, depth, 0, raw, b"tRNS" + struct.pack(">H", key))
    frame = read_picture(data).frames[0]
    assert frame.alpha is not None
    assert frame.alpha.tolist() == [[255, 255, 0, 255]]


def test_sixteen_bit_colour_with_a_transparent_colour() -> None:
    samples = np.array([[1, 2, 3], [4, 5, 6]], ">u2")
    key = b"tRNS" + struct.pack(">HHH", 1, 2, 3)
    frame = read_picture(png(2, 1, 16, 2, b"\0" + samples.tobytes(), key)).frames[0]
    assert frame.colour.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert frame.alpha is not None
    assert frame.alpha.tolist() == [[0, 65535]]


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
def test_sixteen_bit_tiffs_of_every_layout(planar: str, compression: str | None) -> None:
    samples = (np.arange(7 * 5 * 3, dtype=np.uint16) * 617).reshape(7, 5, 3)
    out = io.BytesIO()
    stored = samples if planar == "contig" else np.moveaxis(samples, -1, 0)
    tifffile.imwrite(out, stored, photometric="rgb", planarconfig=planar, compression=compression)
    np.testing.assert_array_equal(read_picture(out.getvalue()).frames[0].colour, samples)


def test_one_bit_and_palette_pictures() -> None:
    bits = Image.fromarray(np.eye(9, dtype=bool))
    read = read_picture(saved(bits, "PNG"))
    assert read.gray
    np.testing.assert_array_equal(read.frames[0].colour[..., 0], np.eye(9) * 255)
    colours = Image.fromarray(RAMP).quantize(16)
    read = read_picture(saved(colours, "GIF"))
    np.testing.assert_array_equal(read.frames[0].colour, np.asarray(colours.convert("RGB")))
    clear = colours.copy()
    clear.info["transparency"] = clear.getpixel((0, 0))
    frame = read_picture(saved(clear, "PNG")).frames[0]
    assert frame.alpha is not None
    assert frame.alpha[0, 0] == 0
    assert frame.alpha.max() == 255


def test_cmyk_becomes_rgb_and_says_so() -> None:
    ink = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    read = read_picture(saved(ink, "JPEG", quality=100))
    red, green, blue = read.frames[0].colour[4, 4].tolist()
    assert red < 10
    assert min(green, blue) > 150
    assert any("CMYK" in line for line in read.notices)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_what_is_opaque_has_no_opacity(mode: str) -> None:
    picture = Image.fromarray(RAMP).convert("RGB").convert(mode)
    assert read_picture(saved(picture, "PNG")).frames[0].alpha is None


def test_what_ink_was_converted_by_is_said() -> None:
    ink = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    (notice,) = read_picture(saved(ink, "JPEG", icc_profile=SRGB)).notices  # of no ink
    assert notice == "CMYK colours converted to sRGB (it has no usable profile)"


@pytest.mark.parametrize("bits", [8, 16])
def test_opacity_that_is_multiplied_into_a_tiffs_colours(bits: int) -> None:
    most = (1 << bits) - 1
    pure = np.array([[[most, most // 3, 0]] * 4], f"uint{bits}")
    alpha = np.array([[most, most // 2, most // 5, 0]], f"uint{bits}")
    multiplied = (pure * (alpha / most)[..., None]).round().astype(pure.dtype)
    for extra, stored in (("assocalpha", multiplied), ("unassalpha", pure)):
        out = io.BytesIO()
        samples = np.concatenate([stored, alpha[..., None]], axis=2)
        tifffile.imwrite(out, samples, photometric="rgb", extrasamples=[extra], metadata=None)
        frame = read_picture(out.getvalue()).frames[0]
        np.testing.assert_array_equal(frame.alpha, alpha)
        seen = frame.colour[:, :3].astype(int)
        np.testing.assert_allclose(seen, pure[:, :3], atol=3)  # a step of a fifth's colour
        if extra == "assocalpha":
            assert not frame.colour[:, 3].any()


def test_a_channel_of_a_deep_tiff_that_is_no_opacity_is_left_out() -> None:
    samples = np.arange(48, dtype=np.uint16).reshape(3, 4, 4) * 1300
    out = io.BytesIO()
    tifffile.imwrite(out, samples, photometric="rgb", extrasamples=["unspecified"], metadata=None)
    frame = read_picture(out.getvalue()).frames[0]
    np.testing.assert_array_equal(frame.colour, samples[..., :3])
    assert frame.alpha is None


def test_a_profile_is_kept_and_a_broken_one_is_not() -> None:
    image = Image.fromarray(RAMP)
    assert read_picture(saved(image, "PNG", icc_profile=SRGB)).metadata.icc == SRGB
    broken = read_picture(saved(image, "PNG", icc_profile=b"nonsense" * 40))
    assert broken.metadata.icc is None
    assert "profile" in broken.notices[0]


def test_frames_before_a_damaged_one_are_kept() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3), np.uint8)
    data = encode_picture(Picture(tuple(Frame(n, duration_ms=50.0) for n in noise)), "png")
    read = read_picture(data[: len(data) * 5 // 8])
    assert len(read.frames) == 2
    np.testing.assert_array_equal(read.frames[1].colour, noise[1])
    assert "frame 3 of 4 is damaged" in read.notices[0]


def test_limits_are_checked_from_the_header() -> None:
    data = png(50_000, 50_000, 8, 2, b"")
    for read in (probe, read_picture):
        with pytest.raises(LimitExceeded, match="--max-input-mp"):
            read(data)
    small = saved(Image.new("L", (10, 10)), "PNG")
    assert probe(small, limits=Limits(input_pixels=100)).width == 10
    with pytest.raises(LimitExceeded, match="10x10"):
        probe(small, limits=Limits(input_pixels=99))


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_frames_are_limited(name: str) -> None:
    stills = [Image.new("RGB", (4, 4), (k * 20, 0, 0)) for k in range(5)]
    data = saved(stills[0], name, save_all=True, append_images=stills[1:])
    assert probe(data, limits=Limits(frames=5)).frames == 5
    with pytest.raises(LimitExceeded, match="--max-frames"):
        read_picture(data, limits=Limits(frames=4))
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        probe(data, limits=Limits(input_pixels=4 * 4 * 5 - 1))


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_the_first_frame_the_others_are_no_matter(name: str) -> None:
    stills = [Image.new("RGB", (4, 4), (k * 20, 0, 0)) for k in range(1, 6)]
    data = saved(stills[0], name, save_all=True, append_images=stills[1:])
    first = read_first(data, limits=Limits(frames=1, input_pixels=4 * 4))
    np.testing.assert_array_equal(first.colour, read_picture(data).frames[0].colour)
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        read_first(data, limits=Limits(input_pixels=4 * 4 - 1))


def test_of_the_first_page_of_a_layout_that_pillow_does_not_know_too() -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        for page in (RAMP, 255 - RAMP):
            file.write(page.repeat(4, 0).repeat(4, 1), compression="lerc")
    first = read_first(out.getvalue(), limits=Limits(frames=1))
    np.testing.assert_array_equal(first.colour, RAMP.repeat(4, 0).repeat(4, 1))
    assert len(read_picture(out.getvalue()).frames) == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (bytes(100), "zero bytes"),
        (b"%!PS-Adobe-3.0 EPSF", "PostScript"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (b"hello", "known format"),
        (b"\xff\xd8\xff\xe0", "header"),
        (b"\x89PNG\r\n\x1a\n", "header"),
        (b"RIFF\0\0\0\0WEBPVP8X", "damaged"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageRefused, match=reason):
        read_picture(data)


def test_paths_that_are_no_files_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path / "none.png", "No such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "not a regular file"),
    ]:
        with pytest.raises(ImageRefused, match=reason):
            read_picture(path)


def test_content_decides_and_odd_names_stay_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a\nb.jpg"
    path.write_bytes(saved(Image.fromarray(RAMP), "PNG"))
    assert read_picture(path).format == "PNG"
    path.write_bytes(b"x")
    with pytest.raises(ImageRefused) as caught:
        read_picture(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_read_but_never_anything_else(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["png", "jpeg", "tiff", "gif", "bmp", "webp"]))
    whole = bytearray(encode_picture(Picture((Frame(RAMP),), Metadata(icc=SRGB)), name))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with suppress(ImageRefused, LimitExceeded):
        assert read_picture(bytes(whole[:cut])).frames[0].colour.ndim == 3


@pytest.mark.parametrize(("bits", "shape"), [(10, (24, 30, 3)), (12, (24, 30, 4)), (10, (24, 30))])
def test_deep_avif_keeps_its_bits(bits: int, shape: tuple[int, ...]) -> None:
    most = (1 << bits) - 1
    ramp = np.linspace(0, most, int(np.prod(shape)), dtype=np.uint16).reshape(shape)
    picture = read_picture(imagecodecs.avif_encode(ramp, bitspersample=bits, level=100))
    expected = np.rint(ramp.reshape(24, 30, -1) / most * 65535)
    assert picture.bit_depth == 16
    assert picture.notices == ()
    frame = picture.frames[0]
    got = frame.colour if frame.alpha is None else np.dstack([frame.colour, frame.alpha])
    if frame.colour.shape[2] > expected.shape[2]:
        got = got[..., :1]  # a gray one may come back as RGB
    assert np.abs(got - expected).max() <= 65535 / most  # one level of the file's own


def test_a_deep_avif_animation_is_told() -> None:
    stills = np.stack([np.full((16, 16, 3), v, np.uint16) for v in (100, 900)])
    picture = read_picture(imagecodecs.avif_encode(stills, bitspersample=10, level=100))
    assert [f.colour[0, 0, 0] for f in picture.frames] == [25, 224]
    assert picture.notices == ("its 10 bits per channel were read as 8",)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("bits", [12, 16])
def test_deep_gray_tiffs_reach_from_black_to_white(photometric: str, bits: int) -> None:
    most = (1 << bits) - 1
    ramp = np.linspace(0, most, 48 * 64).astype(np.uint16).reshape(48, 64)
    out = io.BytesIO()
    tifffile.imwrite(out, ramp, photometric=photometric, bitspersample=bits)
    light = ramp if photometric == "minisblack" else most - ramp
    got = read_picture(out.getvalue()).frames[0].colour[..., 0]
    assert np.abs(got - np.rint(light / most * 65535)).max() <= 1


@pytest.mark.parametrize("compression", ["jpegxl", "jpeg2000", "lerc"])
def test_tiffs_of_a_layout_that_pillow_does_not_know(compression: str) -> None:
    out = io.BytesIO()
    tifffile.imwrite(out, RAMP.repeat(4, 0).repeat(4, 1), compression=compression)
    read = read_picture(out.getvalue())
    assert read.bit_depth == 8
    np.testing.assert_array_equal(read.frames[0].colour, RAMP.repeat(4, 0).repeat(4, 1))


def test_exif_behind_the_pixels_of_a_png_counts() -> None:
    data = saved(Image.fromarray(RAMP), "PNG")
    exif = Image.Exif()
    exif[0x0112] = 6
    late = data[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + data[-12:]
    info, picture = probe(late), read_picture(late)
    assert (info.height, info.width) == (picture.height, picture.width) == (4, 6)


def test_a_large_profile_is_no_reason_to_refuse() -> None:
    noise = np.random.default_rng(0).bytes(3_000_000)
    large = (len(SRGB) + len(noise)).to_bytes(4, "big") + SRGB[4:] + noise
    data = png(2, 1, 8, 2, bytes(7), b"iCCPx\0\0" + zlib.compress(large))
    assert read_picture(data).metadata.icc == large


_STRICT = """
import io, sys, warnings
from PIL import Image

warnings.simplefilter("error", Image.DecompressionBombWarning)
from srgan.errors import LimitExceeded
from srgan.image.files import probe

head = bytes.fromhex(sys.argv[1])
try:
    probe(head)
except LimitExceeded as error:
    print(error)
try:
    Image.open(io.BytesIO(head))
except Image.DecompressionBombWarning:
    print("an error still")
"""


def test_a_program_that_makes_bombs_errors_keeps_its_will() -> None:
    header = chunk(b"IHDR", struct.pack(">2I5B", 10000, 9000, 8, 2, 0, 0, 0))
    head = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b""))
    ran = subprocess.run(
        [sys.executable, "-c", _STRICT, head.hex()], capture_output=True, text=True, timeout=100
    )
    refused, strict = ran.stdout.splitlines()
    assert "--max-input-mp" in refused
    assert strict == "an error still"


def test_a_small_copy_before_a_tiffs_first_page_is_no_page() -> None:
    whole = np.arange(60 * 40 * 3, dtype=np.uint16).reshape(60, 40, 3)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as pages:
        small = (whole[::4, ::4] >> 8).astype(np.uint8)
        pages.write(small, photometric="rgb", subfiletype=1, metadata=None)
        for turn in (0, 1):
            page = whole + np.uint16(turn)
            pages.write(page, photometric="rgb", metadata=None, description=f"page {turn}")
    data = out.getvalue()
    info = probe(data)
    assert (info.height, info.width, info.frames) == (60, 40, 2)
    read = read_picture(data)
    assert read.notices == ()
    assert len(read.frames) == 2
    np.testing.assert_array_equal(read.frames[0].colour, whole)
    assert b"page 0" in (read.metadata.exif or b"")
    np.testing.assert_array_equal(read_first(data).colour, whole)


def test_a_tiff_of_small_copies_alone_is_read_all_the_same() -> None:
    small = np.arange(30, dtype=np.uint8).reshape(6, 5)
    out = io.BytesIO()
    tifffile.imwrite(out, small, subfiletype=1, metadata=None)
    np.testing.assert_array_equal(read_picture(out.getvalue()).frames[0].colour[..., 0], small)


def pages_of(*sizes: tuple[int, int]) -> bytes:
    """A TIFF whose page k is (height, width) of gray k, at 100 (k + 1) dots per inch."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        for k, size in enumerate(sizes):
            dots = (100.0 * (k + 1),) * 2
            gray = np.full(size, k, np.uint8)
            file.write(gray, compression="zlib", resolution=dots, resolutionunit="inch")
    return out.getvalue()


def test_pages_of_a_tiff_have_each_their_size_and_resolution() -> None:
    data = pages_of((60, 40), (30, 50), (60, 40))
    info = probe(data)
    assert (info.height, info.width, info.frames) == (60, 40, 3)
    assert info.sizes == ((60, 40), (30, 50), (60, 40))
    assert info.pixels == 2 * 60 * 40 + 30 * 50
    read = read_picture(data)
    assert read.notices == ()
    assert [frame.size for frame in read.frames] == list(info.sizes)
    assert [int(frame.colour.max()) for frame in read.frames] == [0, 1, 2]
    assert [frame.dpi for frame in read.frames] == [(100, 100), (200, 200), (300, 300)]


def test_a_large_page_behind_a_small_one_is_refused_by_its_header() -> None:
    data = pages_of((10, 10), (2000, 1000))
    limits = Limits(input_pixels=1_000_000)
    for ask in (probe, read_picture):
        with pytest.raises(LimitExceeded, match=r"2 pages of up to 1000x2000 is 2\.0001 MP"):
            ask(data, limits=limits)
    assert read_first(data, limits=limits).size == (10, 10)
    assert read_picture(data, limits=Limits(input_pixels=2_000_100)).frames[1].size == (2000, 1000)


def test_the_pages_that_only_tifffile_reads_count_too() -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        for size in ((32, 32), (64, 32)):
            file.write(np.full(size, 7, np.uint8), compression="lerc")
    data = out.getvalue()
    assert probe(data).sizes == ((32, 32), (64, 32))
    assert [frame.size for frame in read_picture(data).frames] == [(32, 32), (64, 32)]
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        probe(data, limits=Limits(input_pixels=3 * 32 * 32 - 1))

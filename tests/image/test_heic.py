"""HEIC as pillow-heif writes it: pixels, depth, orientation and metadata; and without it."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from srgan.errors import ImageRefused, LimitExceeded, UsageError
from srgan.image.files import encode_picture, probe, read_picture, write_picture
from srgan.image.heic import open_heic
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Metadata, Picture

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")

NOISE = np.random.default_rng(0).integers(0, 256, (41, 47, 4), np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def heic(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    lossless = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}
    pillow_heif.from_pillow(image).save(out, **(lossless | options))
    return out.getvalue()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lossless_pixels_come_back(channels: int) -> None:
    samples = NOISE[..., :channels]
    picture = read_picture(heic(Image.fromarray(samples[..., 0] if channels == 1 else samples)))
    frame = picture.frames[0]
    assert picture.format == "HEIC"
    assert picture.gray == (channels == 1)
    colours = samples[..., :3] if channels == 4 else samples
    np.testing.assert_array_equal(frame.colour, colours)
    assert (frame.alpha is not None) == (channels == 4)
    if frame.alpha is not None:
        np.testing.assert_array_equal(frame.alpha, samples[..., 3])


def test_pixels_outlive_the_decoder() -> None:
    opened = open_heic(heic(Image.fromarray(NOISE[..., :3])), Limits())
    (frame,) = opened.frames()
    assert not np.shares_memory(frame.colour, np.asarray(opened.image))


def test_ten_bits_are_read_over_all_of_sixteen() -> None:
    ten = (np.arange(40 * 48 * 3, dtype=np.uint16) * 7 % 1024).reshape(40, 48, 3)
    made = pillow_heif.from_bytes(mode="RGB;16", size=(48, 40), data=(ten << 6).tobytes())
    out = io.BytesIO()
    made.save(out, quality=-1, chroma=444, matrix_coefficients=0)
    picture = read_picture(out.getvalue())
    assert picture.bit_depth == 16
    expected = np.rint(ten / 1023 * 65535)
    assert np.abs(picture.frames[0].colour - expected).max() <= 65  # one level of ten bits


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_applied_once_and_reset(turn: int) -> None:
    quarters = np.zeros((32, 48), np.uint8)
    quarters[:16, :24], quarters[:16, 24:], quarters[16:, :24] = 40, 120, 200
    exif = Image.Exif()
    exif[0x0112] = turn
    image = Image.fromarray(quarters).convert("RGB")
    reference = io.BytesIO()
    image.save(reference, "PNG", exif=exif)
    upright = read_picture(reference.getvalue())  # checked against libvips in test_decode
    data = heic(image, exif=exif.tobytes())
    picture, info = read_picture(data), probe(data)
    np.testing.assert_array_equal(
        picture.frames[0].colour,
        upright.frames[0].colour.repeat(3, 2) if upright.gray else upright.frames[0].colour,
    )
    assert (info.height, info.width) == (picture.height, picture.width)
    again = read_picture(encode_picture(picture, "png"))
    assert (again.height, again.width) == (picture.height, picture.width)


def test_metadata_go_through_a_written_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "A camera"
    kept = Metadata(icc=SRGB, exif=exif.tobytes().removeprefix(b"Exif\0\0"), xmp=b"<x:xmpmeta/>")
    smooth = np.mgrid[:40, :48].sum(axis=0).astype(np.uint8)[..., None].repeat(3, axis=2)
    path = tmp_path / "a.heic"
    write_picture(Picture((Frame(smooth),), kept), path)
    read = read_picture(path)
    assert read.metadata.icc == SRGB
    assert read.metadata.xmp == kept.xmp
    found = Image.Exif()
    found.load(read.metadata.exif or b"")
    assert found[0x0110] == "A camera"
    assert np.abs(read.frames[0].colour.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_every_kind_of_picture_is_written(channels: int, alpha: bool) -> None:
    frame = Frame(NOISE[..., :channels], NOISE[..., 3] if alpha else None)
    read = read_picture(encode_picture(Picture((frame,)), "heic", quality=100))
    assert (read.height, read.width, read.has_alpha) == (41, 47, alpha)
    assert np.abs(read.frames[0].colour.astype(int) - frame.colour).max() <= 3


def test_limits_hold_before_decoding() -> None:
    data = heic(Image.fromarray(NOISE[..., :3]))
    for read in (probe, read_picture):
        with pytest.raises(LimitExceeded, match="--max-input-mp"):
            read(data, limits=Limits(input_pixels=41 * 47 - 1))
    assert probe(data, limits=Limits(input_pixels=41 * 47)).width == 47


def test_a_header_that_claims_too_much_is_refused() -> None:
    data = heic(Image.fromarray(NOISE[..., :3]))
    at = data.index(b"ispe") + 8
    huge = data[:at] + (60_000).to_bytes(4, "big") * 2 + data[at + 8 :]
    with pytest.raises((LimitExceeded, ImageRefused)):
        read_picture(huge)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.95])
def test_a_file_cut_short_is_refused(share: float) -> None:
    data = heic(Image.fromarray(NOISE[..., :3]))
    with pytest.raises(ImageRefused) as caught:
        read_picture(data[: int(len(data) * share)])
    assert str(caught.value).isprintable()


def test_of_several_pictures_the_main_one_is_read_and_told() -> None:
    made = pillow_heif.from_pillow(Image.new("RGB", (64, 64), (200, 0, 0)))
    made.add_from_pillow(Image.new("RGB", (64, 64), (0, 200, 0)))
    out = io.BytesIO()
    made.save(out, quality=90)
    picture = read_picture(out.getvalue())
    assert len(picture.frames) == 1
    assert picture.frames[0].colour[..., 0].min() > 150
    assert "2 pictures" in picture.notices[0]


def test_a_gain_map_that_is_lost_is_told() -> None:
    """Telephones keep it as an auxiliary picture, as transparency is kept."""
    alpha, gain_map = b"urn:mpeg:hevc:2015:auxid:1", b"urn:x:photo:aux:hdrgainmap"
    data = heic(Image.fromarray(NOISE))
    assert data.count(alpha) == 1
    assert not read_picture(data).notices
    picture = read_picture(data.replace(alpha, gain_map))
    assert not picture.has_alpha
    assert [notice for notice in picture.notices if "gain map" in notice] == [*picture.notices]
    assert picture.notices


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(Image.fromarray(NOISE[..., :3]))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for read in (probe, read_picture):
        with pytest.raises(ImageRefused, match=r'pip install "srgan\[heic\]"'):
            read(data)
    with pytest.raises(UsageError, match=r'pip install "srgan\[heic\]"'):
        encode_picture(Picture((Frame(NOISE[..., :3]),)), "heic")

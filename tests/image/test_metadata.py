"""EXIF edited in place, XMP, and what becomes of profiles."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from srgan.image.apng import chunk
from srgan.image.files import encode_picture, losses, read_picture
from srgan.image.metadata import orientation, resized, resolution, upright
from srgan.image.picture import Frame, Metadata, Picture
from srgan.image.profiles import is_srgb, rows_to_srgb, usable

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(order: str, turn: int) -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    first = struct.pack(order + "HHHIHH", 2, 0x0112, 3, 1, turn, 0)
    first += struct.pack(order + "HHII", 0x8769, 4, 1, 38) + bytes(4)
    second = struct.pack(order + "HHHIHH", 1, 0xA002, 3, 1, 640, 0) + bytes(4)
    return mark + struct.pack(order + "I", 8) + first + second + b"maker note"


def black(**beside: Any) -> Picture:
    return Picture((Frame(np.zeros((8, 8, 3), np.uint8)),), Metadata(**beside))


def wide_gamut() -> bytes:
    """sRGB's profile with red and green primaries exchanged: any conversion shows at once."""
    profile = bytearray(SRGB)
    count = struct.unpack_from(">I", profile, 128)[0]
    at = {profile[p : p + 4].decode(): p for p in range(132, 132 + 12 * count, 12)}
    red, green = at["rXYZ"], at["gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def test_orientation_is_read_and_reset_in_both_byte_orders() -> None:
    for order in "<>":
        data = exif(order, 6)
        assert orientation(data) == 6
        reset = upright(Metadata(exif=data), turned=True).exif
        assert orientation(reset) == 1
        assert reset is not None
        assert len(reset) == len(data)
        assert reset.endswith(b"maker note")
        assert sum(a != b for a, b in zip(reset, data, strict=True)) == 1


def test_a_thumbnail_that_is_not_turned_with_the_picture_is_no_longer_found() -> None:
    for order in "<>":
        data = exif(order, 6)
        second = struct.pack(order + "HHHIHH", 1, 0x0103, 3, 1, 6, 0) + bytes(4)
        data = data[:34] + struct.pack(order + "I", len(data)) + data[38:] + second
        for turned in (False, True):
            read = Image.Exif()
            read.load(b"Exif\0\0" + (upright(Metadata(exif=data), turned=turned).exif or b""))
            assert bool(read.get_ifd(ExifTags.IFD.IFD1)) is not turned
            assert read.get_ifd(ExifTags.IFD.Exif) == {0xA002: 640}


def test_an_orientation_of_another_type_than_the_standards() -> None:
    for order in "<>":
        data = exif(order, 6)
        entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, 6, 0)
        assert entry in data
        for odd in (
            struct.pack(order + "HHII", 0x0112, 4, 1, 6),
            struct.pack(order + "HHIBBH", 0x0112, 1, 1, 6, 0, 0),
        ):
            assert orientation(data.replace(entry, odd)) == 6
            reset = upright(Metadata(exif=data.replace(entry, odd)), turned=True).exif
            assert orientation(reset) == 1


@pytest.mark.timeout(60)
def test_a_directory_that_leads_to_itself_is_read_to_its_end() -> None:
    data = exif("<", 6)
    entry = struct.pack("<HHII", 0x8769, 4, 1, 38)
    around = data.replace(entry, struct.pack("<HHII", 0x8769, 4, 1, 8))
    assert around != data
    assert orientation(upright(Metadata(exif=around), turned=True).exif) == 1
    assert resized(Metadata(exif=around), 10, 20).exif == around


def test_the_size_that_exif_states_is_the_new_one() -> None:
    found = resized(Metadata(exif=exif("<", 1)), 10, 2560).exif
    assert found == exif("<", 1).replace(struct.pack("<H", 640), struct.pack("<H", 2560))
    huge = resized(Metadata(exif=exif(">", 1)), 10, 100_000).exif
    assert struct.pack(">HII", 4, 1, 100_000) in (huge or b"")


def test_the_size_that_xmp_states_is_the_new_one() -> None:
    xmp = b"<a exif:PixelXDimension='64' tiff:ImageLength=\"48\" tiff:XResolution='72'>"
    xmp += b"<exif:PixelYDimension>48</exif:PixelYDimension><tiff:ImageWidth>64</tiff:ImageWidth>"
    assert resized(Metadata(xmp=xmp), 192, 256).xmp == xmp.replace(b"64", b"256").replace(
        b"48", b"192"
    )


TEXTS = (
    ("Title", "A house"),
    ("parameters", "a very long prompt, " * 100),
    ("Author", "Žofie Nováková"),
    ("Description", "家。" * 900),
)


def test_texts_and_comments_come_through(tmp_path: Path) -> None:
    noted = PngImagePlugin.PngInfo()
    noted.add_text(*TEXTS[0])
    noted.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png", pnginfo=noted)
    read = read_picture(tmp_path / "small.png").metadata
    assert (read.texts, read.xmp) == (TEXTS[:1], b"<x:xmpmeta/>")
    plain = PngImagePlugin.PngInfo()  # a kind of text that the standard does not mean for XMP
    plain.add_text("XML:com.adobe.xmp", "<x:xmpmeta/>")
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png", pnginfo=plain)
    assert read_picture(tmp_path / "small.png").metadata == Metadata(xmp=b"<x:xmpmeta/>")

    data = encode_picture(black(texts=TEXTS, comment=b"by hand"), "png")
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)
        assert image.text == {**dict(TEXTS), "Comment": "by hand"}
    assert len(data) < 1500  # long ones are packed
    assert read_picture(data).metadata.texts == (*TEXTS, ("Comment", "by hand"))
    for name in ("jpeg", "gif"):
        again = read_picture(encode_picture(black(comment=b"by hand"), name))
        assert again.metadata.comment == b"by hand"
        assert losses(black(comment=b"by hand"), name) == ()
    from_text = encode_picture(black(texts=(("Comment", "by hand"),)), "jpeg")
    assert read_picture(from_text).metadata.comment == b"by hand"
    stripped = encode_picture(black(texts=TEXTS, comment=b"by hand"), "png", strip=True)
    assert read_picture(stripped).metadata.texts == ()


def test_texts_behind_the_pixels_and_of_an_animation_are_read() -> None:
    data = encode_picture(black(texts=TEXTS[:1]), "png")
    end = len(data) - 12
    moved = data[:end] + chunk(b"tEXt", b"Source\0a scanner") + data[end:]
    assert read_picture(moved).metadata.texts == (TEXTS[0], ("Source", "a scanner"))
    frames = tuple(Frame(np.full((8, 8, 3), c, np.uint8), None, 40.0) for c in (0, 90, 255))
    moving = encode_picture(Picture(frames, Metadata(texts=TEXTS[:1])), "png")
    again = read_picture(moving)
    assert again.metadata.texts == TEXTS[:1]
    assert [f.colour[0, 0, 0] for f in again.frames] == [0, 90, 255]


def test_what_a_format_has_no_place_for_is_said() -> None:
    beside = black(texts=TEXTS, xmp=b"<x:xmpmeta/>")
    assert losses(beside, "png") == ()
    assert losses(beside, "gif", strip=True) == ()
    (line,) = losses(beside, "gif")
    assert (
        line == "GIF has no place for its XMP, text 'Title', text 'parameters' and 2 more: left out"
    )
    assert losses(black(exif=exif("<", 1)), "bmp") == ("BMP has no place for its EXIF: left out",)
    assert losses(black(texts=(("Comment", "here"),)), "jpeg") == ()


@given(st.binary(max_size=120), st.sampled_from([b"II*\0", b"MM\0*"]))
def test_broken_exif_means_upright(data: bytes, mark: bytes) -> None:
    assert 1 <= orientation(mark + data) <= 8
    upright(Metadata(exif=mark + data), turned=True)


def test_xmp_states_the_orientation_too() -> None:
    for xmp in (b"<a tiff:Orientation='6'/>", b"<tiff:Orientation>6</tiff:Orientation>"):
        assert upright(Metadata(xmp=xmp), turned=True).xmp == xmp.replace(b"6", b"1")
        assert upright(Metadata(xmp=xmp), turned=False).xmp == xmp


def test_what_telephones_append_is_said_and_no_longer_promised() -> None:
    xmp = (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description hdrgm:Version=\"1.0\" "
        b"GCamera:MotionPhoto='1' GCamera:MotionPhotoVersion='1' dc:title='me'/></x:xmpmeta>"
    )
    photo, gain = Image.new("RGB", (8, 8)), Image.new("L", (4, 4))
    file = io.BytesIO()
    photo.save(file, "MPO", save_all=True, append_images=[gain], xmp=xmp)
    read = read_picture(file.getvalue())
    assert [n for n in read.notices if "gain map" in n or "short video" in n] == [*read.notices]
    assert len(read.notices) == 2
    assert read.metadata.xmp == (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description "
        b"GCamera:MotionPhoto='0' GCamera:MotionPhotoVersion='1' dc:title='me'/></x:xmpmeta>"
    )
    assert read_picture(encode_picture(read, "JPEG")).notices == ()


@pytest.mark.timeout(60)
def test_the_blanks_that_an_xmp_is_padded_with_are_read_at_once() -> None:
    beside = black(xmp=b"<x:xmpmeta/>" + b" \n" * 65_000 + b"<?xpacket end='w'?>")
    assert read_picture(encode_picture(beside, "png")).metadata.xmp == beside.metadata.xmp


def test_an_srgb_profile_is_known_by_what_it_does() -> None:
    assert usable(SRGB, "RGB")
    assert not usable(SRGB, "L")
    assert not usable(SRGB[:-200], "RGB")
    assert is_srgb(SRGB)
    assert not is_srgb(wide_gamut())


def test_a_profile_of_other_colours_moves_no_gray() -> None:
    gray = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    np.testing.assert_array_equal(rows_to_srgb(gray, wide_gamut()), gray)


def test_stripped_pixels_of_another_profile_become_srgb() -> None:
    colour = np.full((4, 4, 3), (200, 40, 40), np.uint8)
    made = Picture((Frame(colour),), Metadata(icc=wide_gamut()))
    kept = read_picture(encode_picture(made, "png"))
    assert kept.metadata.icc == wide_gamut()
    np.testing.assert_array_equal(kept.frames[0].colour, colour)
    for name, strip in (("png", True), ("bmp", False)):
        got = read_picture(encode_picture(made, name, strip=strip))
        assert got.metadata.icc is None
        np.testing.assert_array_equal(got.frames[0].colour, rows_to_srgb(colour, wide_gamut()))
        assert got.frames[0].colour[0, 0, 1] > 150  # its green primary is red's


def test_sixteen_bit_pixels_keep_their_profile_when_stripped() -> None:
    colour = np.full((4, 4, 3), 40_000, np.uint16)
    made = Picture((Frame(colour),), Metadata(icc=wide_gamut(), xmp=b"<x/>"))
    got = read_picture(encode_picture(made, "png", strip=True))
    assert (got.metadata.icc, got.metadata.xmp) == (wide_gamut(), None)


def test_a_camera_s_exif_survives_a_tiff() -> None:
    source = Image.Exif()
    texts = (0x010D, 0x010E, 0x010F, 0x0110, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298)
    for tag in texts:
        source[tag] = f"text {tag}"
    source.get_ifd(0x8769)[0x829A] = 0.004
    source.get_ifd(0x8825)[0x0001] = "N"
    data = encode_picture(
        Picture((Frame(np.zeros((4, 4, 3), np.uint8)),), Metadata(exif=source.tobytes()[6:])),
        "tiff",
    )
    with Image.open(io.BytesIO(data)) as image:
        read = image.getexif()
        assert {tag: read[tag] for tag in texts} == {tag: f"text {tag}" for tag in texts}
        assert float(read.get_ifd(0x8769)[0x829A]) == pytest.approx(0.004)
        assert read.get_ifd(0x8825)[0x0001] == "N"
    again = Image.Exif()  # and is read from there, for a file of another kind
    again.load(b"Exif\0\0" + (read_picture(data).metadata.exif or b""))
    assert {tag: again[tag] for tag in texts} == {tag: f"text {tag}" for tag in texts}
    assert float(again.get_ifd(0x8769)[0x829A]) == pytest.approx(0.004)
    assert again.get_ifd(0x8825)[0x0001] == "N"


def test_what_windows_file_properties_write_survives_a_tiff() -> None:
    source = Image.Exif()
    wide = {0x9C9B + i: f"Großmutter {i}\0".encode("utf-16-le") for i in range(5)}
    for tag, value in (*wide.items(), (0x4746, 4), (0x4749, 75)):
        source[tag] = value
    data = encode_picture(black(exif=source.tobytes()[6:]), "tiff")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages[0].tags
        assert [(tags[tag].dtype.name, tags[tag].value) for tag in (0x4746, 0x4749)] == [
            ("SHORT", 4),
            ("SHORT", 75),
        ]
        assert {tags[tag].dtype.name for tag in wide} == {"BYTE"}
    again = Image.Exif()
    again.load(b"Exif\0\0" + (read_picture(data).metadata.exif or b""))
    assert dict(again) == {**wide, 0x4746: 4, 0x4749: 75}


def test_a_rating_that_is_none_is_left_out_of_a_tiff() -> None:
    for value in (70_000, "five", 0):
        source = Image.Exif()
        source[0x4746], source[0x010E] = value, "kept"
        data = encode_picture(black(exif=source.tobytes()[6:]), "tiff")
        with Image.open(io.BytesIO(data)) as image:
            assert image.getexif().get(0x4746) is None
            assert image.getexif()[0x010E] == "kept"


def test_a_resolution_that_cannot_be_is_none() -> None:
    image = Image.new("L", (1, 1))
    for dpi in ((1, 72), (72, 1), (100_000, 72), (72, 100_000), (0, 0), ("a", 72), None):
        image.info["dpi"] = dpi
        assert resolution(image) is None
    image.info["dpi"] = (72, 96.5)
    assert resolution(image) == (72.0, 96.5)


CAPTION = b"\x1c\x02\x78\x00\x0cHochzeit '53" + b"\x1c\x02\x19\x00\x05Grete"


def test_iptc_goes_from_jpeg_to_tiff_and_back() -> None:
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(CAPTION)) + CAPTION
    app13 = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "JPEG", extra=app13)
    read = read_picture(out.getvalue())
    assert read.metadata.iptc == CAPTION
    for name in ("jpeg", "tiff"):
        read = read_picture(encode_picture(read, name))
        assert read.metadata.iptc == CAPTION
        assert losses(read, name) == ()
    tags = tifffile.TiffFile(io.BytesIO(encode_picture(read, "tiff"))).pages[0].tags
    assert tags[33723].value == CAPTION
    assert losses(read, "png") == ("PNG has no place for its IPTC: left out",)
    assert losses(read, "png", strip=True) == ()
    assert read_picture(encode_picture(read, "jpeg", strip=True)).metadata.iptc is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_that_a_tiff_calls_numbers(order: str) -> None:
    words = CAPTION + bytes(-len(CAPTION) % 4)
    value = struct.unpack(f"{order}{len(words) // 4}I", words)
    out = io.BytesIO()
    tag = (33723, "I", len(value), value, True)
    plain = np.zeros((8, 8), np.uint8)
    tifffile.imwrite(out, plain, byteorder=order, extratags=[tag], metadata=None)
    assert read_picture(out.getvalue()).metadata.iptc == words


def test_what_is_no_iptc_is_left_out() -> None:
    out = io.BytesIO()
    tag = (33723, "s", 0, "not records", True)
    tifffile.imwrite(out, np.zeros((8, 8), np.uint8), extratags=[tag], metadata=None)
    assert read_picture(out.getvalue()).metadata.iptc is None


def test_a_tiff_has_the_words_of_its_first_page() -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as pages:
        for number in (1, 2, 3):
            page = np.full((8, 8, 3), number, np.uint8)
            words = {"description": f"Seite {number}", "resolution": (600 * number,) * 2}
            pages.write(page, photometric="rgb", resolutionunit="INCH", metadata=None, **words)
    read = read_picture(out.getvalue())
    again = tifffile.TiffFile(io.BytesIO(encode_picture(read, "tiff"))).pages
    assert len(again) == 3
    assert again[0].description == "Seite 1"
    assert read.metadata.dpi == (600, 600)

"""What stands beside the pixels: EXIF, XMP, texts, resolution. Colour profiles: see ``profiles``.

EXIF is edited in place, byte by byte, so that maker notes with their absolute offsets survive.
"""

import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO

from PIL import Image, PngImagePlugin

from srgan.image.picture import Metadata

_ORIENTATION = 0x0112
_MOST_EXIF = 1 << 24
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_IPTC_TAG, _IPTC_BLOCK, _IPTC_MARK = 33723, 0x0404, 0x1C
_MOST_IPTC = 1 << 24
_XMP_KEYWORD = "XML:com.adobe.xmp"
_WORDS = {1: "B", 4: "I"}
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_XMP_SIZE = re.compile(
    rb"((?:exif:Pixel(X|Y)Dimension|tiff:Image(Width|Length))(?:=[\"']|>))\d+(?=[\"'<])"
)
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))[2-8]")
GAIN_MAP_LOST = "its gain map, which makes lights brighter on HDR screens, is left out"
# What telephones append to a photo behind its end, by the XMP that promises it.
_APPENDED = (
    (
        # From the first blank on only, or what an XMP is padded with is gone through from each.
        re.compile(
            rb"(?<!\s)\s+hdrgm:Version=(\"[^\"]*\"|'[^']*')|<hdrgm:Version>[^<]*</hdrgm:Version>"
        ),
        rb"",
        GAIN_MAP_LOST,
    ),
    (
        re.compile(rb"((?::MotionPhoto|:MicroVideo)(?:=[\"']|>))1(?=[\"'<])"),
        rb"\g<1>0",
        "the short video in it is left out",
    ),
)
# TIFF keeps these among the tags that describe the pixels; only these are the photographer's.
_TEXTS = (0x010D, 0x010E, 0x010F, 0x0110, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298)
# What Windows' file properties write: stars, their per cent, and texts in UTF-16.
_RATINGS = (0x4746, 0x4749)
_WIDE_TEXTS = (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F)
_DESCRIPTIVE = (*_TEXTS, *_RATINGS, *_WIDE_TEXTS, _EXIF_IFD, _GPS_IFD)


def orientation(exif: bytes | None) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the EXIF is broken."""
    for where, order in _find(exif or b"", _ORIENTATION):
        kind = struct.unpack_from(order + "H", exif or b"", where + 2)[0]
        # Two bytes by the standard; some programs write one, or four.
        value = int(struct.unpack_from(order + _WORDS.get(kind, "H"), exif or b"", where + 8)[0])
        return value if 1 <= value <= 8 else 1
    return 1


def upright(metadata: Metadata, *, turned: bool) -> Metadata:
    """The same metadata for pixels that are upright.

    Args:
        metadata: as it was read.
        turned: whether the pixels have been turned. Where they have not, an orientation that
            stands in the XMP alone, which few programs heed, stays as it is.
    """
    exif, xmp = _set(metadata.exif, _ORIENTATION, 1), metadata.xmp
    if turned:
        exif = _without_thumbnail(exif)
        xmp = xmp and _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    return replace(metadata, exif=exif, xmp=xmp)


def _without_thumbnail(exif: bytes | None) -> bytes | None:
    """EXIF in which the small copy of the picture, that is not turned with it, is not found."""
    order = _order(exif or b"")
    if exif is None or not order:
        return exif
    start = struct.unpack_from(order + "I", exif, 4)[0]
    if start + 2 > len(exif):
        return exif
    end = start + 2 + 12 * struct.unpack_from(order + "H", exif, start)[0]
    return exif if end + 4 > len(exif) else exif[:end] + bytes(4) + exif[end + 4 :]


def resized(metadata: Metadata, height: int, width: int) -> Metadata:
    """Metadata whose EXIF and XMP, where they state the picture's size, state the given one."""
    exif = _set(_set(metadata.exif, _PIXEL_WIDTH, width), _PIXEL_HEIGHT, height)
    sides = {b"X": width, b"Y": height, b"Width": width, b"Length": height}
    xmp = metadata.xmp and _XMP_SIZE.sub(
        lambda found: found[1] + b"%d" % sides[found[2] or found[3]], metadata.xmp
    )
    return replace(metadata, exif=exif, xmp=xmp)


def without_appended(metadata: Metadata) -> tuple[Metadata, list[str]]:
    """Metadata whose XMP promises nothing but the picture, and a line for each broken promise."""
    xmp, lost = metadata.xmp or b"", []
    for promise, none, notice in _APPENDED:
        xmp, found = promise.subn(none, xmp)
        lost += [notice] if found else []
    return replace(metadata, xmp=xmp or None), lost


def read_metadata(image: Image.Image) -> Metadata:
    """EXIF, XMP, IPTC, comment, resolution and loop count of an opened file, no broken parts."""
    info = image.info
    exif = plain_exif(info.get("exif"))
    if image.format == "TIFF":
        exif = _tiff_exif(image)
    xmp = info.get("xmp") or info.get(_XMP_KEYWORD)
    loop = info.get("loop")
    return Metadata(
        exif=exif,
        xmp=xmp.encode("utf-8", "replace") if isinstance(xmp, str) else _bytes(xmp),
        iptc=_iptc(image),
        dpi=resolution(image),
        loop=int(loop) if isinstance(loop, int) else None,
        comment=_bytes(info.get("comment")),
    )


def read_texts(image: Image.Image) -> tuple[tuple[str, str], ...]:
    """The texts of a PNG with their keywords, XMP apart; those behind its pixels need them read."""
    if not isinstance(image, PngImagePlugin.PngImageFile):
        return ()
    try:
        found = image.text
    except Exception:  # whatever a broken chunk raises: it is only a description
        return ()
    return tuple(
        (key, str(text))
        for key, text in found.items()
        if key != _XMP_KEYWORD and 0 < len(key) < 80 and text
    )


def late_exif(file: BinaryIO) -> bytes | None:
    """The EXIF of a PNG that stands behind its pixels, where Pillow sees it only after decoding."""
    file.seek(8)
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length = int.from_bytes(head[:4], "big")
        if head[4:] == b"eXIf":
            return plain_exif(file.read(min(length, _MOST_EXIF)))
        file.seek(length + 4, os.SEEK_CUR)
    return None


def _bytes(value: Any) -> bytes | None:
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None


def plain_exif(value: Any) -> bytes | None:
    """EXIF without its ``Exif`` prefix; None for what is none."""
    exif = _bytes(value)
    while exif and exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    return exif if exif and exif[:4] in (b"II*\0", b"MM\0*") and len(exif) >= 14 else None


def _tiff_exif(image: Image.Image) -> bytes | None:
    try:
        every = image.getexif()
        kept = Image.Exif()
        for tag in _DESCRIPTIVE:
            # A sub-directory is kept as its values: its offset means nothing in another file.
            value = every.get_ifd(tag) if tag in (_EXIF_IFD, _GPS_IFD) else every.get(tag)
            if value:
                kept[tag] = value
        return plain_exif(kept.tobytes()) if len(kept) else None
    except Exception:  # whatever a broken directory raises: it is only a description
        return None


def _iptc(image: Image.Image) -> bytes | None:
    if image.format == "TIFF":
        # As it stands: many programs call its bytes 32-bit numbers, of which Pillow gives one.
        found = image.tag_v2._tagdata.get(_IPTC_TAG)  # type: ignore[attr-defined]
    else:
        blocks = image.info.get("photoshop")
        found = blocks.get(_IPTC_BLOCK) if isinstance(blocks, dict) else None
    iptc = _bytes(found)
    return iptc if iptc and iptc[0] == _IPTC_MARK and len(iptc) <= _MOST_IPTC else None


def resolution(image: Image.Image) -> tuple[float, float] | None:
    """Dots per inch of an open picture's present page, horizontal and vertical."""
    try:
        x, y = (float(v) for v in image.info.get("dpi"))  # type: ignore[union-attr]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 < x < 100_000 and 1 < y < 100_000 else None


def _set(exif: bytes | None, tag: int, value: int) -> bytes | None:
    if exif is None:
        return None
    data = bytearray(exif)
    for where, order in _find(exif, tag):
        kind = struct.unpack_from(order + "H", exif, where + 2)[0]
        if kind == 3 and value < 65_536:
            struct.pack_into(order + "HH", data, where + 8, value, 0)
        else:
            struct.pack_into(order + "HII", data, where + 2, 4, 1, value)
    return bytes(data)


def _order(exif: bytes) -> str:
    """The byte order, as struct writes it; empty for what is no EXIF."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4], "") if len(exif) >= 14 else ""


def _find(exif: bytes, tag: int) -> Iterator[tuple[int, str]]:
    """Positions of a tag's 12 bytes in the first directory and in EXIF's own, and byte order."""
    order = _order(exif)
    if not order:
        return
    pending, seen = [struct.unpack_from(order + "I", exif, 4)[0]], 0
    while pending and seen < 2:
        start = pending.pop()
        seen += 1
        if start + 2 > len(exif):
            continue
        count = struct.unpack_from(order + "H", exif, start)[0]
        for where in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
            found = struct.unpack_from(order + "H", exif, where)[0]
            if found == tag:
                yield where, order
            elif found == _EXIF_IFD:
                pending.append(struct.unpack_from(order + "I", exif, where + 8)[0])


def directories(
    exif: bytes | None,
) -> tuple[dict[int, str | bytes | int], dict[int, Callable[[int, bool], bytes]]]:
    """EXIF as the directories of a TIFF file.

    Returns:
        the first directory's texts, bytes and whole numbers (below 65,536) by tag; and by tag the
        functions that pack EXIF's and GPS's own directories for a position in a file, plain or
        BigTIFF.
    """
    plain: dict[int, str | bytes | int] = {}
    nested: dict[int, Callable[[int, bool], bytes]] = {}
    if exif is None:
        return plain, nested
    try:
        read = Image.Exif()
        read.load(b"Exif\0\0" + exif)
        for tag in _DESCRIPTIVE:
            if tag in (_EXIF_IFD, _GPS_IFD):
                values = dict(read.get_ifd(tag))
                values.pop(0xA005, None)  # interoperability: a position in the old file
                if values and _packed(tag, values, 0, False):
                    nested[tag] = partial(_packed, tag, values)
            elif value := _of_kind(tag, read.get(tag)):
                plain[tag] = value
    except Exception:  # whatever broken EXIF raises: it is only a description
        return plain, nested
    return plain, nested


def _of_kind(tag: int, value: Any) -> str | bytes | int | None:
    """A tag's value, where it is what programs write there."""
    if tag in _RATINGS:
        return value if isinstance(value, int) and 0 < value < 65_536 else None
    wanted = bytes if tag in _WIDE_TEXTS else str
    return value if isinstance(value, wanted) else None


def _packed(tag: int, values: dict[int, Any], where: int, big: bool) -> bytes:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    head = b"II+\0\x08\0\0\0" + bytes(8) if big else b"II*\0" + bytes(4)
    directory = ImageFileDirectory_v2(head, group=tag)
    for key, value in values.items():
        directory[key] = value
    return directory.tobytes(where)

"""The file formats that are read and written, and how their content is told apart.

A file's type is decided by its first bytes. The extension counts only for the name of a result.
"""

from dataclasses import dataclass
from pathlib import Path

from srgan.errors import UsageError


@dataclass(frozen=True, slots=True)
class Format:
    """What one file format can hold.

    Attributes:
        name: as users write it after ``--format``.
        suffixes: of file names, the usual one first.
        plugin: the module that knows it; pillow-heif, for HEIC, is an extra.
        deep: whether 16 bits per channel are kept.
        alpha: whether opacity is kept.
        animated: whether it holds several frames or pages.
        profile: whether it holds a colour profile, EXIF and XMP.
        max_side: the longest side in pixels.
    """

    name: str
    suffixes: tuple[str, ...]
    plugin: str
    deep: bool
    alpha: bool
    animated: bool
    profile: bool
    max_side: int


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format(
            "PNG", (".png", ".apng"), "PIL.PngImagePlugin", True, True, True, True, 2_147_483_647
        ),
        Format(
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif"),
            "PIL.JpegImagePlugin",
            False,
            False,
            False,
            True,
            65_500,
        ),
        Format("WEBP", (".webp",), "PIL.WebPImagePlugin", False, True, True, True, 16_383),
        Format(
            "TIFF", (".tif", ".tiff"), "PIL.TiffImagePlugin", True, True, True, True, 2_147_483_647
        ),
        Format(
            "BMP", (".bmp", ".dib"), "PIL.BmpImagePlugin", False, False, False, False, 2_147_483_647
        ),
        Format("GIF", (".gif",), "PIL.GifImagePlugin", False, True, True, False, 65_535),
        Format("AVIF", (".avif",), "PIL.AvifImagePlugin", False, True, True, True, 65_536),
        Format("HEIC", (".heic", ".heif", ".hif"), "pillow_heif", False, True, False, True, 16_384),
    )
}
"""Every format that can be read and written, by name."""

_NAMES = ", ".join(FORMATS)

# Kinds that people send by mistake, so that the refusal can name them.
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML or SVG file"),
    (b"8BPS", "a Photoshop file"),
    (b"gimp xcf", "a GIMP file"),
    (b"icns", "an icon"),
    (b"\0\0\1\0", "an icon"),
    (b"SIMPLE", "a FITS file"),
    (b"\x76\x2f\x31\x01", "an OpenEXR file"),
    (b"#?RADIANCE", "a Radiance file"),
    (b"DDS ", "a DDS texture"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"P", "a PNM picture"),
)

# How the kinds of `srgan video` begin, where it is not "ftyp" of MP4 or "RIFF" of AVI.
_VIDEOS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMV
    b"\0\0\1\xba",  # MPEG program stream
    b"\0\0\1\xb3",  # MPEG video
    b"FLV\1",
    b"DKIF",  # IVF
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",  # MXF
    b"nut/multimedia container",
)
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_OGG_VIDEOS = (b"\x80theora", b"fishead", b"\1video", b"BBCD")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_VIDEO = (
    "a video or other media file, not a picture: `srgan video` enlarges videos; "
    f"the formats of pictures are {_NAMES}"
)

_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
SNIFF_BYTES = 400
"""How many bytes :func:`sniff` and :func:`is_video` need at most."""


def sniff(head: bytes) -> Format | str:
    """The format of a file by its first bytes, or the reason why it is not read."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return FORMATS["PNG"]
    if head.startswith(b"\xff\xd8\xff"):
        return FORMATS["JPEG"]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FORMATS["WEBP"]
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return FORMATS["TIFF"]
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return FORMATS["GIF"]
    if head.startswith(b"BM"):
        return FORMATS["BMP"]
    if head[4:8] == b"ftyp":
        return _sniff_iso(head)
    if is_video(head):
        return _VIDEO
    lowered = head.lstrip().lower() if head.lstrip()[:1] == b"<" else head
    for magic, kind in _FOREIGN:
        if lowered.startswith(magic) and (magic != b"P" or head[1:2] in b"1234567"):
            return f"{kind} is not read; the formats are {_NAMES}"
    if not head.strip(b"\0"):
        return "holds only zero bytes" if head else "is empty"
    return f"not a picture of a known format; the formats are {_NAMES}"


def is_video(head: bytes) -> bool:
    """Whether a file that is no picture is a video by its first bytes.

    Matroska and ASF that hold sound alone begin as those with pictures do.
    """
    box = head[4:8]
    if box == b"ftyp":
        return head[8:12] not in _SOUND_BRANDS
    if box in _OLD_QUICKTIME and (head[0] == 0 or box == b"mdat"):
        return True
    if head.startswith(b"OggS"):
        return head[28:].startswith(_OGG_VIDEOS)
    # Packets of MPEG's transport stream; a camera's and a disc's have a time before each.
    for first, step in ((0, 188), (4, 192)):
        if head[first : first + 2 * step + 1 : step] == b"GGG":
            return True
    return head.startswith(_VIDEOS) or head[:4] + head[8:12] == b"RIFFAVI "


def _sniff_iso(head: bytes) -> Format | str:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, length - 3, 4))}
    if brands.intersection(_AVIF_BRANDS):
        return FORMATS["AVIF"]
    if brands.intersection(_HEIF_BRANDS):
        return FORMATS["HEIC"]
    return _VIDEO


def format_for(path: str | Path) -> Format:
    """The format that a file name's extension, or a bare name such as "jpg", stands for.

    Raises:
        UsageError: none of the known formats.
    """
    text = str(path)
    suffix = Path(text).suffix.lower() or "." + text.lower().lstrip(".")
    for known in FORMATS.values():
        if suffix in known.suffixes or suffix == "." + known.name.lower():
            return known
    raise UsageError(f"{text!r} names no known format; the formats are {_NAMES}")

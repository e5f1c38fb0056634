"""What a damaged file still holds, for those who ask for it.

Where that says more, the bytes are mended to a whole file of the same format; else what the decoder
gave before it failed is taken. It is never told to look away: Pillow's switch for that is one for
the whole process, and other threads may be reading pictures that are to be refused when damaged.
"""

import struct
import zlib

from PIL import Image

from srgan.image.apng import SIGNATURE, alone, chunk, chunks
from srgan.image.interlace import passes_of
from srgan.image.limits import Limits

_PICTURE = (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs")
_KEPT = (*_PICTURE, b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_LAST_FILTER = 4  # Paeth's
_END_OF_JPEG = b"\xff\xd9" * 2048  # libjpeg reads ahead by some blocks


def mended(data: bytes, format: str, limits: Limits) -> tuple[bytes, str] | None:
    """A file that can be read in place of a damaged JPEG, PNG or BMP.

    Args:
        data: the damaged file's content.
        format: the name of its format.
        limits: what is accepted; what is made is never larger than a picture within them.

    Returns:
        the file, and what is lost in words; None where nothing can be saved.
    """
    if format == "JPEG":
        return _jpeg(data)
    if format == "PNG":
        return _png(data, limits)
    if format == "BMP":
        return _bmp(data, limits)
    return None


def load_partly(image: Image.Image) -> None:
    """Decode a picture as far as it goes; the rest of its pixels stays 0.

    Raises:
        Exception: the decoder's, if it gave no pixel.
    """
    try:
        image.load()
    except Exception:
        # What was decoded before the failure is there, but Pillow would decode it again.
        image.tile = []  # type: ignore[attr-defined]
        try:
            empty = image.getbbox(alpha_only=False) is None
        except Exception:
            empty = True
        if empty:
            raise
        if image.format == "TIFF":
            image.load_end()  # type: ignore[attr-defined] # turns it upright


def _jpeg(data: bytes) -> tuple[bytes, str] | None:
    scan = data.find(b"\xff\xda")
    # The scan's own header, and at least a few blocks of pixels behind it.
    if scan < 0 or len(data) < scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big") + 16:
        return None
    return data + _END_OF_JPEG, "what is lost is gray or blurred"


def _png(data: bytes, limits: Limits) -> tuple[bytes, str] | None:
    header, packed, kept = b"", bytearray(), b""
    for kind, content in chunks(data + bytes(12)):
        if kind == b"IHDR" and not header:
            header = content
        elif kind == b"IDAT":
            packed += content
        elif kind in _KEPT and not packed:
            kept += chunk(kind, content)
    if len(header) != 13:
        return None
    packed += _cut_off(data)
    limits.check_input(*struct.unpack_from(">II", header)[::-1])
    passes = [(p.rows, p.length) for p in passes_of(header)]
    needed = sum(rows * length for rows, length in passes)
    raw = _sound(_inflated(bytes(packed), needed), passes)
    if not raw:
        return None
    share = 100 * len(raw) // needed
    whole = alone(header, kept, zlib.compress(raw.ljust(needed, b"\0"), 1))
    return whole, f"{share} % of it is left, and what is lost is black or transparent"


def _cut_off(data: bytes) -> bytes:
    """The pixels of a last chunk that the file's end cuts short."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            return data[at + 8 :] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    return b""


def _sound(raw: bytes, passes: list[tuple[int, int]]) -> bytes:
    """The rows before the first that says it is packed in an unknown way."""
    at = 0
    for rows, length in passes:
        for _ in range(rows):
            if at >= len(raw) or raw[at] > _LAST_FILTER:
                return raw[:at]
            at += length
    return raw


def _inflated(packed: bytes, needed: int) -> bytes:
    """As much as can be had before the damage; no more than is needed."""
    machine, out = zlib.decompressobj(), bytearray()
    if not needed:
        return b""
    # A piece at a time, as what fails gives nothing of itself.
    for at in range(0, len(packed), 256):
        try:
            out += machine.decompress(packed[at : at + 256], needed - len(out))
        except zlib.error:
            break
        if len(out) >= needed:
            break
    return bytes(out[:needed])


def _bmp(data: bytes, limits: Limits) -> tuple[bytes, str] | None:
    if len(data) < 34:
        return None
    start, size, width, height = struct.unpack_from("<IIii", data, 10)
    bits, compression = struct.unpack_from("<HI", data, 28)
    if size < 40 or compression not in (0, 3) or len(data) <= start or width < 1 or not height:
        return None
    limits.check_input(abs(height), width)
    needed = start + (width * bits + 31) // 32 * 4 * abs(height)
    if len(data) >= needed:
        return None
    share = 100 * (len(data) - start) // (needed - start)
    return data.ljust(needed, b"\0"), f"{share} % of it is left, and what is lost is black"

"""The parts of a PNG, and of an animated one (PNG specification, third edition)."""

import struct
import zlib
from collections.abc import Iterator

from srgan.image.animation import Disposal, Part

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = (b"PLTE", b"tRNS")


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The (kind, content) of a PNG's chunks up to the first that is cut off; sums unchecked."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk with its length and sum."""
    return struct.pack(">I", len(content)) + kind + content + _sum(kind, content)


def alone(header: bytes, colours: bytes, packed: bytes) -> bytes:
    """A PNG of nothing but a header's content, whole chunks about colours, and packed pixels."""
    body = colours + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return SIGNATURE + chunk(b"IHDR", header) + body


def apng_parts(data: bytes) -> Iterator[Part]:
    """The frames of an animated PNG; before them the still beside the animation, if any.

    Args:
        data: a file's whole content.

    Raises:
        ValueError: no such file, or a frame lies outside the canvas.
    """
    header, colours, found = b"", b"", list[tuple[tuple[int, ...] | None, bytearray]]()
    for kind, content in chunks(data):
        if kind == b"IHDR" and len(content) == 13:
            header = content
        elif kind in _COLOURS:
            colours += chunk(kind, content)
        elif kind == b"fcTL" and len(content) == 26:
            found.append((struct.unpack(">IIIIHHBB", content[4:]), bytearray()))
        elif kind == b"IDAT":
            if not found:
                found.append((None, bytearray()))
            found[-1][1].extend(content)
        elif kind == b"fdAT" and found:
            found[-1][1].extend(content[4:])
    if not header or not found:
        raise ValueError("no header or no frames")
    width, height = struct.unpack_from(">II", header)
    for control, packed in found:
        if control is None:
            yield Part(alone(header, colours, bytes(packed)), played=False)
            continue
        w, h, left, top, _, _, dispose, blend = control
        if left + w > width or top + h > height or min(w, h) < 1 or dispose > max(Disposal):
            raise ValueError("a frame lies outside the canvas")
        own = alone(struct.pack(">II", w, h) + header[8:], colours, bytes(packed))
        yield Part(own, left, top, blend == 1, Disposal(dispose))


def _sum(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))

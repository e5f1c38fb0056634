"""The parts of a PNG, and of an animated one (PNG specification, third edition)."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from srgan.image.animation import Disposal, Part

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = (b"PLTE", b"tRNS")
_LENGTHS = {b"gAMA": 4, b"sRGB": 1, b"cHRM": 32, b"pHYs": 9}
_LOOK = 82  # a profile's name of at most 79 bytes, its end and the method of packing


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


def without_damaged_remarks(file: BinaryIO) -> BinaryIO:
    """The same PNG, or a copy without those chunks beside the pixels that Pillow stumbles over.

    Args:
        file: opened for reading in binary; left anywhere.
    """
    file.seek(len(SIGNATURE))
    damaged: list[tuple[int, int]] = []
    while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
        length = int.from_bytes(head[:4], "big")
        start = file.tell() - 8
        if _senseless(head[4:], length, file.read(_LOOK)):
            damaged.append((start, start + 12 + length))
        file.seek(start + 12 + length)
    if not damaged:
        return file
    file.seek(0)
    data = bytearray(file.read())
    for start, end in reversed(damaged):
        del data[start:end]
    return BytesIO(bytes(data))


def _senseless(kind: bytes, length: int, content: bytes) -> bool:
    if kind == b"iCCP":
        name, _, rest = content[:length].partition(b"\0")
        return len(name) >= _LOOK - 1 or rest[:1] != b"\0"
    return length < _LENGTHS.get(kind, 0)


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

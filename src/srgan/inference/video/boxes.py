"""What the boxes of MP4 and QuickTime (ISO/IEC 14496-12) say that their demuxer does not tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO


def boxes_end(file: BinaryIO, size: int) -> int | None:
    """The end of the fragment that an MP4 ends with, or of its index; others are told by that."""
    at, fragments, name = 0, False, b""
    while at + 8 <= size:
        head = _at(file, at, 16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        fragments |= name == b"moof"
        if length < 8 or (name not in (b"moof", b"mdat", b"moov") and at + length > size):
            return None
        at += length
    return at if fragments or (name == b"moov" and at > size) else None


def shown_until(file: BinaryIO, track: int) -> tuple[Fraction, int] | None:
    """When an MP4's edit list ends a track, in seconds, and the ticks a second that it counts."""
    size = file.seek(0, os.SEEK_END)
    scale, tracks = 0, 0
    for name, at, end in _inside(file, 0, size, (b"moov",)):
        if name == b"mvhd":
            head = _at(file, at, 24)
            start = 20 if head[0] else 12
            scale = int.from_bytes(head[start : start + 4], "big")
        elif name == b"trak":
            tracks += 1
            if tracks == track + 1:
                for inner, begin, _ in _inside(file, at, end, (b"edts",)):
                    if inner == b"elst" and scale:
                        return _edits(_at(file, begin, 1 << 16), scale)
    return None


def _edits(data: bytes, scale: int) -> tuple[Fraction, int]:
    wide = 8 if data[:1] == b"\1" else 4
    count = int.from_bytes(data[4:8], "big")
    lengths = (int.from_bytes(data[i : i + wide], "big") for i in range(8, len(data), 2 * wide + 4))
    return Fraction(
        sum(length for _, length in zip(range(count), lengths, strict=False)), scale
    ), scale


def _inside(
    file: BinaryIO, at: int, end: int, within: tuple[bytes, ...]
) -> Iterator[tuple[bytes, int, int]]:
    """Names, starts and ends of what boxes hold; those of ``within`` are looked into."""
    while at + 8 <= end:
        head = _at(file, at, 16)
        length, name, skip = int.from_bytes(head[:4], "big"), head[4:8], 8
        if length == 1:
            length, skip = int.from_bytes(head[8:], "big"), 16
        length = length or end - at
        if length < skip:
            return
        if name in within:
            yield from _inside(file, at + skip, min(end, at + length), within)
        else:
            yield name, at + skip, min(end, at + length)
        at += length


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)

"""Whether a file ends where its own structure says, for kinds whose demuxer does not tell.

The layouts are those of the kinds' specifications: Matroska (RFC 9559), Ogg (RFC 3533), Microsoft's
ASF and RIFF, ISO/IEC 13818-1 for transport and program streams.
"""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from typing import Any, BinaryIO

from srgan.inference.video.boxes import boxes_end

_TAIL = 1 << 17  # holds the longest page of Ogg (65,307 bytes) and packet of MPEG (65,541) whole
_SEGMENT = bytes.fromhex("18538067")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_SAY_HOW_LONG = ("matroska,webm", "asf", "flv", "mxf", "ivf")  # in their header
_MISSING_S = 0.5
_OF_TRANSPORT = (188, 192, 204)  # bytes of a packet: plain, with a time code, with error correction


def missing(
    file: BinaryIO, container: Any, video: Any, *, ends: Fraction, video_ends: Fraction
) -> str:
    """What of a file that has been read to its end should have been there, else "".

    Args:
        file: its bytes.
        container, video: the file opened, and its stream that is enlarged.
        ends: when the last packet of picture or sound ends, in seconds.
        video_ends: and of the picture.
    """
    size = file.seek(0, os.SEEK_END)
    beyond = sum(
        e.size > 0 and e.pos + e.size > size for s in container.streams for e in s.index_entries
    )
    if beyond:
        return f"its last {beyond} packets are not there"
    name = container.format.name
    known, gone = cut(file, name)
    if gone:
        return gone
    if name == "avi":
        # Its time stamps are numbers of frames, those among them that only say "again".
        frames = round(video_ends / video.time_base)
        if video.frames > frames + empty_chunks(file, video.index):
            return f"{frames} of {video.frames} frames are there"
    whole = Fraction(container.duration or 0, 1_000_000)
    told = name in _SAY_HOW_LONG and not (known and container.streams.subtitles)
    if told and whole - ends > _MISSING_S + 1 / rate_of(video):
        return f"{float(ends):.1f} of {float(whole):.1f} s are there"
    return ""


def rate_of(video: Any) -> Fraction:
    """Mean frames a second of a stream; 25 where nothing sensible is known."""
    for rate in (video.average_rate, video.guessed_rate):
        if rate is not None and 0 < rate <= 1000:
            return Fraction(rate).limit_denominator(1_001_000)
    return Fraction(25)


def cut(file: BinaryIO, kind: str) -> tuple[bool, str]:
    """What a file's structure says of its end.

    Args:
        file: all of it; its position is moved.
        kind: its demuxer, by FFmpeg's name.

    Returns:
        whether the structure says where the file ends, and what is missing there, else "".
    """
    size = file.seek(0, os.SEEK_END)
    if kind == "ogg":
        return _ogg(file, size)
    ends = {"matroska,webm": _matroska, "asf": _asf, "avi": _avi, "flv": _flv}
    end = ends.get(kind, boxes_end)(file, size)
    if end is None:
        return False, ""
    return True, f"its last {end - size} bytes are not there" if end > size else ""


def _flv(file: BinaryIO, size: int) -> int | None:
    """Where an FLV ends by its script data, a number of eight bytes named filesize."""
    _, key, value = _at(file, 0, 4096).partition(b"\0\x08filesize\0")
    if not key or len(value) < 8:
        return None
    (end,) = struct.unpack(">d", value[:8])
    return int(end) if 0 < end < 2**53 else None


def may_be_cut(file: BinaryIO, kind: str) -> bool:
    """Whether an MPEG stream, which has no end of its own, ends amid a packet."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if kind == "mpegts":
        head = file.read(5 * max(_OF_TRANSPORT))
        for length in _OF_TRANSPORT:
            first = 4 if length == 192 else 0
            if len(head) > first + 3 * length and set(head[first::length][:4]) == {0x47}:
                return size % length != 0
    if kind == "mpeg":
        base, tail = _tail(file, size)
        at = len(tail)
        while (at := tail.rfind(b"\0\0\1", 0, at)) >= 0:
            if at + 6 <= len(tail) and 0xBD <= tail[at + 3] <= 0xEF:
                return base + at + 6 + int.from_bytes(tail[at + 4 : at + 6], "big") > size
    return False


def empty_chunks(file: BinaryIO, stream: int) -> int:
    """How many times an AVI's index says "the last frame again" of a stream."""
    size = file.seek(0, os.SEEK_END)
    for name, at, length in _chunks(file, 12, size):
        if name == b"idx1":
            file.seek(at)
            index = file.read(length)
            entries = (index[i : i + 16] for i in range(0, len(index) - 15, 16))
            return sum(e[:2] == b"%02d" % stream and not any(e[12:]) for e in entries)
    return 0


def _tail(file: BinaryIO, size: int) -> tuple[int, bytes]:
    return max(0, size - _TAIL), _at(file, max(0, size - _TAIL), _TAIL)


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _matroska(file: BinaryIO, size: int) -> int | None:
    at = 0
    while at < size:
        head = _at(file, at, 12)
        width = 9 - head[0].bit_length()  # of an identifier; the leading zeros say it
        if width > 4 or len(head) < 12:
            return None
        name, rest = head[:width], head[width:]
        length = 9 - rest[0].bit_length()
        if length > 8:
            return None
        bits = 7 * length
        value = int.from_bytes(rest[:length], "big") & ((1 << bits) - 1)
        if value == (1 << bits) - 1:
            return None  # unknown, as in live streams
        at += width + length + value
        if name == _SEGMENT:
            return at
    return None


def _asf(file: BinaryIO, size: int) -> int | None:
    head = _at(file, 0, 24)
    if head[:16] != _ASF_HEADER:
        return None
    at = int.from_bytes(head[16:], "little")
    data = _at(file, at, 24)
    length = int.from_bytes(data[16:], "little")
    # One that was never finished holds nothing but its own header, or says 0.
    return at + length if data[:16] == _ASF_DATA and length > 50 else None


def _chunks(file: BinaryIO, at: int, size: int) -> list[tuple[bytes, int, int]]:
    """Names, places and lengths of the chunks of RIFF from a place on."""
    found = []
    while at + 8 <= size:
        head = _at(file, at, 12)
        length = int.from_bytes(head[4:8], "little")
        if not head[:4].strip().isalnum():
            break
        name = head[8:] if head[:4] in (b"LIST", b"RIFF") else head[:4]
        found.append((name, at + 8, length))
        at += 8 + length + length % 2
    return found


def _avi(file: BinaryIO, size: int) -> int | None:
    ends = [
        at + length
        for _, start, inside in _chunks(file, 0, size)
        for name, at, length in _chunks(file, start + 4, min(size, start + (inside or size)))
        if name == b"movi" and length > 4
    ]
    return max(ends, default=None)


def _ogg(file: BinaryIO, size: int) -> tuple[bool, str]:
    base, tail = _tail(file, size)
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return False, ""
    head = tail[at : at + 27]
    segments = tail[at + 27 : at + 27 + head[26]] if len(head) == 27 else b""
    end = base + at + 27 + len(segments) + sum(segments)
    if len(head) < 27 or len(segments) < head[26] or end > size:
        return True, "its last page is not whole"
    return True, "" if head[5] & 4 else "its last page says that more should come"

"""A TIFF encoder that takes the rows as they come (TIFF 6.0, and BigTIFF above 4 GB).

Strips are deflated with the horizontal predictor; the directory follows the strips of its page.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image.metadata import directories
from srgan.image.picture import Metadata
from srgan.image.strips import Blocks, InFrames, InOrder, block_rows

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _LONG8 = 1, 2, 3, 4, 5, 7, 16
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1, _LONG8: 8}
_CLASSIC_LIMIT = 3_900_000_000
_Entry = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """Size in pixels and dots per inch (horizontal, vertical) of a page."""

    height: int
    width: int
    dpi: tuple[float, float] | None = None


class TiffEncoder:
    """Writes one picture, or pages one after the other.

    Args:
        file: opened for writing in binary, and seekable.
        pages: size and resolution of each.
        channels: 1 gray, 2 gray and opacity, 3 RGB, 4 RGB and opacity.
        bit_depth: 8 or 16.
        metadata: what is written beside the pixels of the first page; the profile, of each.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        pages: Sequence[Page],
        channels: int,
        bit_depth: int,
        metadata: Metadata,
    ) -> None:
        self._file, self._pages, self._channels = file, pages, channels
        self._depth, self._metadata = bit_depth, metadata
        self._sample_bytes = channels * bit_depth // 8
        size = sum(page.height * page.width for page in pages) * self._sample_bytes
        # Deflate can grow what it cannot pack, by little.
        self._big = size * 1.01 > _CLASSIC_LIMIT
        self._word = "<Q" if self._big else "<I"
        self._page = 0
        self._packed = InOrder(self._take)
        self._begin_page()
        heights = (page.height for page in pages)
        self._frames = InFrames(heights, self._write, self._follow)
        file.write(b"II+\0\x08\0\0\0" + bytes(8) if self._big else b"II*\0" + bytes(4))
        self._link = 8 if self._big else 4  # where the next directory's position is written

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows; after the last of a page the next page begins."""
        self._frames.write(rows)

    def close(self) -> None:
        """Finish the last page."""
        self._end_page()
        self._packed.stop()

    def abort(self) -> None:
        """Stop the background work."""
        self._packed.stop()

    def _begin_page(self) -> None:
        self._strips: list[tuple[int, int]] = []
        self._rows = block_rows(self._pages[self._page].width * self._sample_bytes)
        self._blocks = Blocks(self._rows, self._block)

    def _write(self, rows: NDArray[Any]) -> None:
        self._blocks.write(rows)

    def _follow(self) -> None:
        self._end_page()
        self._page += 1
        self._begin_page()

    def _block(self, rows: NDArray[Any]) -> None:
        self._packed.put(_pack, rows)

    def _take(self, data: bytes) -> None:
        self._strips.append((self._file.tell(), len(data)))
        self._file.write(data)

    def _end_page(self) -> None:
        self._blocks.flush()
        self._packed.drain()
        entries = self._entries()
        if self._page == 0:
            entries += self._described()
        if self._metadata.icc:
            entries.append((34675, _UNDEFINED, self._metadata.icc))
        where = self._align()
        self._file.seek(self._link)
        self._file.write(struct.pack(self._word, where))
        self._file.seek(where)
        self._directory(sorted(entries), where)

    def _entries(self) -> list[_Entry]:
        colours = 3 if self._channels >= 3 else 1
        place, kind = self._word, _LONG8 if self._big else _LONG
        count = len(self._strips)
        page = self._pages[self._page]
        entries: list[_Entry] = [
            (256, _LONG, struct.pack("<I", page.width)),
            (257, _LONG, struct.pack("<I", page.height)),
            (258, _SHORT, struct.pack(f"<{self._channels}H", *[self._depth] * self._channels)),
            (259, _SHORT, struct.pack("<H", 8)),
            (262, _SHORT, struct.pack("<H", 2 if colours == 3 else 1)),
            (273, kind, struct.pack(f"<{count}{place[1]}", *(s[0] for s in self._strips))),
            (274, _SHORT, struct.pack("<H", 1)),
            (277, _SHORT, struct.pack("<H", self._channels)),
            (278, _LONG, struct.pack("<I", self._rows)),
            (279, kind, struct.pack(f"<{count}{place[1]}", *(s[1] for s in self._strips))),
            (284, _SHORT, struct.pack("<H", 1)),
            (317, _SHORT, struct.pack("<H", 2)),
        ]
        if self._channels > colours:
            entries.append((338, _SHORT, struct.pack("<H", 2)))
        if page.dpi:
            for tag, value in zip((282, 283), page.dpi, strict=True):
                entries.append((tag, _RATIONAL, struct.pack("<II", round(value * 1000), 1000)))
            entries.append((296, _SHORT, struct.pack("<H", 2)))
        return entries

    def _described(self) -> list[_Entry]:
        entries: list[_Entry] = []
        if self._metadata.xmp:
            entries.append((700, _BYTE, self._metadata.xmp))
        if self._metadata.iptc:
            entries.append((33723, _UNDEFINED, self._metadata.iptc))
        plain, nested = directories(self._metadata.exif)
        entries += [_entry(tag, value) for tag, value in plain.items()]
        for tag, directory in nested.items():
            where = self._align()
            # Pillow packs it for the place where it will stand.
            self._file.write(directory(where, self._big))
            entries.append((tag, _LONG8 if self._big else _LONG, struct.pack(self._word, where)))
        return entries

    def _directory(self, entries: list[_Entry], where: int) -> None:
        inline = 8 if self._big else 4
        head = struct.pack("<Q" if self._big else "<H", len(entries))
        later = where + len(head) + len(entries) * (20 if self._big else 12) + inline
        body, data = b"", b""
        for tag, kind, value in entries:
            body += struct.pack("<HH", tag, kind)
            body += struct.pack(self._word, len(value) // _SIZES[kind])
            if len(value) <= inline:
                body += value.ljust(inline, b"\0")
            else:
                body += struct.pack(self._word, later + len(data))
                data += value + bytes(len(value) % 2)
        self._link = where + len(head) + len(body)
        self._file.write(head + body + bytes(inline) + data)

    def _align(self) -> int:
        where = self._file.tell()
        self._file.write(bytes(where % 2))
        return where + where % 2


def _entry(tag: int, value: str | bytes | int) -> _Entry:
    if isinstance(value, str):
        return tag, _ASCII, value.encode("utf-8", "replace").rstrip(b"\0") + b"\0"
    if isinstance(value, bytes):
        return tag, _BYTE, value
    return tag, _SHORT, struct.pack("<H", value)


def _pack(rows: NDArray[Any]) -> bytes:
    change = rows.copy()
    change[:, 1:] -= rows[:, :-1]
    raw = change.astype("<u2" if rows.dtype == np.uint16 else np.uint8)
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    return packer.compress(np.ascontiguousarray(raw).tobytes()) + packer.flush()

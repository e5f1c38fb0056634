"""A PNG encoder that takes the rows as they come (PNG specification, third edition).

Every row is filtered by Paeth's predictor and packed by deflate with run lengths only: on photos
as small as the usual search for matches, and several times as fast. Blocks are packed on
background threads while the next rows are being made.
"""

import struct
import zlib
from itertools import repeat
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image.picture import Metadata
from srgan.image.strips import Blocks, InFrames, InOrder, block_rows

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_ADLER = 65521
_LONG = 1024
"""Bytes of a text from which on it is packed."""
_METRE_IN_INCHES = 39.370078740157


class PngEncoder:
    """Writes one still picture, or the frames of an animation (APNG) one after the other.

    Args:
        file: opened for writing in binary.
        height: rows of every frame.
        width: columns.
        channels: 1 gray, 2 gray and opacity, 3 RGB, 4 RGB and opacity.
        bit_depth: 8 or 16.
        metadata: what is written beside the pixels.
        durations_ms: of each frame of an animation; None for the still that programs show that
            play no animations, which can only come first.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        height: int,
        width: int,
        channels: int,
        bit_depth: int,
        metadata: Metadata,
        durations_ms: tuple[float | None, ...] = (None,),
    ) -> None:
        self._file = file
        self._height, self._width = height, width
        self._step = channels * bit_depth // 8
        self._durations = durations_ms
        self._frame = -1
        self._sequence = 0
        self._packed = InOrder(self._take)
        self._blocks = Blocks(block_rows(width * self._step), self._block)
        self._frames = InFrames(repeat(height), self._blocks.write, self._follow)
        file.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(
            b"IHDR",
            struct.pack(">IIBBBBB", width, height, bit_depth, _COLOUR_TYPES[channels], 0, 0, 0),
        )
        self._describe(metadata)
        shown = sum(d is not None for d in durations_ms)
        if shown:
            self._chunk(b"acTL", struct.pack(">II", shown, metadata.loop or 0))
        self._begin()

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows; after the last of a frame the next frame begins."""
        self._frames.write(rows)

    def close(self) -> None:
        """Finish the last frame and the file."""
        self._end()
        self._packed.stop()
        self._chunk(b"IEND", b"")

    def abort(self) -> None:
        """Stop the background work."""
        self._packed.stop()

    def _follow(self) -> None:
        self._end()
        self._begin()

    def _begin(self) -> None:
        self._frame += 1
        self._above = np.zeros(self._width * self._step, np.uint8)
        self._sum = 1
        duration = self._durations[self._frame]
        if duration is not None:
            milliseconds = min(round(duration), 65_535)
            size = struct.pack(">IIIII", self._next(), self._width, self._height, 0, 0)
            # The frame replaces all that was there: nothing to dispose of, nothing to blend.
            self._chunk(b"fcTL", size + struct.pack(">HHBB", milliseconds, 1000, 0, 0))
        self._data(b"\x78\x01")

    def _block(self, rows: NDArray[Any]) -> None:
        if rows.dtype == np.uint16:
            rows = rows.astype(">u2")
        raw = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
        self._packed.put(_pack, raw, self._above, self._step)
        self._above = raw[-1].copy()

    def _take(self, packed: tuple[bytes, int, int]) -> None:
        data, adler, length = packed
        self._sum = _joined(self._sum, adler, length)
        self._data(data)

    def _end(self) -> None:
        self._blocks.flush()
        self._packed.drain()
        self._data(b"\x03\x00" + struct.pack(">I", self._sum))  # an empty last block

    def _data(self, data: bytes) -> None:
        if self._frame == 0:
            self._chunk(b"IDAT", data)
        else:
            self._chunk(b"fdAT", struct.pack(">I", self._next()) + data)

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence - 1

    def _chunk(self, kind: bytes, data: bytes) -> None:
        self._file.write(struct.pack(">I", len(data)) + kind)
        self._file.write(data)
        self._file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))

    def _describe(self, metadata: Metadata) -> None:
        if metadata.icc:
            self._chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
        if metadata.dpi:
            x, y = (round(v * _METRE_IN_INCHES) for v in metadata.dpi)
            self._chunk(b"pHYs", struct.pack(">IIB", x, y, 1))
        if metadata.exif:
            self._chunk(b"eXIf", metadata.exif)
        if metadata.xmp:
            self._chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
        texts = dict(metadata.texts)
        if metadata.comment:
            texts.setdefault("Comment", metadata.comment.decode("utf-8", "replace"))
        for keyword, text in texts.items():
            self._text(keyword, text)

    def _text(self, keyword: str, text: str) -> None:
        name = keyword.encode("latin-1", "replace")
        try:
            data = text.encode("latin-1")
        except UnicodeEncodeError:
            data = text.encode("utf-8", "replace")
            packed = len(data) > _LONG
            head = name + (b"\0\1\0\0\0" if packed else b"\0\0\0\0\0")
            self._chunk(b"iTXt", head + (zlib.compress(data) if packed else data))
        else:
            if len(data) > _LONG:
                self._chunk(b"zTXt", name + b"\0\0" + zlib.compress(data))
            else:
                self._chunk(b"tEXt", name + b"\0" + data)


def _pack(raw: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> tuple[bytes, int, int]:
    filtered = _paeth(raw, above, step)
    packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    data = packer.compress(filtered) + packer.flush(zlib.Z_SYNC_FLUSH)  # type: ignore[arg-type]
    return data, zlib.adler32(filtered), filtered.size  # type: ignore[arg-type]


def _paeth(raw: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    out = np.empty((len(raw), 1 + raw.shape[1]), np.uint8)
    out[:, 0] = 4
    up = np.vstack([above[None], raw[:-1]])
    np.subtract(raw[:, :step], up[:, :step], out=out[:, 1 : 1 + step])
    a = raw[:, :-step].astype(np.int16)
    b = up[:, step:].astype(np.int16)
    c = up[:, :-step].astype(np.int16)
    by_a, by_b = np.abs(b - c), np.abs(a - c)
    by_c = np.abs(a + b - 2 * c)
    nearest = np.where((by_a <= by_b) & (by_a <= by_c), a, np.where(by_b <= by_c, b, c))
    np.subtract(raw[:, step:], nearest.astype(np.uint8), out=out[:, 1 + step :])
    return out


def _joined(first: int, second: int, second_length: int) -> int:
    """The Adler-32 sum of two pieces of data from the sums of each."""
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % _ADLER
    carried = second_length % _ADLER * ((first & 0xFFFF) - 1)
    high = ((first >> 16) + (second >> 16) + carried) % _ADLER
    return high << 16 | low

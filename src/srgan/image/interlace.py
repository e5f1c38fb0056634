"""How the rows of a PNG lie in its data (PNG specification, third edition, section 8)."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.apng import alone, chunks

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Column and row where each pass begins, and the steps.
_STARTS = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over the picture: which pixels, how many rows, and the bytes of each."""

    left: int
    top: int
    across: int
    down: int
    columns: int
    rows: int
    length: int


def passes_of(header: bytes) -> list[Pass]:
    """The passes by the content of IHDR; none where it has no sense."""
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if kind not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or min(width, height) < 1:
        return []
    made = []
    for left, top, across, down in _STARTS if interlaced else ((0, 0, 1, 1),):
        columns = (width - left + across - 1) // across
        rows = (height - top + down - 1) // down
        if columns > 0 and rows > 0:
            length = 1 + (columns * depth * _CHANNELS[kind] + 7) // 8
            made.append(Pass(left, top, across, down, columns, rows, length))
    return made


def all_rows(data: bytes) -> bool:
    """Whether a PNG's data are enough for all of its rows; a damaged one has what is sound."""
    header, packed = _content(data)
    needed = sum(p.rows * p.length for p in passes_of(header))
    machine, found = zlib.decompressobj(), 0
    try:
        for at in range(0, len(packed), _PIECE):
            found += len(machine.decompress(packed[at : at + _PIECE], needed))
            if found >= needed:
                return True
    except zlib.error:
        pass
    return False


def decode_with(decode: Callable[[bytes], Any], data: bytes) -> NDArray[Any]:
    """A PNG by a decoder that is shown nothing but pixels, and never interlaced.

    libpng writes its remarks about all else, and about interlacing, to the terminal.

    Args:
        decode: a PNG file to an (H, W) or (H, W, C) array.
        data: a PNG without palette.

    Raises:
        ValueError: damaged; zlib and the decoder raise errors of their own as well.
    """
    header, packed = _content(data)
    kind = header[8:10] + bytes(3)
    if not header[12]:
        if not all_rows(data):
            raise ValueError("its data are damaged")
        return np.asarray(decode(alone(header[:8] + kind, b"", packed)))
    raw, at = zlib.decompress(packed), 0
    width, height = struct.unpack_from(">II", header)
    out: NDArray[Any] | None = None
    for p in passes_of(header):
        rows = raw[at : at + p.rows * p.length]
        at += len(rows)
        own = struct.pack(">II", p.columns, p.rows) + kind
        samples = np.asarray(decode(alone(own, b"", zlib.compress(rows, 0))))
        if out is None:
            out = np.empty((height, width, *samples.shape[2:]), samples.dtype)
        out[p.top :: p.down, p.left :: p.across] = samples
    assert out is not None  # a picture of at least one pixel has a first pass
    return out


def _content(data: bytes) -> tuple[bytes, bytes]:
    header, packed = b"", bytearray()
    for kind, content in chunks(data):
        if kind == b"IHDR" and not header:
            header = content
        elif kind == b"IDAT":
            packed += content
    return header, bytes(packed)

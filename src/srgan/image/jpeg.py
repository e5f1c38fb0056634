"""A JPEG encoder that takes the rows as they come (ITU-T T.81).

Pillow encodes block after block of rows, each with a restart marker after every row of MCUs.
Restart markers reset the encoder's only memory, so the blocks' scans, with the markers numbered
on, are the scan of the whole picture; the header is the first block's, with the true height.
"""

import io
import re
import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.image.picture import Metadata
from srgan.image.strips import Blocks, InOrder, block_rows

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_MCU_ROWS = 16  # of 4:2:0; 8 rows of 4:4:4 fit into it twice
_SEGMENT = 65_533


class JpegEncoder:
    """Writes one picture.

    Args:
        file: opened for writing in binary.
        height: rows.
        width: columns.
        channels: 1 gray, 3 RGB.
        quality: 1 to 100, as libjpeg counts; from 90 on colours keep their full resolution.
        metadata: what is written beside the pixels.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        height: int,
        width: int,
        channels: int,
        quality: int,
        metadata: Metadata,
    ) -> None:
        self._file, self._height = file, height
        self._options: dict[str, Any] = {
            "quality": quality,
            "subsampling": 0 if quality >= 90 else 2,
            "restart_marker_rows": 1,
        }
        self._first = _described(metadata)
        self._markers = -1
        self._encoded = InOrder(self._take)
        self._blocks = Blocks(block_rows(width * channels, 1 << 21, _MCU_ROWS), self._block)

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows."""
        self._blocks.write(rows)

    def close(self) -> None:
        """Finish the file."""
        self._blocks.flush()
        self._encoded.drain()
        self._encoded.stop()
        self._file.write(b"\xff\xd9")

    def abort(self) -> None:
        """Stop the background work."""
        self._encoded.stop()

    def _block(self, rows: NDArray[np.uint8]) -> None:
        options = self._options | self._first
        self._first = {}
        self._encoded.put(_encode, rows, options)

    def _take(self, data: bytes) -> None:
        frame, scan = _marks(data)
        if self._markers < 0:
            header = bytearray(data[:scan])
            struct.pack_into(">H", header, frame + 5, self._height)
            self._file.write(header)
        else:
            self._file.write(self._marker())
        self._markers += self._markers < 0
        self._file.write(_RESTART.sub(lambda _: self._marker(), data[scan:-2]))

    def _marker(self) -> bytes:
        number = self._markers % 8
        self._markers += 1
        return bytes((0xFF, 0xD0 + number))


def _encode(rows: NDArray[np.uint8], options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    plain = rows[..., 0] if rows.shape[2] == 1 else rows
    Image.fromarray(np.ascontiguousarray(plain)).save(out, "JPEG", **options)
    return out.getvalue()


def _described(metadata: Metadata) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    if metadata.exif and len(metadata.exif) + 6 <= _SEGMENT:
        options["exif"] = b"Exif\0\0" + metadata.exif
    if metadata.xmp and len(metadata.xmp) + 29 <= _SEGMENT:
        options["xmp"] = metadata.xmp
    if metadata.iptc and len(segment := _photoshop(metadata.iptc)) <= _SEGMENT:
        options["extra"] = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    comment = metadata.comment or dict(metadata.texts).get("Comment", "").encode()
    if comment and len(comment) <= _SEGMENT:
        options["comment"] = comment
    return options


def _photoshop(iptc: bytes) -> bytes:
    """IPTC as the resource block of Photoshop, within which a JPEG has it."""
    head = b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc))
    return head + iptc + bytes(len(iptc) % 2)


def _marks(data: bytes) -> tuple[int, int]:
    """Where the frame header's marker stands, and where the scan's data begin."""
    at, frame = 2, 0
    while data[at + 1] != 0xDA:
        if data[at + 1] == 0xC0:
            frame = at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return frame, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")

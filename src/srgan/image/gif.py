"""The frames of a GIF from its blocks: how many, how large, and each as a file of its own."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from srgan.image.animation import Disposal, Part

_DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE}


@dataclass(frozen=True, slots=True)
class _Image:
    """One image: its control, its descriptor with its own palette, where its pixels begin."""

    control: bytes
    descriptor: bytes
    palette: bytes
    start: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height."""
        left, top, width, height = struct.unpack_from("<4H", self.descriptor)
        return left, top, width, height


def survey(file: BinaryIO, most: int) -> tuple[int, int, int]:
    """How many images a GIF holds, and height and width that hold all of them.

    Args:
        file: opened for reading in binary; left anywhere.
        most: where to stop counting.
    """
    count = height = width = 0
    for image in _images(file):
        left, top, w, h = image.box
        count, height, width = count + 1, max(height, top + h), max(width, left + w)
        if count == most:
            break
    return count, height, width


def gif_parts(data: bytes) -> Iterator[Part]:
    """The frames of a GIF."""
    file = BytesIO(data)
    palette = data[13 : 13 + _palette_size(data[10])]
    for image in _images(file):
        left, top, width, height = image.box
        flags = image.control[0] if image.control else 0
        head = data[:6] + struct.pack("<HH", width, height) + data[10:11] + bytes(2) + palette
        control = b"!\xf9\4" + bytes((flags & 1,)) + image.control[1:4].ljust(3, b"\0") + b"\0"
        own = b"," + bytes(4) + image.descriptor[4:] + image.palette
        pixels = data[image.start : file.tell()]
        disposal = _DISPOSALS.get(flags >> 2 & 7, Disposal.KEEP)
        yield Part(head + control + own + pixels + b";", left, top, True, disposal)


def gif_canvas(data: bytes) -> tuple[int, int]:
    """Height and width of the canvas: the screen, or the first frame where that is larger."""
    width, height = struct.unpack_from("<HH", data, 6)
    for image in _images(BytesIO(data)):
        left, top, w, h = image.box
        return max(height, top + h), max(width, left + w)
    return height, width


def _palette_size(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _images(file: BinaryIO) -> Iterator[_Image]:
    """Each image, with the file left behind its pixels."""
    file.seek(10)
    file.seek(2 + _palette_size(file.read(1)[0]), os.SEEK_CUR)
    control = b""
    while (block := file.read(1)) in (b"!", b","):
        if block == b"!":
            label = file.read(1)
            content = _first_block(file)
            if label == b"\xf9" and len(content) == 4:
                control = content
        else:
            descriptor = file.read(9).ljust(9, b"\0")
            palette = file.read(_palette_size(descriptor[8]))
            start = file.tell()
            file.seek(1, os.SEEK_CUR)
            _first_block(file)
            yield _Image(control, descriptor, palette, start)
            control = b""


def _first_block(file: BinaryIO) -> bytes:
    """The first of a row of blocks; all of them are passed."""
    first = None
    while (size := file.read(1)) not in (b"", b"\0"):
        if first is None and size == b"\4":
            first = file.read(4)
        else:
            first = first or b"\0"
            file.seek(size[0], os.SEEK_CUR)
    return first or b""

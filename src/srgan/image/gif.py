"""What Pillow leaves to be found out about a GIF: how many frames, and where nothing was drawn."""

import os
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.image.picture import Frame

_TO_BACKGROUND = 2


def count_frames(file: BinaryIO, most: int) -> int:
    """How many images a GIF holds, from its blocks alone; stops at ``most``.

    Args:
        file: opened for reading in binary; left anywhere.
        most: where to stop.
    """
    file.seek(10)
    flags = file.read(3)[0]
    file.seek(3 << ((flags & 7) + 1) if flags & 0x80 else 0, os.SEEK_CUR)
    count = 0
    while count < most and (block := file.read(1)) in (b"!", b","):
        if block == b"!":
            file.seek(1, os.SEEK_CUR)
        else:
            count += 1
            flags = (file.read(9)[8:] or b"\0")[0]
            file.seek(1 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0), os.SEEK_CUR)
        while (size := file.read(1)) not in (b"", b"\0"):
            file.seek(size[0], os.SEEK_CUR)
    return count


class GifCanvas:
    """Knows which pixels of an animation's canvas any frame has drawn on.

    Where none has, browsers show what lies behind the picture; Pillow gives the background
    colour, which no browser has honoured for long, as an opaque one.
    """

    def __init__(self) -> None:
        self._drawn: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
        self._disposed: tuple[int, int, int, int] | None = None

    def meet(self, image: Image.Image) -> None:
        """Take note of the frame that an image has just sought, before it is loaded."""
        if self._drawn.shape != (image.height, image.width):  # a frame may enlarge the canvas
            before, self._drawn = self._drawn, np.zeros((image.height, image.width), np.bool_)
            self._drawn[: before.shape[0], : before.shape[1]] = before
        if self._disposed is not None:
            left, top, right, bottom = self._disposed
            self._drawn[top:bottom, left:right] = False
        tile = image.tile[0].extents if image.tile else None  # type: ignore[attr-defined]
        left, top, right, bottom = tile or (0, 0, image.width, image.height)
        self._drawn[top:bottom, left:right] = True
        disposal = image.disposal_method  # type: ignore[attr-defined]
        self._disposed = (left, top, right, bottom) if disposal == _TO_BACKGROUND else None

    def cleared(self, frame: Frame) -> Frame:
        """The frame, transparent where nothing was drawn."""
        if self._drawn.all():
            return frame
        opaque = np.full(self._drawn.shape, 255, np.uint8) if frame.alpha is None else frame.alpha
        return replace(frame, alpha=np.where(self._drawn, opaque, 0).astype(np.uint8))

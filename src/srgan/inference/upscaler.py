"""The waist of the project: one protocol for every way to enlarge a picture."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""A picture in memory: (H, W, 3), RGB, [0, 1]."""


class Upscaler(Protocol):
    """Anything that enlarges a picture by a whole factor: a filter, a dictionary, a network."""

    @property
    def scale(self) -> int:
        """The whole factor of one call."""
        ...

    def __call__(self, image: Image) -> Image:
        """(H, W, 3) float32 RGB in [0, 1] → (H * scale, W * scale, 3) float32, not clipped."""
        ...


@runtime_checkable
class PartUpscaler(Upscaler, Protocol):
    """An upscaler that saves work where only a part of what it sees is asked for."""

    def part(self, image: Image, rows: slice, columns: slice) -> Image:
        """These rows and columns of what the upscaler makes of (H, W, 3), as in the whole.

        Returns:
            (h * scale, w * scale, 3) for h rows and w columns of the image.
        """
        ...


def part_of(upscaler: Upscaler, image: Image, rows: slice, columns: slice) -> Image:
    """As :meth:`PartUpscaler.part`, of any upscaler: one that knows no parts makes the whole."""
    if isinstance(upscaler, PartUpscaler):
        return upscaler.part(image, rows, columns)
    s = upscaler.scale
    return upscaler(image)[rows.start * s : rows.stop * s, columns.start * s : columns.stop * s]

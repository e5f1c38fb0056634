"""The waist of the project: one protocol for every way to enlarge a picture."""

from typing import Protocol

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

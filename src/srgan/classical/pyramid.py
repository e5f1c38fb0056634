"""A picture at several sizes, sharp and blurred: where methods of one picture learn from.

Levels are counted from the result, 0, up to the smallest; one of them is the input.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from srgan.classical.backprojection import resized

Float = NDArray[np.float32]

SMALLEST = 8
"""Pixels that the smallest level has at least, where the input has them."""


@dataclass(slots=True)
class Pyramid:
    """``sharp``: the picture by level; ``blurred``: the level below each, enlarged to its size.

    Args:
        y: (H, W) the input.
        size: (height, width) of the result.
        steps: levels from the result to the input.
        deepest: the last level, where the picture is large enough.
    """

    y: Float
    size: tuple[int, int]
    steps: int
    deepest: int
    sharp: dict[int, Float] = field(init=False)
    blurred: dict[int, Float] = field(init=False)

    def __post_init__(self) -> None:
        while self.deepest > self.steps and min(self.shape(self.deepest)) < SMALLEST:
            self.deepest -= 1
        below = range(self.steps + 1, self.deepest + 1)
        self.sharp = {self.steps: self.y} | {i: resized(self.y, self.shape(i)) for i in below}
        self.blurred = {
            i: resized(self.sharp[i + 1], self.shape(i)) for i in range(self.steps, self.deepest)
        }

    def shape(self, level: int) -> tuple[int, int]:
        """(height, width) of a level."""
        scale = self.size[0] / self.y.shape[0]
        height, width = (max(1, round(n * scale ** (-level / self.steps))) for n in self.size)
        return height, width


def patches(image: Float, side: int) -> Float:
    """(H, W) → (H, W, side, side), a view: the patch around each pixel, the edge repeated."""
    padded = np.pad(image, side // 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (side, side))

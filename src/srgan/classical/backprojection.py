"""Back-projection (Irani and Peleg 1991): an enlargement made to agree with what it came from."""

import numpy as np
from numpy.typing import NDArray

from srgan.image.resize import imresize

Float = NDArray[np.float32]

ROUNDS = 20

_KERNEL = np.exp(-(np.arange(-2, 3, dtype=np.float32) ** 2))  # a Gaussian of sigma 1, squared
_KERNEL /= _KERNEL.sum()


def back_projected(image: Float, lr: Float, *, rounds: int = ROUNDS) -> Float:
    """The enlargement, moved until it gives the LR picture when it is shrunk.

    Args:
        image: (H, W) the enlargement.
        lr: (h, w), smaller, of the same value range.
        rounds: steps.
    """
    for _ in range(rounds):
        image = image + _smooth(resized(lr - resized(image, lr.shape), image.shape))
    return image


def resized(image: Float, shape: tuple[int, ...]) -> Float:
    """The picture in another (height, width), by the bicubic filter."""
    return np.asarray(imresize(image, size=(shape[0], shape[1])), np.float32)


def _smooth(image: Float) -> Float:
    for axis in (0, 1):
        edge = [(2, 2) if axis == k else (0, 0) for k in (0, 1)]
        padded = np.pad(image, edge, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(_KERNEL), axis=axis)
        image = windows @ _KERNEL
    return image

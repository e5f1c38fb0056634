"""Similarity of gradient magnitudes (Xue et al. 2014, https://arxiv.org/abs/1308.3052)."""

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.image.colour import luma


def gradient_similarity(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean gradient-magnitude similarity (GMSM), in (0, 1]; 1 for equal pictures.

    Args:
        a, b: (H, W, 3) RGB or (H, W) gray uint8 of one size.

    Raises:
        UsageError: the shapes differ.
    """
    return float(_map(a, b).mean())


def _map(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    if a.shape != b.shape:
        raise UsageError(f"pictures of one size are compared, not {a.shape} with {b.shape}")
    x, y = _magnitude(_halve(luma(a))), _magnitude(_halve(luma(b)))
    return np.asarray((2 * x * y + 170.0) / (x**2 + y**2 + 170.0))


def _halve(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Means of 2x2 pixels."""
    height, width = (n // 2 * 2 for n in image.shape)
    if min(height, width) < 2:
        raise UsageError("gradients need a picture of at least 2x2 pixels")
    cells = image[:height, :width].astype(np.float64).reshape(height // 2, 2, width // 2, 2)
    return np.asarray(cells.mean(axis=(1, 3)))


def _magnitude(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of the Prewitt gradient, the picture framed in zeros as in the authors' script."""
    p = np.pad(image, 1)
    columns = p[:, :-2] - p[:, 2:]
    rows = p[:-2] - p[2:]
    horizontal = (columns[:-2] + columns[1:-1] + columns[2:]) / 3.0
    vertical = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 3.0
    return np.hypot(horizontal, vertical)

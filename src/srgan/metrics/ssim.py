"""Structural similarity (Wang et al. 2004)."""

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.metrics.psnr import shave


def _gaussian(size: int, sigma: float) -> NDArray[np.float64]:
    x = np.arange(size) - (size - 1) / 2.0
    g = np.exp(-(x**2) / (2.0 * sigma**2))
    return np.asarray(g / g.sum())


def _filter_valid(image: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    n = len(window)
    rows = sum(window[k] * image[k : image.shape[0] - n + 1 + k] for k in range(n))
    return np.asarray(sum(window[k] * rows[:, k : image.shape[1] - n + 1 + k] for k in range(n)))


def ssim(
    a: NDArray[np.generic], b: NDArray[np.generic], *, data_range: float, border: int
) -> float:
    """Structural similarity, in [-1, 1], as Wang et al.'s ``ssim_index.m`` computes it.

    An 11x11 Gaussian window (sigma 1.5), 'valid' positions only, K1 = 0.01, K2 = 0.03, mean of
    the map; for colour the mean over channels.

    Args:
        a, b: pictures of equal shape (H, W) or (H, W, C), any dtype.
        data_range: 255 for uint8, 1 for [0, 1].
        border: pixels left out on each side.

    Raises:
        UsageError: the shapes differ, or less than 11x11 pixels are left.
    """
    if a.shape != b.shape:
        raise UsageError(f"pictures of one size are compared, not {a.shape} with {b.shape}")
    if a.ndim == 3:
        channels = range(a.shape[2])
        return float(
            np.mean(
                [ssim(a[..., c], b[..., c], data_range=data_range, border=border) for c in channels]
            )
        )
    x, y = shave(a, border).astype(np.float64), shave(b, border).astype(np.float64)
    if min(x.shape) < 11:
        raise UsageError("SSIM needs at least 11x11 pixels inside the border")
    window = _gaussian(11, 1.5)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = _filter_valid(x, window), _filter_valid(y, window)
    var_x = _filter_valid(x * x, window) - mean_x**2
    var_y = _filter_valid(y * y, window) - mean_y**2
    covariance = _filter_valid(x * y, window) - mean_x * mean_y
    index = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    return float(index.mean())

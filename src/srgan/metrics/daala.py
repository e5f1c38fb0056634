"""The SRGAN paper's own PSNR and SSIM: those of the Daala codec's tools, on BT.709 luma.

The paper's tables were made with ``png2y4m``, ``dump_psnr`` and ``dump_ssim`` of
https://github.com/xiph/daala. Its SSIM differs from Wang et al.'s: the Gaussian grows with the
picture's height, has integer weights, and is renormalised at the border instead of stopping short
of it. A bicubic Set5 scores 0.821 here and 0.810 in Wang's: never compare one with the other.
"""

from math import floor, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.metrics.psnr import psnr, shave

_LUMA_709 = np.array([0.2126, 0.7152, 0.0722])
_ONE = 256
"""The sum of a kernel's integer weights."""


def luma_709(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BT.709 luma of studio range, as ``png2y4m`` makes it but for its dither.

    (H, W, 3) RGB or (H, W) gray, uint8 → (H, W) uint8 in [16, 235].
    """
    y = image.astype(np.float64)
    y = y @ _LUMA_709 if image.ndim == 3 else y
    return np.floor(16.0 + y * (219.0 / 255.0) + 0.5).astype(np.uint8)


def psnr_daala(a: NDArray[np.uint8], b: NDArray[np.uint8], *, border: int) -> float:
    """PSNR in dB of BT.709 luma with a peak of 255, as ``dump_psnr``; infinite for equal ones.

    Args:
        a, b: (H, W, 3) RGB or (H, W) gray uint8 of one size.
        border: pixels left out on each side; the paper has 4.

    Raises:
        UsageError: the shapes differ.
    """
    return psnr(luma_709(a), luma_709(b), data_range=255, border=border)


def ssim_daala(a: NDArray[np.uint8], b: NDArray[np.uint8], *, border: int) -> float:
    """SSIM of BT.709 luma as ``dump_ssim`` computes it, in [-1, 1].

    Args:
        a, b: (H, W, 3) RGB or (H, W) gray uint8 of one size.
        border: pixels left out on each side; the paper has 4.

    Raises:
        UsageError: the shapes differ.
    """
    if a.shape != b.shape:
        raise UsageError(f"pictures of one size are compared, not {a.shape} with {b.shape}")
    x = shave(luma_709(a), border).astype(np.float64)
    y = shave(luma_709(b), border).astype(np.float64)
    kernel = _kernel(x.shape[0] * 1.5 / 256.0, min(x.shape))
    weight = _blur(np.ones_like(x), kernel)
    mean_x, mean_y = _blur(x, kernel) / weight, _blur(y, kernel) / weight
    var_x = _blur(x * x, kernel) / weight - mean_x**2
    var_y = _blur(y * y, kernel) / weight - mean_y**2
    covariance = _blur(x * y, kernel) / weight - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    return float((index * weight).sum() / weight.sum())


def _kernel(sigma: float, longest: int) -> NDArray[np.float64]:
    """Integer Gaussian weights that sum to 256, cut where they would round to nothing."""
    last = sqrt(0.5 * pi) * sigma / _ONE
    reach = 0 if last >= 1 else min(floor(sigma * sqrt(-2.0 * log(last))), longest - 1)
    distance = np.arange(1, reach + 1)
    side = np.exp(-(distance**2) / (2.0 * sigma**2)) * (_ONE / (sqrt(2.0 * pi) * sigma))
    side = np.floor(side + 0.5)
    return np.concatenate([side[::-1], [_ONE - 2.0 * side.sum()], side])


def _blur(image: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kernel's sums in both directions; what lies outside the picture counts nothing."""
    reach = len(kernel) // 2
    height, width = image.shape
    padded = np.pad(image, reach)
    rows = sum(kernel[k] * padded[k : k + height] for k in range(len(kernel)))
    return np.asarray(sum(kernel[k] * rows[:, k : k + width] for k in range(len(kernel))))

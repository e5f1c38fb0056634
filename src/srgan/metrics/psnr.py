"""Peak signal-to-noise ratio."""

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError


def shave(image: NDArray[np.generic], border: int) -> NDArray[np.generic]:
    """The picture (H, W, ...) without its outer ``border`` pixels."""
    if border == 0:
        return image
    if min(image.shape[:2]) <= 2 * border:
        raise UsageError(
            f"a picture of {image.shape[1]}x{image.shape[0]} has nothing left "
            f"without a border of {border}; measure a larger one"
        )
    return image[border:-border, border:-border]


def psnr(
    a: NDArray[np.generic], b: NDArray[np.generic], *, data_range: float, border: int
) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures.

    Args:
        a, b: pictures of equal shape (H, W) or (H, W, C), any dtype.
        data_range: the peak: 255 for uint8 (also for luma, which spans 16 to 235), 1 for [0, 1].
        border: pixels left out on each side; the literature uses the scale.

    Raises:
        UsageError: the shapes differ.
    """
    if a.shape != b.shape:
        raise UsageError(f"pictures of one size are compared, not {a.shape} with {b.shape}")
    difference = shave(a, border).astype(np.float64) - shave(b, border).astype(np.float64)
    error = float(np.mean(difference**2))
    return float("inf") if error == 0.0 else float(10.0 * np.log10(data_range**2 / error))

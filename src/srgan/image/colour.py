"""Colour spaces that measurements use."""

import numpy as np
from numpy.typing import NDArray

# BT.601 with MATLAB's offsets: luma of full-range RGB spans 16 to 235.
_LUMA = np.array([65.481, 128.553, 24.966])


def luma(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """BT.601 luma as MATLAB's ``rgb2ycbcr`` gives it.

    Args:
        image: (H, W, 3) RGB, uint8 in [0, 255] or floating point in [0, 1]. A gray (H, W)
            picture is its own luma, as in the literature's scripts, and comes back as it is.

    Returns:
        (H, W): uint8 rounded, in [16, 235], for uint8; float64 in [16/255, 235/255] for floats.
    """
    if image.ndim == 2:
        return image
    if image.dtype == np.uint8:
        y = 16.0 + image.astype(np.float64) @ (_LUMA / 255.0)
        return np.floor(y + 0.5).astype(np.uint8)
    return np.asarray(16.0 / 255.0 + image.astype(np.float64) @ (_LUMA / 255.0))

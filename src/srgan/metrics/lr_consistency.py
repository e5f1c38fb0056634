"""How well an enlargement agrees with the picture it was made from."""

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.image.resize import imresize
from srgan.metrics.psnr import psnr


def lr_consistency(sr: NDArray[np.uint8], lr: NDArray[np.uint8]) -> float:
    """PSNR in dB of the enlargement, downscaled again, against its input; above 40 is good.

    Args:
        sr: (H * scale, W * scale, 3) or (H * scale, W * scale), uint8.
        lr: (H, W, 3) or (H, W), uint8. Downscaling is MATLAB's bicubic, rounded.

    Raises:
        UsageError: ``sr`` is not a whole multiple of ``lr``.
    """
    scale = sr.shape[0] / lr.shape[0]
    if sr.shape[:2] != tuple(round(scale) * n for n in lr.shape[:2]) or scale != round(scale):
        raise UsageError(
            f"an enlargement of {lr.shape[1]}x{lr.shape[0]} by a whole factor is compared, "
            f"not {sr.shape[1]}x{sr.shape[0]}"
        )
    return psnr(imresize(sr, scale=1.0 / scale), lr, data_range=255, border=0)

"""Interpolation by a fixed kernel, with the semantics of MATLAB's ``imresize``."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.image.pixels import check_rgb
from srgan.image.resize import KernelName, imresize


@dataclass(frozen=True, slots=True)
class Interpolation:
    """Enlarges by ``scale`` with one kernel; see :func:`srgan.image.resize.imresize`.

    Args:
        kernel: one of :data:`srgan.image.resize.KERNELS`.
        scale: the whole factor of a call. To a size that is no multiple,
            :func:`srgan.inference.upscale.upscale_strips` goes with the kernel directly.
    """

    kernel: KernelName
    scale: int = 4

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W, 3) float32 in [0, 1] → (H * scale, W * scale, 3), not clipped.

        Raises:
            UsageError: it is no array of this shape and type, or has no pixels.
        """
        check_rgb(image)
        return imresize(image, scale=self.scale, kernel=self.kernel).astype(np.float32, copy=False)

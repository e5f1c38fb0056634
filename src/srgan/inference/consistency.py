"""Back-projection: an enlarged picture that agrees with what it was made from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.resize import imresize
from srgan.inference.tiles import from_float

_STEPS = 2


def project(
    enlarged: NDArray[Any], original: NDArray[Any], *, alpha: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Add to a picture what its shrunken form lacks (Irani and Peleg 1991).

    Args:
        enlarged: (H', W', C), uint8 or uint16.
        original: (H, W, C), of the same type.
        alpha: (H, W) of the original; where it is 0 the colour has no meaning and stays.

    Returns:
        (H', W', C) of the same type, whose bicubic shrinking is nearer to the original.
    """
    peak = np.float32(np.iinfo(enlarged.dtype).max)
    lr = original.astype(np.float32) / peak
    sr = enlarged.astype(np.float32) / peak
    for _ in range(_STEPS):
        lacking = lr - imresize(sr, size=(lr.shape[0], lr.shape[1])).astype(np.float32)
        if alpha is not None:
            lacking[alpha == 0] = 0.0
        sr += imresize(lacking, size=(sr.shape[0], sr.shape[1])).astype(np.float32)
        np.clip(sr, 0.0, 1.0, out=sr)
    return from_float(sr, enlarged.dtype, channels=enlarged.shape[2])

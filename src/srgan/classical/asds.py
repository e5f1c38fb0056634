"""Adaptive sparse domain selection (Dong, Zhang, Shi and Wu, IEEE TIP 2011).

"Image Deblurring and Super-Resolution by Adaptive Sparse Domain Selection and Adaptive
Regularization". Photos give up to 200 small dictionaries, and with each a model of a pixel's
neighbours; the result is sought by iterative shrinkage, each patch in the dictionary that suits it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.classical.patches import drawn
from srgan.classical.shrinkage import solve
from srgan.classical.subspaces import SIDE, Subspaces, high, learn
from srgan.errors import DataRefused
from srgan.image.colour import luma

Float = NDArray[np.float32]

CLUSTERS = 200
LEAST = 300
"""Patches of a cluster; smaller ones go to the others."""
SAMPLES = 200_000


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    samples: int = SAMPLES,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Subspaces:
    """Learn from a folder's pictures.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor that the method will have; what is learned is the same for all.
        samples: patches at most; 200,000 take 80 MB.
        seed: chooses patches and the centres to begin with.
        progress: told the part that is done.

    Raises:
        DataRefused: no picture is large enough for a patch.
    """
    draw = np.random.default_rng(seed)
    share = -(-samples // max(1, len(images)))
    patches, highs = [], []
    for number, image in enumerate(images):
        y = luma(image).astype(np.float32) / np.float32(255.0)
        if min(y.shape) >= SIDE:
            sharp, low = (
                np.lib.stride_tricks.sliding_window_view(v, (SIDE, SIDE)) for v in (y, high(y))
            )
            some = drawn(sharp.shape, share, draw)
            patches.append(sharp[some].reshape(-1, SIDE**2))
            highs.append(low[some].reshape(-1, SIDE**2))
        if progress is not None:
            progress((number + 1) / len(images) / 2)
    if not patches:
        raise DataRefused("no training picture is large enough; give pictures of 100x100 or more")
    learned = learn(
        scale,
        np.concatenate(patches)[:samples],
        np.concatenate(highs)[:samples],
        clusters=CLUSTERS,
        least=LEAST,
        seed=seed,
    )
    if progress is not None:
        progress(1.0)
    return learned


def upscaler(learned: Subspaces) -> LumaUpscaler:
    """The method, ready to enlarge."""

    def enlarge(y: Float, bicubic: Float) -> Float:
        return solve(y, bicubic, learned)

    return LumaUpscaler(learned.scale, enlarge)

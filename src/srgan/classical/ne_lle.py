"""NE+LLE, neighbour embedding with the weights of locally linear embedding.

Chang, Yeung and Xiong 2004 (after Roweis and Saul 2000), as Timofte et al. 2013 compare it: the 24
nearest atoms, with weights that sum to 1.
"""

import numpy as np
from numpy.typing import NDArray

from srgan.classical import embedding
from srgan.classical.luma import LumaUpscaler
from srgan.classical.zeyde import Dictionaries

Double = NDArray[np.float64]

NEIGHBOURS = 24
RIDGE = 1e-4
"""Times the trace of what is inverted, on its diagonal."""


def weigh(gram: Double, products: Double, squares: Double) -> Double:
    """The sum of the neighbours, of weights that sum to 1, which is nearest to the features."""
    # The products of the neighbours' differences from the features.
    around = gram - products[:, :, None] - products[:, None, :] + squares[:, None, None]
    trace = np.einsum("nkk->n", around)
    ridge = RIDGE * np.where(trace > 0.0, trace, 1.0)
    around += ridge[:, None, None] * np.eye(gram.shape[1])
    weights = np.linalg.solve(around, np.ones((*products.shape, 1)))[..., 0]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def upscaler(dictionaries: Dictionaries) -> LumaUpscaler:
    """The method, ready to enlarge."""
    return embedding.upscaler(dictionaries, NEIGHBOURS, weigh)

"""NE+LS, neighbour embedding by plain least squares (Timofte, De Smet and Van Gool 2013).

The 12 nearest atoms, with the weights that explain the features best.
"""

import numpy as np
from numpy.typing import NDArray

from srgan.classical import embedding
from srgan.classical.luma import LumaUpscaler
from srgan.classical.zeyde import Dictionaries

Double = NDArray[np.float64]

NEIGHBOURS = 12
_RIDGE = 1e-9


def weigh(gram: Double, products: Double, _: Double) -> Double:
    """The least-squares weights; atoms that are nearly the same share theirs."""
    system = gram + _RIDGE * np.eye(gram.shape[1])
    return np.asarray(np.linalg.solve(system, products[..., None])[..., 0], np.float64)


def upscaler(dictionaries: Dictionaries) -> LumaUpscaler:
    """The method, ready to enlarge."""
    return embedding.upscaler(dictionaries, NEIGHBOURS, weigh)

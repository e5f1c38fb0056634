"""NE+NNLS, neighbour embedding with weights that are not negative.

Bevilacqua et al. 2012, as Timofte et al. 2013 compare it: the 24 nearest atoms. Atoms that
correlate negatively are among them and mostly get the weight 0.
"""

import numpy as np
from numpy.typing import NDArray

from srgan.classical import embedding
from srgan.classical.luma import LumaUpscaler
from srgan.classical.nnls import nnls
from srgan.classical.zeyde import Dictionaries

Double = NDArray[np.float64]

NEIGHBOURS = 24
_RIDGE = 1e-9


def weigh(gram: Double, products: Double, _: Double) -> Double:
    """The least-squares weights among those that are not negative."""
    return nnls(gram + _RIDGE * np.eye(gram.shape[1]), products)


def upscaler(dictionaries: Dictionaries) -> LumaUpscaler:
    """The method, ready to enlarge."""
    return embedding.upscaler(dictionaries, NEIGHBOURS, weigh)

"""Neighbour embedding (Chang, Yeung and Xiong 2004, with the dictionaries of Timofte et al. 2013).

A patch's features are written as a sum of the atoms that they correlate with most; the same sum of
HR atoms is what the bicubic enlargement lacks. The methods differ in how the weights are found.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.classical.patches import by_patches
from srgan.classical.zeyde import Dictionaries

Float = NDArray[np.float32]
Double = NDArray[np.float64]

Weigh = Callable[[Double, Double, Double], Double]
"""How a method weighs the neighbours of N patches: from their products with each other (N, k, k),
with the features (N, k), and the features' squared lengths (N,), the weights (N, k)."""

_BATCH = 4096


def upscaler(dictionaries: Dictionaries, neighbours: int, weigh: Weigh) -> LumaUpscaler:
    """A method, ready to enlarge.

    Args:
        dictionaries: from :func:`srgan.classical.zeyde.fit`.
        neighbours: atoms of a patch; all of a smaller dictionary.
        weigh: finds the weights.
    """
    low, high = dictionaries.low, dictionaries.high.T
    gram = low.T.astype(np.float64) @ low
    count = min(neighbours, low.shape[1])

    def missing_of(codes: Float) -> Float:
        missing = np.empty((len(codes), high.shape[1]), np.float32)
        for start in range(0, len(codes), _BATCH):
            part = slice(start, start + _BATCH)
            products = codes[part].astype(np.float64) @ low
            near = np.argpartition(-np.abs(products), count - 1, axis=1)[:, :count]
            weights = weigh(
                gram[near[:, :, None], near[:, None, :]],
                np.take_along_axis(products, near, axis=1),
                np.square(codes[part], dtype=np.float64).sum(axis=1),
            )
            # A sum over all atoms, most with weight 0, is faster than gathering HR atoms.
            sparse = np.zeros((len(near), len(high)), np.float32)
            np.put_along_axis(sparse, near, weights.astype(np.float32), axis=1)
            missing[part] = sparse @ high
        return missing

    return by_patches(dictionaries.scale, dictionaries.components, missing_of)

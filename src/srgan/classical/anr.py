"""ANR, anchored neighbourhood regression (Timofte, De Smet and Van Gool 2013).

Each atom of Zeyde's dictionaries gets the ridge regression of its 40 most correlated atoms.
"""

import numpy as np

from srgan.classical import anchored
from srgan.classical.anchored import Anchors, regressor
from srgan.classical.luma import LumaUpscaler
from srgan.classical.zeyde import Dictionaries

NEIGHBOURS = 40
RIDGE = 0.01


def anchors(dictionaries: Dictionaries, *, neighbours: int = NEIGHBOURS) -> Anchors:
    """The regressors of each atom, from what :func:`srgan.classical.zeyde.fit` learned."""
    low, high = dictionaries.low.T, dictionaries.high.T  # (K, d), (K, size²)
    neighbours = min(neighbours, len(low))
    near = np.argsort(-np.abs(low @ low.T), axis=1, kind="stable")[:, :neighbours]
    regressors = np.empty((len(low), low.shape[1], high.shape[1]), np.float32)
    for atom, group in enumerate(near):
        regressors[atom] = regressor(low[group].astype(np.float64), high[group], RIDGE)
    return Anchors(dictionaries.scale, dictionaries.components, dictionaries.low, regressors)


def upscaler(dictionaries: Dictionaries) -> LumaUpscaler:
    """The method, ready to enlarge; the regressors are worked out here, in a second."""
    return anchored.upscaler(anchors(dictionaries))

"""GR, global regression (Timofte, De Smet and Van Gool 2013).

ANR with a single neighbourhood: one ridge regression over all atoms of Zeyde's dictionaries turns
every patch's features into what the bicubic enlargement lacks.
"""

import numpy as np

from srgan.classical import anchored
from srgan.classical.anchored import Anchors, regressor
from srgan.classical.luma import LumaUpscaler
from srgan.classical.zeyde import Dictionaries


def anchors(dictionaries: Dictionaries) -> Anchors:
    """The one regressor, as that of a single anchor which every patch is nearest to."""
    low, high = dictionaries.low.T.astype(np.float64), dictionaries.high.T
    only = regressor(low, high, ridge_of(len(low)))
    return Anchors(
        dictionaries.scale,
        dictionaries.components,
        dictionaries.low[:, :1],
        only[None].astype(np.float32),
    )


def ridge_of(atoms: int) -> float:
    """The published weight of the ridge for a dictionary's size."""
    for most, ridge in ((1023, 0.01), (1024, 0.1), (4096, 1.0)):
        if atoms <= most:
            return ridge
    return 5.0


def upscaler(dictionaries: Dictionaries) -> LumaUpscaler:
    """The method, ready to enlarge; the regressor is worked out here."""
    return anchored.upscaler(anchors(dictionaries))

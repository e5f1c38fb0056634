"""Anchored regression: every atom of a dictionary owns a matrix from features to detail.

What ANR and A+ share: a patch goes to the atom it correlates with most, whose matrix gives what
the bicubic enlargement lacks. Overlapping patches are averaged.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.classical.patches import by_patches

Float = NDArray[np.float32]
Double = NDArray[np.float64]

_BATCH = 65536


@dataclass(frozen=True, slots=True)
class Anchors:
    """``components`` (f, d), ``atoms`` (d, K) of unit length, ``regressors`` (K, d, size²)."""

    scale: int
    components: Float
    atoms: Float
    regressors: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        size = (3 * self.scale) ** 2
        return (
            self.components.ndim == self.atoms.ndim == 2
            and self.components.shape == (4 * size, self.atoms.shape[0])
            and self.regressors.shape == (self.atoms.shape[1], self.atoms.shape[0], size)
        )


def regressor(low: Double, high: NDArray[np.floating[Any]], ridge: float) -> Double:
    """The ridge regression from (n, d) features to (n, size²) patches, (d, size²).

    The published code multiplies by 1 + ridge; the inverse is taken in d dimensions.
    """
    system = low.T @ low + ridge * np.eye(low.shape[1])
    return np.asarray((1.0 + ridge) * np.linalg.solve(system, low.T @ high), np.float64)


def upscaler(anchors: Anchors) -> LumaUpscaler:
    """The method, ready to enlarge."""
    return by_patches(anchors.scale, anchors.components, partial(regress, anchors))


def regress(anchors: Anchors, codes: Float) -> Float:
    """(N, d) shortened features → (N, size²) what is missing."""
    nearest = np.concatenate(
        [
            np.abs(codes[start : start + _BATCH] @ anchors.atoms).argmax(axis=1)
            for start in range(0, len(codes), _BATCH)
        ]
    )
    order = np.argsort(nearest, kind="stable")
    ends = np.searchsorted(nearest[order], np.arange(anchors.atoms.shape[1] + 1))
    missing = np.empty((len(codes), anchors.regressors.shape[2]), np.float32)
    for atom in np.unique(nearest):
        rows = order[ends[atom] : ends[atom + 1]]
        missing[rows] = codes[rows] @ anchors.regressors[atom]
    return missing

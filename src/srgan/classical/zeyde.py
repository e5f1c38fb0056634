"""Sparse coding with a pair of dictionaries (Zeyde, Elad and Protter 2010).

"On Single Image Scale-Up Using Sparse-Representations". The LR dictionary is learned by K-SVD;
the HR dictionary is what reproduces the missing patches from the same codes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.classical.ksvd import ksvd, pursue
from srgan.classical.luma import LumaUpscaler
from srgan.classical.patches import by_patches, pairs, principal_components
from srgan.errors import DataRefused

Float = NDArray[np.float32]

SPARSITY = 3


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """``components`` (f, d), ``low`` (d, K) of unit length, ``high`` (size², K)."""

    scale: int
    components: Float
    low: Float
    high: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        size = (3 * self.scale) ** 2
        return (
            self.components.ndim == self.low.ndim == 2
            and self.components.shape == (4 * size, self.low.shape[0])
            and self.high.shape == (size, self.low.shape[1])
        )


def fit(
    images: Iterable[NDArray[np.uint8]],
    *,
    scale: int,
    size: int = 1024,
    rounds: int = 20,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Dictionaries:
    """Learn from a folder's pictures; the paper has the 91 of Yang et al.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor to be learned.
        size: atoms.
        rounds: alternations of K-SVD.
        seed: chooses the patches that it starts from.
        progress: told the part that is done.

    Raises:
        DataRefused: the pictures have fewer patches than atoms.
    """
    parts = list(pairs(images, scale=scale, step=2))
    components = principal_components(parts)
    signals = np.concatenate([p.features @ components for p in parts])
    missing = np.concatenate([p.missing for p in parts])
    if len(signals) < 2 * size:
        raise DataRefused(
            f"the pictures have {len(signals)} patches, too few for {size} atoms; give more of them"
        )
    low = ksvd(signals, size=size, atoms=SPARSITY, rounds=rounds, seed=seed, progress=progress)
    chosen, coefficients = pursue(low, signals, SPARSITY)
    gram = np.zeros((size, size))
    target = np.zeros((missing.shape[1], size))
    for a in range(SPARSITY):
        np.add.at(target.T, chosen[:, a], coefficients[:, a, None] * missing)
        for b in range(SPARSITY):
            np.add.at(gram, (chosen[:, a], chosen[:, b]), coefficients[:, a] * coefficients[:, b])
    # The least-squares solution; the small ridge is for atoms that no patch uses.
    ridge = 1e-6 * np.trace(gram) / size * np.eye(size)
    high = np.linalg.solve(gram + ridge, target.T).T
    return Dictionaries(scale, components, low, np.ascontiguousarray(high, np.float32))


def upscaler(dictionaries: Dictionaries) -> LumaUpscaler:
    """The method, ready to enlarge."""
    high = dictionaries.high.T

    def missing_of(codes: Float) -> Float:
        chosen, coefficients = pursue(dictionaries.low, codes, SPARSITY)
        missing: Any = sum(coefficients[:, k, None] * high[chosen[:, k]] for k in range(SPARSITY))
        return np.asarray(missing, np.float32)

    return by_patches(dictionaries.scale, dictionaries.components, missing_of)

"""A+, adjusted anchored neighbourhood regression (Timofte, De Smet and Van Gool 2014).

Like ANR, but each atom's regression is learned from the 2048 training patches nearest to it
instead of from other atoms.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from srgan.classical.anchored import Anchors
from srgan.classical.patches import equalise, samples_of
from srgan.classical.zeyde import Dictionaries
from srgan.errors import DataRefused

Float = NDArray[np.float32]

NEIGHBOURS = 2048
RIDGE = 0.1
SIZES = 12
"""Sizes of each training picture, each 0.98 times the one before."""

_ATOMS_AT_ONCE = 32


def fit(
    images: Sequence[NDArray[np.uint8]],
    dictionaries: Dictionaries,
    *,
    samples: int = 2_000_000,
    neighbours: int = NEIGHBOURS,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Anchors:
    """Learn every atom's regression.

    Args:
        images: the pictures that ``dictionaries`` were learned from, (H, W, 3) or (H, W) uint8.
        dictionaries: from :func:`srgan.classical.zeyde.fit`.
        samples: patches at most; the paper has 5 million. A patch takes 700 bytes at x4.
        neighbours: patches per atom.
        seed: chooses the patches when there are more than ``samples``.
        progress: told the part that is done.

    Raises:
        DataRefused: the pictures have fewer patches than ``neighbours``.
    """
    codes, missing = samples_of(
        images,
        dictionaries.components,
        scale=dictionaries.scale,
        shrink=SIZES,
        most=samples,
        seed=seed,
    )
    equalise(codes, missing)
    if len(codes) < neighbours:
        raise DataRefused(
            f"the pictures have {len(codes)} patches, fewer than the {neighbours} that each atom "
            "learns from; give more pictures or samples"
        )
    lengths = np.einsum("nd,nd->n", codes, codes)
    atoms = dictionaries.low.T  # (K, d)
    regressors = np.empty((len(atoms), atoms.shape[1], missing.shape[1]), np.float32)
    ridge = RIDGE * np.eye(atoms.shape[1])
    for start in range(0, len(atoms), _ATOMS_AT_ONCE):
        # Squared distances but for the atoms' own length, which is 1.
        distances = lengths - 2.0 * (atoms[start : start + _ATOMS_AT_ONCE] @ codes.T)
        for number, row in enumerate(distances, start):
            near = np.argpartition(row, neighbours - 1)[:neighbours]
            low = codes[near].astype(np.float64)
            regressors[number] = np.linalg.solve(low.T @ low + ridge, low.T @ missing[near])
        if progress is not None:
            progress(min(1.0, (start + _ATOMS_AT_ONCE) / len(atoms)))
    return Anchors(dictionaries.scale, dictionaries.components, dictionaries.low, regressors)

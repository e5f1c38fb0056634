"""JOR, jointly optimised regressors (Dai, Timofte and Van Gool 2015).

A few regressors share all patches: each is learned from the patches that it serves best, and each
patch goes to the regressor that serves it best, in turn. Which one a new patch needs is told by
the stored patches nearest to it, whose errors with every regressor are known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.classical.nearest import Groups
from srgan.classical.patches import by_patches, equalise, pairs, principal_components, samples_of
from srgan.errors import DataRefused

Float = NDArray[np.float32]
Index = NDArray[np.int64]

REGRESSORS = 32
ROUNDS = 20
NEIGHBOURS = 16
SIZES = 20
"""Sizes of each training picture, each 0.98 times the one before."""
RIDGES = (0.1, 0.15)
"""In the first round, and after it."""
STORED = 200_000
"""Patches that are stored, at most; the paper has 5 million, 25 times the file."""

_LEARNED = 4000
_BATCH = 2048


@dataclass(frozen=True, slots=True)
class Regressors:
    """``components`` (f, d), ``regressors`` (O, d, size²); of the stored patches ``codes`` (N, d)
    and ``errors`` (N, O).
    """

    scale: int
    components: Float
    regressors: Float
    codes: Float
    errors: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        size = (3 * self.scale) ** 2
        if self.components.ndim != 2 or self.errors.ndim != 2 or self.errors.size == 0:
            return False
        rows, d = self.components.shape
        return (
            rows == 4 * size
            and self.regressors.shape == (self.errors.shape[1], d, size)
            and self.codes.shape == (len(self.errors), d)
        )


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    samples: int = STORED,
    rounds: int = ROUNDS,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Regressors:
    """Learn from a folder's pictures; the paper has the 91 of Yang et al.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor to be learned.
        samples: patches at most. A patch takes 250 bytes of the file.
        rounds: alternations.
        seed: chooses the patches, and whom each regressor serves first.
        progress: told the part that is done.

    Raises:
        DataRefused: the pictures have too few patches.
    """
    components = principal_components(list(pairs(images, scale=scale, step=2)))
    codes, missing = samples_of(
        images, components, scale=scale, shrink=SIZES, most=samples, seed=seed
    )
    if len(codes) < 2 * REGRESSORS:
        raise DataRefused(
            f"the pictures have {len(codes)} patches, too few for {REGRESSORS} regressors; "
            "give more pictures or samples"
        )
    equalise(codes, missing)
    draw = np.random.default_rng(seed)
    served = draw.integers(REGRESSORS, size=len(codes))
    regressors = np.zeros((REGRESSORS, codes.shape[1], missing.shape[1]), np.float32)
    errors = np.empty((len(codes), REGRESSORS), np.float32)
    for number in range(rounds):
        for one in range(REGRESSORS):
            rows = np.flatnonzero(served == one)
            if len(rows) > _LEARNED:
                rows = draw.choice(rows, _LEARNED, replace=False)
            if len(rows):  # one that serves nobody stays as it was
                regressors[one] = _regression(codes[rows], missing[rows], RIDGES[number > 0])
        _measure(codes, missing, regressors, errors)
        served = errors.argmin(axis=1)
        if progress is not None:
            progress((number + 1) / rounds)
    return Regressors(scale, components, regressors, codes, errors)


def _regression(codes: Float, missing: Float, ridge: float) -> Float:
    """(n, d), (n, size²) → (d, size²)."""
    low = codes.astype(np.float64)
    system = low.T @ low + ridge * np.eye(low.shape[1])
    return np.asarray(np.linalg.solve(system, low.T @ missing), np.float32)


def _measure(codes: Float, missing: Float, regressors: Float, errors: Float) -> None:
    """Each patch's squared error with each regressor."""
    for start in range(0, len(codes), _BATCH):
        part = slice(start, start + _BATCH)
        for one, regressor in enumerate(regressors):
            left = codes[part] @ regressor - missing[part]
            errors[part, one] = np.einsum("ns,ns->n", left, left)


def upscaler(learned: Regressors) -> LumaUpscaler:
    """The method, ready to enlarge; the stored patches are put in order here, in a second."""
    return by_patches(learned.scale, learned.components, answer(learned))


def answer(learned: Regressors) -> Callable[[Float], Float]:
    """From (N, d) shortened features to (N, size²) what is missing."""
    groups = Groups(learned.codes)

    def missing_of(codes: Float) -> Float:
        wanted = codes.copy()
        equalise(wanted)
        near, _ = groups.search(wanted, NEIGHBOURS)
        expected = np.zeros((len(codes), learned.errors.shape[1]), np.float32)
        for k in range(NEIGHBOURS):
            known = near[:, k, None] >= 0
            expected += (NEIGHBOURS - k) * known * learned.errors[near[:, k]]
        chosen = expected.argmin(axis=1)
        missing: Float = np.empty((len(codes), learned.regressors.shape[2]), np.float32)
        for one in np.unique(chosen):
            rows = np.flatnonzero(chosen == one)
            missing[rows] = codes[rows] @ learned.regressors[one]
        return missing

    return missing_of

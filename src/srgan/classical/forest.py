"""Super-resolution forest (Schulter, Leistner and Bischof, CVPR 2015).

Each tree sorts a patch into a leaf by comparing pairs of its features; the leaf's ridge regression
says what the bicubic enlargement lacks; the trees' answers are averaged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.classical.patches import by_patches, pairs, principal_components, samples_of
from srgan.errors import DataRefused

Float = NDArray[np.float32]
Index = NDArray[np.int64]

TREES = 10
DEPTH = 9
SPLIT, LEAF = 128, 64
"""Patches that a node must have to be split, and that a leaf has at least."""

RIDGE = 0.01
_JUDGED = 512
_RANDOM_THRESHOLDS = 5


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of one depth D, their nodes in the order of a heap.

    ``components`` (f, d); ``tests`` (T, 2^D - 1, 3): two features and the threshold above which
    their difference sends a patch to the right; ``leaves`` (T, 2^D): which regressor;
    ``regressors`` (L, d + 1, size²), the last row a constant.
    """

    scale: int
    components: Float
    tests: Float
    leaves: Float
    regressors: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together and no number points outside."""
        size = (3 * self.scale) ** 2
        if self.components.ndim != 2 or self.tests.ndim != 3 or self.leaves.ndim != 2:
            return False
        rows, d = self.components.shape
        trees, leaves = self.leaves.shape
        return (
            rows == 4 * size
            and min(trees, leaves) > 0
            and self.tests.shape == (trees, leaves - 1, 3)
            and leaves == 1 << _depth(leaves)
            and self.regressors.shape[1:] == (d + 1, size)
            and bool(np.all((self.tests[..., :2] >= 0) & (self.tests[..., :2] < d)))
            and bool(np.all((self.leaves >= 0) & (self.leaves < len(self.regressors))))
        )


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    trees: int = TREES,
    depth: int = DEPTH,
    samples: int = 1_000_000,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Forest:
    """Learn from a folder's pictures.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor to be learned.
        trees: how many; the paper has 10 and 15.
        depth: tests on the way to a leaf, at most; the paper has 15, which is 64 times the size.
        samples: patches at most. A patch takes 700 bytes at x4.
        seed: chooses patches and tests.
        progress: told the part that is done.

    Raises:
        DataRefused: the pictures have too few patches for a single split.
    """
    components = principal_components(list(pairs(images, scale=scale, step=2)))
    codes, missing = samples_of(images, components, scale=scale, shrink=3, most=samples, seed=seed)
    if len(codes) < SPLIT:
        raise DataRefused(f"the pictures have {len(codes)} patches; a forest needs {SPLIT}")
    draw = np.random.default_rng(seed)
    tests = np.zeros((trees, (1 << depth) - 1, 3), np.float32)
    leaves = np.zeros((trees, 1 << depth), np.float32)
    regressors: list[Float] = []
    for tree in range(trees):
        waiting = [(0, np.arange(len(codes)))]
        while waiting:
            node, rows = waiting.pop()
            found = None
            if node < len(tests[tree]) and len(rows) >= SPLIT:
                found = _split(codes, missing, rows, draw)
            if found is not None:
                first, second, threshold = found
                tests[tree, node] = found
                right = codes[rows, first] - codes[rows, second] > threshold
                waiting += [(2 * node + 1, rows[~right]), (2 * node + 2, rows[right])]
                continue
            while node < len(tests[tree]):  # whatever comes here goes on to the left
                tests[tree, node] = (0, 0, 0)
                node = 2 * node + 1
            leaves[tree, node - len(tests[tree])] = len(regressors)
            regressors.append(_regression(codes[rows], missing[rows]))
        if progress is not None:
            progress((tree + 1) / trees)
    return Forest(scale, components, tests, leaves, np.stack(regressors))


def _split(
    codes: Float, missing: Float, rows: Index, draw: np.random.Generator
) -> tuple[int, int, float] | None:
    """The best of some random tests: after it the patches of a side are alike, in both spaces."""
    some = draw.choice(rows, _JUDGED, replace=False) if len(rows) > _JUDGED else rows
    spaces = [_whitened(codes[some]), _whitened(missing[some])]
    best, found = np.inf, None
    for _ in range(max(1, round(codes.shape[1] ** 0.5))):
        first, second = draw.choice(codes.shape[1], 2, replace=False)
        difference = codes[some, first] - codes[some, second]
        low, high = difference.min(), difference.max()
        for threshold in (
            *draw.uniform(low, high, _RANDOM_THRESHOLDS).astype(np.float32),
            np.median(difference),
        ):
            right = difference > threshold
            if not 0 < right.sum() < len(some):
                continue
            score = sum(_spread(space[side]) for space in spaces for side in (right, ~right))
            if score < best:
                whole = codes[rows, first] - codes[rows, second] > threshold
                if LEAF <= whole.sum() <= len(rows) - LEAF:
                    best, found = score, (int(first), int(second), float(threshold))
    return found


def _whitened(values: Float) -> Float:
    """Scaled so that the spread of the whole is 1 a value, which makes the spaces comparable."""
    return np.asarray(values / np.sqrt(_spread(values) / len(values) + 1e-12), np.float32)


def _spread(values: Float) -> float:
    """The sum of squared distances from the mean."""
    return float(np.square(values - values.mean(axis=0)).sum())


def _regression(codes: Float, missing: Float) -> Float:
    """(n, d), (n, size²) → (d + 1, size²)."""
    low = np.column_stack([codes, np.ones(len(codes))]).astype(np.float64)
    system = low.T @ low + RIDGE * np.eye(low.shape[1])
    return np.asarray(np.linalg.solve(system, low.T @ missing), np.float32)


def upscaler(forest: Forest) -> LumaUpscaler:
    """The method, ready to enlarge."""
    return by_patches(forest.scale, forest.components, partial(missing_of, forest))


def missing_of(forest: Forest, codes: Float) -> Float:
    """(N, d) shortened features → (N, size²) what is missing."""
    rows = np.arange(len(codes))
    total = np.zeros((len(codes), forest.regressors.shape[2]), np.float32)
    for tests, leaves in zip(forest.tests, forest.leaves, strict=True):
        node = np.zeros(len(codes), np.int64)
        for _ in range(_depth(len(leaves))):
            test = tests[node]
            first, second = test[:, 0].astype(np.int64), test[:, 1].astype(np.int64)
            node = 2 * node + 1 + (codes[rows, first] - codes[rows, second] > test[:, 2])
        regressor = leaves[node - len(tests)].astype(np.int64)
        order = np.argsort(regressor, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(regressor[order])) + 1):
            matrix = forest.regressors[regressor[group[0]]]
            total[group] += codes[group] @ matrix[:-1] + matrix[-1]
    return total / np.float32(len(forest.tests))


def _depth(leaves: int) -> int:
    return leaves.bit_length() - 1

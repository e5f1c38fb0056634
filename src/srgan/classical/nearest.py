"""Approximate nearest neighbours: vectors in groups about centres, of which a few are searched.

An inverted list (Jégou, Douze and Schmid 2011, without the quantisation): a query is compared with
the vectors of the groups around its own centre, some thousand instead of all.
"""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Index = NDArray[np.int64]

GROUP = 128
"""Vectors of a group, about."""
PROBES = 8
"""Groups that are searched."""

_ROUNDS = 5
_LEARNED = 64
_BATCH = 8192


class Groups:
    """Vectors (N, d), at least one, ready to be searched; the same seed gives the same groups."""

    def __init__(self, vectors: Float, *, seed: int = 0) -> None:
        count = max(1, round(len(vectors) / GROUP))
        draw = np.random.default_rng(seed)
        learned = min(len(vectors), _LEARNED * count)
        some = vectors[np.sort(draw.choice(len(vectors), learned, replace=False))]
        self._centres = some[draw.choice(len(some), count, replace=False)]
        for _ in range(_ROUNDS):
            found, means = group_means(some, closest(some, self._centres))
            self._centres[found] = means
        held, group = np.unique(closest(vectors, self._centres), return_inverse=True)
        self._centres, count = self._centres[held], len(held)  # no group is empty
        self._order = np.argsort(group, kind="stable")
        self._ends = np.searchsorted(group[self._order], np.arange(count + 1))
        self._vectors = vectors[self._order]
        self._lengths = np.einsum("nd,nd->n", self._vectors, self._vectors)
        apart = np.square(self._centres).sum(axis=1) - 2 * self._centres @ self._centres.T
        self._near = np.argsort(apart, axis=1, kind="stable")[:, :PROBES]

    def search(self, queries: Float, count: int) -> tuple[Index, Float]:
        """The nearest vectors of each query, the nearest first.

        Args:
            queries: (n, d).
            count: how many; fewer where the searched groups have no more.

        Returns:
            (n, count) their numbers and (n, count) squared distances; -1 and infinity beyond what
            was found.
        """
        numbers = np.full((len(queries), count), -1, np.int64)
        distances = np.full((len(queries), count), np.inf, np.float32)
        group = closest(queries, self._centres)
        order = np.argsort(group, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
            if len(rows) == 0:  # of no queries at all
                continue
            among = np.concatenate(
                [np.arange(self._ends[g], self._ends[g + 1]) for g in self._near[group[rows[0]]]]
            )
            found = min(count, len(among))
            apart = self._lengths[among] - 2 * (queries[rows] @ self._vectors[among].T)
            best = np.argpartition(apart, found - 1, axis=1)[:, :found]
            values = np.take_along_axis(apart, best, axis=1)
            sort = np.argsort(values, axis=1, kind="stable")
            best = np.take_along_axis(best, sort, axis=1)
            own = np.square(queries[rows]).sum(axis=1, keepdims=True)
            numbers[rows, :found] = self._order[among[best]]
            distances[rows, :found] = np.maximum(np.take_along_axis(values, sort, axis=1) + own, 0)
        return numbers, distances


def closest(vectors: Float, centres: Float) -> Index:
    """(n, d) and (k, d) → (n,): the number of each vector's nearest centre."""
    lengths = np.square(centres).sum(axis=1)
    parts = [
        (lengths - 2 * vectors[start : start + _BATCH] @ centres.T).argmin(axis=1)
        for start in range(0, len(vectors), _BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def group_means(vectors: Float, group: Index) -> tuple[Index, Float]:
    """The groups that hold any vector, and the mean of each: a step of k-means."""
    order = np.argsort(group, kind="stable")
    found, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(vectors[order], starts, axis=0)
    return found, np.asarray(sums / sizes[:, None].astype(np.float32), np.float32)


def blended(values: Float, distances: Float, tolerated: Float | np.float32) -> Float:
    """(n, k, s) and (n, k) → (n, s): the mean of what neighbours have, the nearer counting more.

    Args:
        values: of each query's neighbours.
        distances: squared, the nearest first, which always counts.
        tolerated: those beyond the nearest's at which a neighbour counts 1/e.
    """
    weights = np.exp(-(distances - distances[:, :1]) / tolerated)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nk,nks->ns", weights, values), np.float32)

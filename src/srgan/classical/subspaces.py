"""Sub-dictionaries: patches that look alike, and the basis in which those are short to say.

Of each cluster of patches, by k-means of their high-pass parts, the principal components are an
orthonormal dictionary (Dong et al. 2011), and least squares tell a pixel from its neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.classical.nearest import closest, group_means
from srgan.classical.patches import high_pass

Float = NDArray[np.float32]
Index = NDArray[np.int64]

SIDE = 7
NEIGHBOURS = tuple((y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1))
"""Where the pixels are that a pixel is told from, in the 3x3 around it."""

_SIGMA = 1.5
_LIVELY = np.float32(4.0 / 255.0)
_ROUNDS = 12
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Subspaces:
    """``centres`` (K, SIDE²) of high-pass patches, the first of flat ones; ``bases`` (K, SIDE²,
    SIDE²), a component a column; ``models`` (K, 8), the weights of a pixel's neighbours.
    """

    scale: int
    centres: Float
    bases: Float
    models: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        if self.centres.ndim != 2:
            return False
        count, side = self.centres.shape
        return (
            count > 0
            and side == SIDE**2
            and self.bases.shape == (count, SIDE**2, SIDE**2)
            and self.models.shape == (count, len(NEIGHBOURS))
        )

    def nearest(self, high: Float) -> Index:
        """(n, SIDE²) high-pass patches → (n,) the cluster of each."""
        return closest(high, self.centres)


def high(image: Float) -> Float:
    """The part of a picture that tells its patches' clusters."""
    return high_pass(image, _SIGMA)


def learn(
    scale: int, patches: Float, highs: Float, *, clusters: int, least: int, seed: int = 0
) -> Subspaces:
    """Clusters of patches, and what each is like.

    Args:
        scale: noted in the result.
        patches: (N, SIDE²), at least one.
        highs: (N, SIDE²), the same of :func:`high`.
        clusters: of patches that are not nearly flat, at most.
        least: patches of each; smaller clusters go to the others.
        seed: chooses the centres to begin with.
    """
    patches = patches - patches.mean(axis=1, keepdims=True)
    lively = patches.std(axis=1) > _LIVELY
    centres = np.zeros((1, SIDE**2), np.float32)
    members = [patches]  # of the first centre, which takes what is like no other
    count = min(clusters, int(lively.sum()) // least)
    if count:
        found, group = _clusters(highs[lively], count, least, seed)
        centres = np.concatenate([centres, found])
        order = np.argsort(group, kind="stable")
        members += np.split(patches[lively][order], np.bincount(group).cumsum()[:-1])
    bases = np.array([_components(part) for part in members], np.float32)
    models = np.array([_model(part) for part in members], np.float32)
    return Subspaces(scale, centres, bases, models)


def _clusters(vectors: Float, count: int, least: int, seed: int) -> tuple[Float, Index]:
    """Centres by k-means, each of ``least`` vectors or more, and the centre of each vector."""
    draw = np.random.default_rng(seed)
    centres = vectors[draw.choice(len(vectors), count, replace=False)]
    for _ in range(_ROUNDS):
        _, centres = group_means(vectors, closest(vectors, centres))
    group = closest(vectors, centres)
    while len(centres) > 1 and (sizes := np.bincount(group, minlength=len(centres))).min() < least:
        lost = int(sizes.argmin())
        centres = np.delete(centres, lost, axis=0)
        moved = group == lost
        group[group > lost] -= 1
        if moved.any():
            group[moved] = closest(vectors[moved], centres)
    return centres, group


def _components(patches: Float) -> NDArray[np.float64]:
    """The principal components, the strongest first."""
    _, vectors = np.linalg.eigh((patches.T @ patches).astype(np.float64))
    return np.asarray(vectors[:, ::-1])


def _model(patches: Float) -> NDArray[np.float64]:
    """Weights of sum 1 by which the neighbours tell the pixel in the middle."""
    around = patches.reshape(-1, SIDE, SIDE)[:, 2:5, 2:5].reshape(-1, 9).astype(np.float64)
    middle, around = around[:, 4], np.delete(around, 4, axis=1)
    mean = around.mean(axis=1)
    around = around - mean[:, None]
    system = around.T @ around
    system += (_RIDGE * np.trace(system) / len(system) + 1e-9) * np.eye(len(system))
    weights = np.linalg.solve(system, around.T @ (middle - mean))
    return np.asarray(weights + (1.0 - weights.sum()) / len(weights))

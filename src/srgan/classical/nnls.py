"""Non-negative least squares of many small problems at once, by block principal pivoting.

Portugal, Júdice and Vicente 1994; Kim and Park 2011. Every weight is either free or 0; those on the
wrong side change place, all at once while that helps, else (Murty's rule) the last one alone, which
cannot go round in circles.
"""

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

_CHANCES = 3
_ROUNDS = 500
TOLERANCE = 1e-9


def nnls(gram: Double, products: Double) -> Double:
    """Minimise ``w' gram w / 2 - products' w`` over ``w >= 0`` for every problem.

    Args:
        gram: (N, k, k), positive definite.
        products: (N, k).

    Returns:
        (N, k).
    """
    count, size = products.shape
    weights = np.zeros_like(products)
    free = np.zeros((count, size), bool)
    pull = -products  # of the function at its weights; where free it is 0
    chances = np.full(count, _CHANCES)
    fewest = np.full(count, size + 1)
    limit = TOLERANCE * np.maximum(np.abs(products).max(axis=1, initial=0.0), 1e-12)
    left = np.arange(count)
    for _ in range(_ROUNDS):
        wrong = np.where(free[left], weights[left], pull[left]) < -limit[left, None]
        many = wrong.sum(axis=1)
        left, wrong, many = left[many > 0], wrong[many > 0], many[many > 0]
        if len(left) == 0:
            break
        better = many < fewest[left]
        fewest[left[better]] = many[better]
        chances[left] = np.where(better, _CHANCES, chances[left] - 1)
        alone = chances[left] < 0
        last = size - 1 - np.argmax(wrong[:, ::-1], axis=1)
        wrong[alone] = np.arange(size) == last[alone, None]
        free[left] ^= wrong
        among = free[left]
        system = gram[left] * (among[:, :, None] & among[:, None, :])
        system += np.eye(size) * ~among[:, None, :]
        found = np.linalg.solve(system, (products[left] * among)[..., None])[..., 0]
        weights[left] = found
        pull[left] = np.einsum("nij,nj->ni", gram[left], found) - products[left]
    return np.maximum(weights, 0.0)

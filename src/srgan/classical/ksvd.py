"""Sparse coding: orthogonal matching pursuit and K-SVD (Aharon et al. 2006), in batches."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Index = NDArray[np.int64]

_BATCH = 8192


def pursue(dictionary: Float, signals: Float, atoms: int) -> tuple[Index, Float]:
    """Write each signal as a sum of few atoms, chosen greedily (orthogonal matching pursuit).

    Args:
        dictionary: (d, K), atoms of unit length.
        signals: (N, d).
        atoms: how many each signal gets.

    Returns:
        (N, atoms) which atoms, and (N, atoms) their coefficients.
    """
    chosen = np.empty((len(signals), atoms), np.int64)
    coefficients = np.zeros((len(signals), atoms), np.float32)
    gram = dictionary.T @ dictionary
    for start in range(0, len(signals), _BATCH):
        part = slice(start, start + _BATCH)
        correlation = signals[part] @ dictionary  # (n, K)
        left = correlation
        picked = chosen[part]
        weights = coefficients[part]
        for k in range(atoms):
            magnitude = np.abs(left)
            if k:
                np.put_along_axis(magnitude, picked[:, :k], -1.0, axis=1)
            picked[:, k] = magnitude.argmax(axis=1)
            among = picked[:, : k + 1]
            matrix = gram[among[:, :, None], among[:, None, :]].astype(np.float64)
            matrix += 1e-7 * np.eye(k + 1)
            right = np.take_along_axis(correlation, among, axis=1).astype(np.float64)
            weights[:, : k + 1] = np.linalg.solve(matrix, right[..., None])[..., 0]
            if k + 1 < atoms:
                explained = sum(weights[:, i, None] * gram[picked[:, i]] for i in range(k + 1))
                left = correlation - explained
    return chosen, coefficients


def ksvd(
    signals: Float,
    *,
    size: int,
    atoms: int,
    rounds: int,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> Float:
    """Learn a dictionary in which each signal is nearly a sum of few atoms.

    Args:
        signals: (N, d); those without content are left out.
        size: atoms of the dictionary, at most the number of signals.
        atoms: atoms per signal.
        rounds: alternations of coding and updating.
        seed: chooses the signals that it starts from.
        progress: told the part that is done.

    Returns:
        (d, size), atoms of unit length.
    """
    norms = np.linalg.norm(signals, axis=1)
    signals = signals[norms > 1e-4]
    draw = np.random.default_rng(seed)
    start = draw.choice(len(signals), size, replace=len(signals) < size)
    dictionary = np.ascontiguousarray(signals[start].T)
    dictionary /= np.linalg.norm(dictionary, axis=0)
    for number in range(rounds):
        chosen, coefficients = pursue(dictionary, signals, atoms)
        left = signals.copy()
        for k in range(atoms):
            left -= coefficients[:, k, None] * dictionary[:, chosen[:, k]].T
        order = np.argsort(chosen, axis=None, kind="stable")
        ends = np.searchsorted(chosen.ravel()[order], np.arange(size + 1))
        badly = iter(np.argsort(-np.einsum("nd,nd->n", left, left))[:size])
        for atom in range(size):
            uses = order[ends[atom] : ends[atom + 1]]
            if len(uses) == 0:
                fresh = signals[next(badly)]
                dictionary[:, atom] = fresh / np.linalg.norm(fresh)
                continue
            rows, columns = uses // atoms, uses % atoms
            weight = coefficients[rows, columns]
            error = left[rows] + weight[:, None] * dictionary[:, atom]
            direction = weight @ error  # one step of the power method instead of a whole SVD
            length = np.linalg.norm(direction)
            if length < 1e-8:
                continue
            direction /= length
            weight = error @ direction
            dictionary[:, atom] = direction
            coefficients[rows, columns] = weight
            left[rows] = error - weight[:, None] * direction
        if progress is not None:
            progress((number + 1) / rounds)
    return dictionary

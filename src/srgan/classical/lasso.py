"""Sparse coding by an L1 penalty: FISTA (Beck and Teboulle 2009), in batches."""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_BATCH = 4096


def lasso(dictionary: Float, signals: Float, penalty: float, *, rounds: int = 60) -> Float:
    """Minimise ``|signal - dictionary @ code|² / 2 + penalty * |code|₁`` for every signal.

    Args:
        dictionary: (d, K).
        signals: (N, d).
        penalty: the weight of the codes' magnitudes.
        rounds: steps; each costs N * K² multiplications.

    Returns:
        (N, K).
    """
    gram = dictionary.T @ dictionary
    step = np.float32(1.0 / max(float(np.linalg.eigvalsh(gram)[-1]), 1e-12))
    codes = np.zeros((len(signals), dictionary.shape[1]), np.float32)
    for start in range(0, len(signals), _BATCH):
        wanted = signals[start : start + _BATCH] @ dictionary
        code = np.zeros_like(wanted)
        ahead, momentum = code, 1.0
        for _ in range(rounds):
            moved = ahead - step * (ahead @ gram - wanted)
            after = np.sign(moved) * np.maximum(np.abs(moved) - step * np.float32(penalty), 0.0)
            next_momentum = (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5) / 2.0
            ahead = after + np.float32((momentum - 1.0) / next_momentum) * (after - code)
            code, momentum = after, next_momentum
        codes[start : start + _BATCH] = code
    return codes

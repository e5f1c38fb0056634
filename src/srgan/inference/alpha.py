"""Colour under transparency."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


def bleed(colour: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Replace the colour of fully transparent pixels by the visible colour nearest to them.

    Averages of visible pixels are pulled up a pyramid until every hole is covered, then pushed
    down into the holes (Gortler et al. 1996).

    Args:
        colour: (H, W, C), uint8 or uint16.
        alpha: (H, W), of the same type; 0 is transparent.

    Returns:
        (H, W, C) of the same type; pixels that are visible at all are left as they are.
    """
    holes = alpha == 0
    if not holes.any() or holes.all():
        return colour
    weight = alpha.astype(np.float32)[..., None] / np.float32(np.iinfo(alpha.dtype).max)
    filled = _fill(colour.astype(np.float32) * weight, weight)
    out = colour.copy()
    out[holes] = np.floor(filled[holes] + 0.5).astype(colour.dtype)
    return out


def _fill(weighted: Float, weight: Float) -> Float:
    """Mean colours (H, W, C) from sums of colours and weights; holes from coarser levels."""
    mean = (weighted / np.maximum(weight, 1e-6)).astype(np.float32, copy=False)
    if weight.min() > 0 or max(weight.shape[:2]) == 1:
        return mean
    coarse = _fill(_halve(weighted), _halve(weight))
    height, width = weight.shape[:2]
    finer = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(weight > 0, mean, finer).astype(np.float32)


def _halve(values: Float) -> Float:
    height, width = values.shape[:2]
    even: Float = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    sums: Float = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return sums

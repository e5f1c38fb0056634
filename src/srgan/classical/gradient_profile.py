"""Gradient profile prior (Sun, Xu and Shum, CVPR 2008).

Across an edge the gradient rises and falls as a generalised Gaussian does, whose width says how
sharp the edge is. How sharp edges are in photos, for the sharpness that their enlargement has, is
known beforehand: the enlargement's gradients are drawn together to that width, and the picture is
looked for that has these gradients and gives the LR picture when it is shrunk.
"""

from math import gamma

import numpy as np
from numpy.typing import NDArray

from srgan.classical.backprojection import resized
from srgan.classical.luma import LumaUpscaler

Float = NDArray[np.float32]
Double = NDArray[np.float64]

SHAPE = 1.6
"""The exponent of profiles in photos."""
SHARPNESS = {
    2: ((0.9, 1.1, 1.3, 1.5, 2.0, 3.0), (0.86, 0.94, 1.01, 1.06, 1.075, 1.1)),
    3: ((0.9, 1.3, 1.7, 2.1, 3.0), (0.87, 0.95, 1.04, 1.07, 1.08)),
    4: ((0.9, 1.3, 1.7, 2.1, 2.9), (0.89, 0.94, 0.99, 1.03, 1.07)),
}
"""By factor: sharpness of edges in bicubic enlargements, and the median of the same edges in the
original, both in pixels. Measured on 31 of the 91 images of Yang et al."""
WEIGHT = 0.1
"""Of the gradients in a round, beside one step of back-projection."""
ROUNDS = 10

_SPREAD = (gamma(3 / SHAPE) / gamma(1 / SHAPE)) ** 0.5  # makes the width a standard deviation
_STEP = 0.5
_LEAST = 1.0  # levels a pixel: flatter places are left alone
_MOST = 4.0


def upscaler(scale: int) -> LumaUpscaler:
    """The method, ready to enlarge; beyond 4 times with what is known of edges at 4."""

    def enlarge(y: Float, bicubic: Float) -> Float:
        if scale < 2 or min(bicubic.shape) < 3:
            return bicubic
        image = bicubic.astype(np.float64)
        wanted = _divergence(*transformed(255.0 * image, scale)) / 255.0
        for _ in range(ROUNDS):
            image += WEIGHT * (_divergence(*_gradient(image)) - wanted)
            image += resized(y - resized(image.astype(np.float32), y.shape), image.shape)
        return image.astype(np.float32)

    return LumaUpscaler(scale, enlarge)


def transformed(image: Double, scale: int) -> tuple[Double, Double]:
    """The gradient (down, across) that the enlargement should have.

    Args:
        image: (H, W) a bicubic enlargement, in 0 to 255.
        scale: how many times it was enlarged.
    """
    down, across = _gradient(image)
    size = np.hypot(down, across)
    at = np.nonzero(size > _LEAST)
    y, x = (a.astype(np.float64) for a in at)
    dy, dx = down[at] / size[at], across[at] / size[at]
    # Uphill, to the edge: forwards or backwards along the gradient.
    ahead = _sampled(size, y + _STEP * dy, x + _STEP * dx)
    behind = _sampled(size, y - _STEP * dy, x - _STEP * dx)
    side = np.where(ahead >= behind, 1.0, -1.0)
    dy, dx = side * dy, side * dx
    distance = _climbed(size, y, x, dy, dx, 3 * scale)
    observed = sharpness(size, y + distance * dy, x + distance * dx, dy, dx, 3 * scale)
    observed = np.maximum(observed, _STEP)
    known = SHARPNESS[min(scale, 4)]
    expected = np.minimum(np.interp(observed, *known), observed)
    factor = np.ones_like(size)
    factor[at] = np.minimum(ratio(distance, observed, expected), _MOST)
    return down * factor, across * factor


def ratio(distance: Double, observed: Double, expected: Double) -> Double:
    """A profile of the expected width over one of the observed, ``distance`` from the edge."""
    inner = (_SPREAD * distance / observed) ** SHAPE - (_SPREAD * distance / expected) ** SHAPE
    return np.asarray(observed / expected * np.exp(inner), np.float64)


def sharpness(size: Double, y: Double, x: Double, dy: Double, dx: Double, reach: int) -> Double:
    """The width of the profile through each point, in pixels: its standard deviation.

    Args:
        size: (H, W) lengths of the gradient.
        y, x: (N,) points on edges.
        dy, dx: (N,) unit vectors across the edge.
        reach: pixels to both sides at most; a side ends where the profile rises again.
    """
    start = _sampled(size, y, x)
    total, moment = start.copy(), np.zeros_like(start)
    for side in (-1.0, 1.0):
        last, falling = start, np.ones(len(start), bool)
        for step in range(1, round(reach / _STEP) + 1):
            far = step * _STEP
            value = _sampled(size, y + side * far * dy, x + side * far * dx)
            falling &= value < last
            last = np.where(falling, value, last)
            total += np.where(falling, value, 0.0)
            moment += np.where(falling, value * far**2, 0.0)
    return np.asarray(np.sqrt(moment / np.maximum(total, 1e-9)), np.float64)


def _climbed(size: Double, y: Double, x: Double, dy: Double, dx: Double, reach: int) -> Double:
    """How far the gradient grows in this direction."""
    distance = np.zeros_like(y)
    last, rising = _sampled(size, y, x), np.ones(len(y), bool)
    for step in range(1, round(reach / _STEP) + 1):
        value = _sampled(size, y + step * _STEP * dy, x + step * _STEP * dx)
        rising &= value > last
        distance[rising] = step * _STEP
        last = np.where(rising, value, last)
    return distance


def _sampled(image: Double, y: Double, x: Double) -> Double:
    """Bilinear, the edge repeated."""
    height, width = image.shape
    y, x = np.clip(y, 0, height - 1.001), np.clip(x, 0, width - 1.001)
    top, left = y.astype(np.int64), x.astype(np.int64)
    y, x = y - top, x - left
    above = image[top, left] * (1 - x) + image[top, left + 1] * x
    below = image[top + 1, left] * (1 - x) + image[top + 1, left + 1] * x
    return np.asarray(above * (1 - y) + below * y, np.float64)


def _gradient(image: Double) -> tuple[Double, Double]:
    """Central differences, down and across."""
    padded: Double = np.pad(image, 1, mode="edge")
    return (
        (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2,
        (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2,
    )


def _divergence(down: Double, across: Double) -> Double:
    return _gradient(down)[0] + _gradient(across)[1]

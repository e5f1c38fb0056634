"""NEDI, new edge-directed interpolation (Li and Orchard 2001).

A picture is doubled by filling the gaps of its lattice twice: first the points with four diagonal
neighbours, then, on the lattice turned by 45 degrees, those with four beside them. The weights of
the four are those by which the samples of a window around are best told from their own neighbours,
twice as far away; along an edge they follow it. Where the neighbours hardly vary they are 1/4. No
sample leaves the range of its neighbours.

A doubled picture has its samples where the LR picture has them, not half a pixel off as
``imresize``: the last step moves it by the bicubic filter.
"""

from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.image.resize import KERNELS, Taps, apply_columns, apply_rows

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Mask = NDArray[np.bool_]
Directions = tuple[tuple[int, int], ...]

WINDOWS = (7, 5)
"""Sides, in samples of the doubled picture, of what weights are learned from: 16 and 13 samples.

The paper has no more than "a window"; 64 samples lose 0.3 dB.
"""
LEAST_VARIANCE = 8.0
"""Of the four neighbours, in levels of 0 to 255: up to it they are averaged."""
RIDGE = 100.0
"""Pulls the weights towards 1/4 where the window does not decide them."""

_EDGE = 8  # samples for which the picture's edge is repeated
_DIAGONAL: Directions = ((-1, -1), (-1, 1), (1, -1), (1, 1))
_BESIDE: Directions = ((-1, 0), (0, -1), (0, 1), (1, 0))


def upscaler(scale: int) -> LumaUpscaler:
    """The method, ready to enlarge; a factor that is no power of 2 is resampled from above it."""
    times = max(0, ceil(log2(scale)))

    def enlarge(y: Float, bicubic: Float) -> Float:
        grown = np.pad(y.astype(np.float64) * 255.0, _EDGE, mode="edge")
        for _ in range(times):
            grown = doubled(grown)
        rows, columns = (_placed(n, scale, 1 << times) for n in y.shape)
        kind = np.dtype(np.float64)
        placed = apply_columns(apply_rows(grown / 255.0, rows, kind), columns, kind)
        return np.asarray(placed, np.float32)

    return LumaUpscaler(scale, enlarge)


def doubled(image: Double) -> Double:
    """(H, W) in 0 to 255 → (2H - 1, 2W - 1); the given samples are its even ones."""
    height, width = image.shape
    grown = np.zeros((2 * height - 1, 2 * width - 1))
    known = np.zeros(grown.shape, bool)
    grown[::2, ::2] = image
    known[::2, ::2] = True
    middles = np.zeros_like(known)
    middles[1::2, 1::2] = True
    grown[middles] = _told(grown, known, middles, _DIAGONAL, WINDOWS[0])
    known |= middles
    grown[~known] = _told(grown, known, ~known, _BESIDE, WINDOWS[1])
    return grown


def _told(image: Double, known: Mask, wanted: Mask, directions: Directions, side: int) -> Double:
    """The wanted samples, from their neighbours in these directions."""
    near: Double = np.stack([_moved(image, dy, dx)[wanted] for dy, dx in directions], axis=1)
    found: Double = near.mean(axis=1)
    busy = near.var(axis=1) > LEAST_VARIANCE
    if not busy.any():
        return found
    picked = np.zeros_like(wanted)
    picked[wanted] = busy
    far = [_moved(image, 2 * dy, 2 * dx) * known for dy, dx in directions]
    system = np.empty((int(busy.sum()), 4, 4))
    right = np.empty((len(system), 4))
    for a in range(4):
        right[:, a] = _summed(far[a] * image, side)[picked] + RIDGE / 4
        for b in range(a + 1):
            system[:, a, b] = system[:, b, a] = _summed(far[a] * far[b], side)[picked]
    weights = np.linalg.solve(system + RIDGE * np.eye(4), right[..., None])[..., 0]
    near = near[busy]
    found[busy] = np.clip((weights * near).sum(axis=1), near.min(axis=1), near.max(axis=1))
    return found


def _moved(image: Double, dy: int, dx: int) -> Double:
    """What lies (dy, dx) from every sample; beyond the edge, its mirror image, gaps on gaps."""
    height, width = image.shape
    padded: Double = np.pad(image, 2, mode="reflect")
    return padded[2 + dy : 2 + dy + height, 2 + dx : 2 + dx + width]


def _summed(values: Double, side: int) -> Double:
    """The sum over the square of ``side`` samples around each."""
    half = side // 2
    padded: Double = np.pad(values, ((half + 1, half), (half + 1, half)))
    total: Double = padded.cumsum(axis=0).cumsum(axis=1)
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]


def _placed(length: int, scale: int, times: int) -> Taps:
    """What the half-pixel grid of ``imresize`` reads of a picture that grew ``times`` in place."""
    u = times * ((np.arange(length * scale) + 0.5) / scale - 0.5 + _EDGE)
    kernel, stretch = KERNELS["bicubic"], scale / times
    width = kernel.width / stretch
    indices = np.floor(u - width / 2)[:, None] + np.arange(ceil(width) + 2)
    weights = kernel.function(stretch * (u[:, None] - indices))
    return Taps(indices.astype(np.int64), weights / weights.sum(axis=1, keepdims=True))

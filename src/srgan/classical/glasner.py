"""Super-resolution from a single picture (Glasner, Bagon and Irani, ICCV 2009).

Small patches come again in the same picture at smaller sizes, where the picture itself shows what
they look like when they are larger. The picture grows in steps of about 1.25. At each, the nine
patches of the smaller levels that are most like a patch of the blurred enlargement give it their
sharp versions; what all patches say of a pixel is averaged and back-projected. The paper's
equations between patches of one size, shifted by parts of a pixel, are left out.
"""

import numpy as np
from numpy.typing import NDArray

from srgan.classical.backprojection import back_projected, resized
from srgan.classical.luma import LumaUpscaler
from srgan.classical.nearest import Groups, blended
from srgan.classical.pyramid import Pyramid, patches
from srgan.errors import UsageError

Float = NDArray[np.float32]

SIDE = 5
NEIGHBOURS = 9
LEVELS = 6
"""Smaller levels that are searched, and the input."""
_STEPS = {2: 3, 3: 5, 4: 6}
_AT_ONCE = 8192


def upscaler(scale: int) -> LumaUpscaler:
    """The method, ready to enlarge; it learns from nothing but the picture.

    Args:
        scale: the factor of a call, 2, 3 or 4.

    Raises:
        UsageError: another factor.
    """
    if scale not in _STEPS:
        raise UsageError(f"glasner enlarges 2, 3 or 4 times, not {scale}")
    steps = _STEPS[scale]

    def enlarge(y: Float, bicubic: Float) -> Float:
        pyramid = Pyramid(y, (bicubic.shape[0], bicubic.shape[1]), steps, steps + LEVELS)
        if pyramid.deepest < steps + 2:
            return bicubic
        examples = Examples(pyramid)
        grown = y
        for level in range(steps - 1, -1, -1):
            target = resized(grown, pyramid.shape(level))
            grown = back_projected(target + detail(target, examples), y)
        return grown

    return LumaUpscaler(scale, enlarge)


class Examples:
    """Patches of the input and what is below it: blurred, and what blurring took from them."""

    def __init__(self, pyramid: Pyramid) -> None:
        blurred, lost = [], []
        for level, image in pyramid.blurred.items():
            blurred.append(_flat(image))
            lost.append(_flat(pyramid.sharp[level] - image))
        self._lost = np.concatenate(lost)
        shapes = np.concatenate(blurred)
        shapes -= shapes.mean(axis=1, keepdims=True)
        self._groups = Groups(shapes)

    def detail(self, wanted: Float, tolerated: Float) -> Float:
        """What patches lack (n, SIDE²), as those most like them lacked it.

        Args:
            wanted: (n, SIDE²) blurred patches.
            tolerated: (n,) squared distances at which an example counts 1/e.
        """
        wanted = wanted - wanted.mean(axis=1, keepdims=True)
        near, distances = self._groups.search(wanted, NEIGHBOURS)
        return blended(self._lost[near], distances, np.maximum(tolerated, 1e-8)[:, None])


def detail(target: Float, examples: Examples) -> Float:
    """(H, W) blurred → (H, W): what it lacks, the mean of what all its patches say."""
    height, width = target.shape
    around, shifted = patches(target, SIDE), patches(_half_a_pixel_off(target), SIDE)
    edge = SIDE // 2
    total = np.zeros((height + 2 * edge, width + 2 * edge), np.float32)
    count = np.zeros_like(total)
    rows = max(1, _AT_ONCE // width)
    for top in range(0, height, rows):
        part = around[top : top + rows].reshape(-1, SIDE**2)
        apart = shifted[top : top + rows].reshape(-1, SIDE**2) - part
        found = examples.detail(part, np.einsum("ns,ns->n", apart, apart))
        cells = found.reshape(-1, width, SIDE, SIDE)
        for y in range(SIDE):
            for x in range(SIDE):
                place = slice(top + y, top + y + len(cells)), slice(x, x + width)
                total[place] += cells[:, :, y, x]
                count[place] += 1.0
    mean = (total / count)[edge : edge + height, edge : edge + width]
    return np.asarray(mean, np.float32)


def _flat(image: Float) -> Float:
    return np.ascontiguousarray(patches(image, SIDE).reshape(-1, SIDE**2))


def _half_a_pixel_off(image: Float) -> Float:
    padded = np.pad(image, ((0, 1), (0, 1)), mode="edge")
    four = padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]
    return np.asarray(four / 4, np.float32)

"""Multi-scale dictionary for single image super-resolution (Zhang, Gao, Tao and Li, CVPR 2012).

The dictionaries of ASDS, learned from nothing but the LR picture: its patches, and those of the
picture shrunk by 0.8 again and again, are at each size clustered by themselves. Patches of these
sizes that look like one of the result also say what that should be.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from srgan.classical.backprojection import resized
from srgan.classical.luma import LumaUpscaler
from srgan.classical.nearest import Groups, blended
from srgan.classical.shrinkage import Grid, solve
from srgan.classical.subspaces import Subspaces, high, learn

Float = NDArray[np.float32]

LEVELS = 5
RATIO = 0.8
SMALLEST = 8
"""Pixels that a smaller size has at least."""
CLUSTERS = 200
LEAST = 40
ACROSS = np.float32(0.02)
"""What the word of patches alike at other sizes counts."""

_COUNT = 5
_UNLIKE = np.float32(0.02)
_ASKED = 3
_AT_ONCE = 4096


def upscaler(scale: int) -> LumaUpscaler:
    """The method, ready to enlarge; it learns from nothing but the picture."""

    def enlarge(y: Float, bicubic: Float) -> Float:
        sizes = pyramid(y)
        return solve(y, bicubic, dictionaries(scale, sizes), drawn_to(sizes))

    return LumaUpscaler(scale, enlarge)


def pyramid(y: Float) -> list[Float]:
    """The picture, and as it is when shrunk by 0.8, 0.64, …"""
    shapes = [[round(n * RATIO**level) for n in y.shape] for level in range(1, LEVELS)]
    return [y, *(resized(y, tuple(shape)) for shape in shapes if min(shape) >= SMALLEST)]


def dictionaries(scale: int, sizes: list[Float]) -> Subspaces:
    """Those of each size, one after another; of the flat ones that of the picture."""
    each = [
        learn(scale, _patches(image), _patches(high(image)), clusters=CLUSTERS, least=LEAST)
        for image in sizes
    ]
    return Subspaces(
        scale,
        *(
            np.concatenate([getattr(one, name)[min(k, 1) :] for k, one in enumerate(each)])
            for name in ("centres", "bases", "models")
        ),
    )


def drawn_to(sizes: list[Float]) -> Callable[[Float], Callable[[Float], Float]]:
    """From an estimate to steps towards what patches of the LR picture say it should be."""
    examples = np.concatenate([_patches(image) for image in sizes])
    examples -= examples.mean(axis=1, keepdims=True)
    groups = Groups(examples)

    def said_of(patches: Float) -> Float:
        mean = patches.mean(axis=1, keepdims=True)
        near, distances = groups.search(patches - mean, _COUNT)
        told = blended(examples[near], distances, patches.shape[1] * _UNLIKE**2)
        return np.asarray(mean + told, np.float32)

    def towards(image: Float) -> Callable[[Float], Float]:
        grid = Grid(image.shape[0], image.shape[1], _ASKED)
        patches = grid.gather(image)
        said = [said_of(patches[n : n + _AT_ONCE]) for n in range(0, len(patches), _AT_ONCE)]
        target = grid.average(np.concatenate(said))
        return lambda estimate: ACROSS * (target - estimate)

    return towards


def _patches(image: Float) -> Float:
    return Grid(image.shape[0], image.shape[1], 1).gather(image)
